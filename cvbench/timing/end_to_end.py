"""End to end: from files on the disk to results in the host's memory, and the time of each stage.

Three kinds of windows alternate in random order: everything; loading alone; the model alone on inputs in
memory. Stages are measured in separate passes that wait for the device after every stage. These waits prevent
overlap, so the stages' times are not part of the other three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cvbench.record import Measurement
from cvbench.spec.cell import EndToEndPlan
from cvbench.statistics.series import geometric_mean
from cvbench.timing.instruments import Call, Instruments
from cvbench.timing.series import Series
from cvbench.timing.slices import Tally, settled_heap

LEDGER = 0.05
"""By so much the stages may differ from the whole."""
STAGE_PROTOCOL = "end-to-end/stages of a pass that waits after each"
LEDGER_PROTOCOL = "end-to-end/sum of the stages over the whole of the same passes"


class Load(NamedTuple):
    """One batch as it comes from the loader."""

    images: int
    content: Any


class Pipeline(NamedTuple):
    """The work, cut where one stage hands over to the next."""

    load: Callable[[], Iterator[Load]]
    """Batches without end, the data set over and over; whole batches only."""
    stages: Mapping[str, Callable[[Any], Any]]
    """The stages after loading, in order: each takes the result of the one before."""
    model: Call
    """The model alone, on inputs that lie on the device."""

    def process(self, content: Any) -> Any:
        """All stages after loading."""
        for stage in self.stages.values():
            content = stage(content)
        return content


def measure_end_to_end(
    work: Pipeline,
    plan: EndToEndPlan,
    *,
    instruments: Instruments,
    on_step: Callable[[float], None] = lambda _: None,
) -> list[Series]:
    """Images per second of everything, of loading and of the model; and the seconds of each stage."""
    lanes: dict[str, Callable[[], int]] = {
        "end_to_end": _Whole(work).step,
        "loader_only": _Loading(work).step,
        "model_only": _Model(work, plan.batch).step,
    }
    steps = {name: _steps(step, plan.window, instruments) for name, step in lanes.items()}
    rates: dict[str, list[float]] = {name: [] for name in lanes}
    tallies = {name: Tally(instruments) for name in lanes}
    with settled_heap():
        for done in range(plan.windows):
            for name in instruments.rng.sample(list(lanes), len(lanes)):
                with tallies[name].monitored():
                    rates[name].append(_window(lanes[name], steps[name], instruments))
            on_step((done + 1) / (plan.windows + 1))
    ledger = _ledger(work, plan, instruments)
    on_step(1.0)
    at = f"batch={plan.batch}"
    series = [
        Series(name, at, "images/s", np.array(rates[name]), 1, cautions=tuple(tallies[name].cautions()))
        for name in lanes
    ]
    return [*series, *(Series(f"stage_{name}", at, "s", np.array(t), 1) for name, t in ledger.items())]


class _Whole:
    def __init__(self, work: Pipeline) -> None:
        self._work, self._batches = work, work.load()

    def step(self) -> int:
        loaded = next(self._batches)
        self._work.process(loaded.content)
        return loaded.images


class _Loading:
    def __init__(self, work: Pipeline) -> None:
        self._batches = work.load()

    def step(self) -> int:
        return next(self._batches).images


class _Model:
    def __init__(self, work: Pipeline, batch: int) -> None:
        self._model, self._batch, self._number = work.model, batch, 0

    def step(self) -> int:
        self._number += 1
        self._model(self._number - 1)
        return self._batch


def _steps(step: Callable[[], int], window_s: float, instruments: Instruments) -> int:
    """How many steps fill a window, by the second one: the first may be cold."""
    step()
    instruments.device.wait()
    pace_s = instruments.time(lambda _: step(), 0)
    return max(1, round(window_s / max(pace_s, 1e-9)))


def _window(step: Callable[[], int], steps: int, instruments: Instruments) -> float:
    """Images per second over `steps` steps, with one wait at the end."""
    start = instruments.clock.now_ns()
    images = sum(step() for _ in range(steps))
    instruments.device.wait()
    return images / ((instruments.clock.now_ns() - start) * 1e-9)


def _ledger(work: Pipeline, plan: EndToEndPlan, instruments: Instruments) -> dict[str, list[float]]:
    """Seconds per image by stage, one value per batch, for as long as the plan's windows take.

    `whole` covers each batch from start to end, so it shows time that no stage accounts for. The first
    batch is left out: it waits until its loader has started.
    """
    clock, batches = instruments.clock, work.load()
    work.process(next(batches).content)
    instruments.device.wait()
    spent: dict[str, list[float]] = {name: [] for name in ("load", *work.stages, "whole")}

    def timed(name: str, stage: Callable[[], Any]) -> Any:
        before = clock.now_ns()
        result = stage()
        instruments.device.wait()
        spent[name].append((clock.now_ns() - before) * 1e-9 / plan.batch)
        return result

    begin = clock.now_ns()
    while len(spent["whole"]) < 3 or clock.now_ns() - begin < plan.window * plan.windows * 1e9:
        start = clock.now_ns()
        content = timed("load", lambda: next(batches)).content
        for name, stage in work.stages.items():
            content = timed(name, partial(stage, content))
        spent["whole"].append((clock.now_ns() - start) * 1e-9 / plan.batch)
    return spent


def stage_figures(series: Sequence[Series]) -> list[Measurement]:
    """Each stage's mean seconds per image, their sum relative to the whole, and the bottleneck.

    Means are used because they add up; the sum is missing, with the reason, where it is off by more than 5 %.
    """
    stages = {one.name.removeprefix("stage_"): one for one in series if one.name.startswith("stage_")}
    if "whole" not in stages:
        return []
    at = stages["whole"].at
    means = {name: float(one.accepted.mean()) for name, one in stages.items()}
    whole = means.pop("whole")
    share = sum(means.values()) / whole
    off = abs(share - 1) > LEDGER
    reason = f"the stages sum to {share:.0%} of the whole: something runs between them" if off else None
    found = [_stage(f"stage_{name}", at, mean, len(stages[name].accepted)) for name, mean in means.items()]
    ledger = Measurement(
        name="stage_ledger",
        at=at,
        value=None if off else share,
        missing=reason,
        unit="fraction",
        direction="neither",
        n=len(stages["whole"].accepted),
        protocol=LEDGER_PROTOCOL,
    )
    return [*found, ledger, *_efficiency(series, at)]


def _efficiency(series: Sequence[Series], at: str) -> Iterator[Measurement]:
    """The whole's rate over that of its slower side: 1 where loading and computing overlap in full."""
    rates = {
        one.name: geometric_mean(one.accepted) for one in series if one.unit == "images/s" and one.at == at
    }
    if {"end_to_end", "loader_only", "model_only"} <= rates.keys():
        bound = "loader" if rates["loader_only"] < rates["model_only"] else "model"
        yield Measurement(
            name="end_to_end_efficiency",
            at=at,
            value=rates["end_to_end"] / min(rates["loader_only"], rates["model_only"]),
            unit="fraction",
            direction="higher",
            protocol=f"end-to-end/rate over that of the {bound}, which binds",
        )


def _stage(name: str, at: str, value: float, n: int) -> Measurement:
    return Measurement(
        name=name, at=at, value=value, unit="s", direction="lower", n=n, protocol=STAGE_PROTOCOL
    )
