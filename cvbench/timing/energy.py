"""Energy: joules per image, by a counter of the GPU or the processor, with and without idle power.

Windows are long, since sensors sample rarely: on an A100 or H100 for a quarter of the time (Yang et al. 2023,
Part-time Power Measurements, arXiv 2312.02741). Before and after them the machine rests for one window. The
energy is that of the counter: a GPU, or a processor's packages; never the whole machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from cvbench.record import Measurement
from cvbench.spec.cell import EnergyPlan
from cvbench.statistics.series import geometric_mean, mean_interval
from cvbench.timing.instruments import Call, Instruments
from cvbench.timing.series import Series, protocol
from cvbench.timing.slices import Tally, settled_heap
from cvbench.timing.warmup import warm_up

ENERGY, POWER, IDLE = "energy_per_image", "power", "idle_power"
PROTOCOL = "energy/counter over windows/idle included"
ABOVE_PROTOCOL = "energy/counter over windows/less what the idle machine takes in the same time"
POWER_PROTOCOL = "energy/counter over windows"
IDLE_PROTOCOL = "energy/counter while the machine rests, before and after"
ADVICE = (
    "energy is reported but not checked: counters see only a part of the machine, and not all of the time"
)


@runtime_checkable
class EnergyCounter(Protocol):
    """A running total of energy."""

    @property
    def covers(self) -> str:
        """What it sees of the machine."""
        ...

    def joules(self) -> float:
        """Since some moment; never less than before."""
        ...


class CounterLost(Exception):
    """A counter that is no longer readable, or moved backwards."""


class Unwrapped:
    """A counter that wraps around at `span`, as a total that does not."""

    def __init__(self, read: Callable[[], int], *, unit_j: float, span: int | None) -> None:
        self._read, self._unit_j, self._span = read, unit_j, span
        self._last, self._total = read(), 0

    def joules(self) -> float:
        """Since this was made; it must be asked at least once before the counter comes round twice.

        Raises CounterLost for a counter that goes back and has no span.
        """
        now = self._read()
        step = now - self._last
        if step < 0:
            if self._span is None:
                raise CounterLost("the energy counter moved backwards")
            step += self._span
        self._last = now
        self._total += step
        return self._total * self._unit_j


def measure_energy(
    call: Call,
    plan: EnergyPlan,
    *,
    counter: EnergyCounter,
    instruments: Instruments,
    on_step: Callable[[float], None] = lambda _: None,
) -> list[Series]:
    """Joules per image and watts of every window, and watts of two rests; each call is one batch of the plan.

    If the counter disappears, the series is invalid, with the reason.
    """
    at = f"batch={plan.batch}"
    found: dict[str, list[float]] = {ENERGY: [], POWER: [], IDLE: []}
    tally, lost, warmed = Tally(instruments), None, None
    try:
        found[IDLE].append(_watts(counter, instruments, lambda: instruments.clock.rest(plan.window)))
        warmed = warm_up(call, seconds=plan.warmup, instruments=instruments)
        steps = max(1, round(plan.window / max(warmed.pace_s, 1e-9)))
        number = 0
        with settled_heap():
            for done in range(plan.windows):
                with tally.monitored():
                    seconds, joules, number = _window(call, number, steps, counter, instruments)
                found[ENERGY].append(joules / (plan.batch * steps))
                found[POWER].append(joules / seconds)
                on_step((done + 1) / plan.windows)
        found[IDLE].append(_watts(counter, instruments, lambda: instruments.clock.rest(plan.window)))
    except CounterLost as error:
        lost = f"{counter.covers}: {error}"
    cautions = (f"{ADVICE} (here: {counter.covers})", *tally.cautions())
    units = {ENERGY: "J", POWER: "W", IDLE: "W"}
    return [
        Series(
            name=name,
            at=at,
            unit=units[name],
            values=np.array(values),
            warmup_calls=warmed.calls if warmed else 0,
            valid=np.zeros(len(values), dtype=bool) if lost else None,
            invalid=lost,
            cautions=cautions if name == ENERGY else (),
        )
        for name, values in found.items()
    ]


def _window(
    call: Call, number: int, steps: int, counter: EnergyCounter, instruments: Instruments
) -> tuple[float, float, int]:
    """Seconds, joules and the number of the next call."""
    clock = instruments.clock
    before_j, start = counter.joules(), clock.now_ns()
    for _ in range(steps):
        call(number)
        number += 1
    instruments.device.wait()
    seconds = (clock.now_ns() - start) * 1e-9
    return seconds, counter.joules() - before_j, number


def _watts(counter: EnergyCounter, instruments: Instruments, work: Callable[[], object]) -> float:
    instruments.device.wait()
    before_j, start = counter.joules(), instruments.clock.now_ns()
    work()
    return (counter.joules() - before_j) / ((instruments.clock.now_ns() - start) * 1e-9)


def energy_figures(series: Sequence[Series]) -> list[Measurement]:
    """Joules per image, with and without the idle machine's energy, and both powers.

    Each window is one observation, or, with several processes, each process's mean. The energy above idle is
    missing where the machine draws no more power under load than at rest: the counter does not see the work.
    """
    by_name = {one.name: one for one in series if one.name in (ENERGY, POWER, IDLE)}
    if ENERGY not in by_name:
        return []
    energy, power, idle = (by_name[name] for name in (ENERGY, POWER, IDLE))
    rest_w = float(idle.accepted.mean()) if len(idle.accepted) else 0.0
    above = energy.accepted * (1 - rest_w / power.accepted) if len(power.accepted) else energy.accepted
    seen = None
    if len(above) and not (above > 0).all():
        seen = f"no more power under load than at rest ({rest_w:.1f} W): the counter does not see the work"
    return [
        _figure(ENERGY, energy, _by_round(energy, energy.accepted), PROTOCOL),
        _figure(f"{ENERGY}_above_idle", energy, _by_round(energy, above), ABOVE_PROTOCOL, missing=seen),
        _figure(POWER, power, _by_round(power, power.accepted), POWER_PROTOCOL),
        _figure(IDLE, idle, _by_round(idle, idle.accepted), IDLE_PROTOCOL),
    ]


def no_energy(at: str, reason: str) -> Measurement:
    """The missing measurement where no counter can be read."""
    return Measurement(
        name=ENERGY, at=at, value=None, missing=reason, unit="J", direction="lower", protocol=PROTOCOL
    )


def _by_round(series: Series, values: np.ndarray) -> np.ndarray:
    if series.round is None or not (values > 0).all():
        return values
    rounds = series.round if series.valid is None else series.round[series.valid]
    return np.array([geometric_mean(values[rounds == number]) for number in np.unique(rounds)])


def _figure(
    name: str, series: Series, values: np.ndarray, rule: str, *, missing: str | None = None
) -> Measurement:
    if not len(values):
        missing = series.invalid or "no window was taken"
    sound = missing is None and bool((values > 0).all())
    value = None if missing else geometric_mean(values) if sound else float(values.mean())
    return Measurement(
        name=name,
        at=series.at,
        value=value,
        missing=missing,
        unit=series.unit,
        direction="lower",
        n=len(values),
        interval=mean_interval(values) if sound else None,
        protocol=protocol(rule, series),
    )
