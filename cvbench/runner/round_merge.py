"""A scored cell and its rounds → its record: samples joined, metrics derived, failures reported."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from cvbench.record import Measurement, Record, Round
from cvbench.runner.messages import RoundResult
from cvbench.runner.parquet import save_series
from cvbench.statistics.series import geometric_mean, half_width, mean_interval
from cvbench.timing.figures import figures_of
from cvbench.timing.series import Series, joined, read_series

_PRIMARY = ("latency@", "throughput@")


def join(scored: Record, rounds: Mapping[Path, RoundResult], staged: Path) -> Record:
    """The record of a cell whose rounds are all over; `rounds` are their results by folder.

    The joined samples are put into `staged`. A cell one of whose rounds failed is not ok, but what the
    other rounds found is in its record.
    """
    results = sorted(rounds.values(), key=lambda result: result.round.number)
    series = [joined(parts) for parts in _parts(rounds).values()]
    readings = [_over_rounds(same) for same in _readings(results).values()]
    taken = [result.round for result in results]
    failed = [one for one in taken if one.outcome != "ok"]
    return scored.model_copy(
        update={
            "outcome": failed[0].outcome if failed else scored.outcome,
            "reason": "\n".join(_failures(results)) if failed else scored.reason,
            "output": failed[0].output if failed else scored.output,
            "wall_s": scored.wall_s + sum(one.wall_s for one in taken),
            "spent": _spent([scored.spent, *(one.spent for one in taken)]),
            "measurements": (*scored.measurements, *figures_of(series), *readings),
            "attachments": (
                *scored.attachments,
                *(save_series(one, scored.cell, staged) for one in series),
            ),
            "cautions": (*scored.cautions, *_cautions(taken)),
            "rounds": tuple(taken),
        }
    )


def width_of(rounds: Mapping[Path, RoundResult]) -> float:
    """Half the widest interval of the primary metrics so far, over their value; infinite without any."""
    series = [joined(parts) for name, parts in _parts(rounds).items() if name.startswith(_PRIMARY)]
    figures = [figure for figure in figures_of(series) if _is_primary(figure)]
    return max((half_width(figure.interval) for figure in figures), default=math.inf)


def _is_primary(figure: Measurement) -> bool:
    return figure.name in ("latency_p50", "throughput") and figure.value is not None


def _parts(rounds: Mapping[Path, RoundResult]) -> dict[str, list[tuple[int, Series]]]:
    """The samples by what they are of, with the number of their round."""
    found: dict[str, list[tuple[int, Series]]] = {}
    for folder, result in sorted(rounds.items(), key=lambda item: item[1].round.number):
        for item in result.attachments:
            series = read_series(folder / Path(item.file).name)
            found.setdefault(item.name, []).append((result.round.number, series))
    return found


def _readings(results: Sequence[RoundResult]) -> dict[tuple[str, str], list[Measurement]]:
    found: dict[tuple[str, str], list[Measurement]] = {}
    for result in results:
        for reading in result.round.measurements:
            found.setdefault((reading.name, reading.at), []).append(reading)
    return found


def _over_rounds(same: Sequence[Measurement]) -> Measurement:
    """One measurement from all processes' readings: the highest of peaks, else the geometric mean."""
    known = [one.value for one in same if one.value is not None]
    if not known:
        return same[0]
    values = np.array(known)
    peak = same[0].name.startswith(("peak_", "train_peak_"))
    mean = geometric_mean(values) if (values > 0).all() else float(values.mean())
    return same[0].model_copy(
        update={
            "value": float(values.max()) if peak else mean,
            "missing": None,
            "n": len(values),
            "interval": mean_interval(values) if not peak and (values > 0).all() else None,
            "protocol": f"{same[0].protocol}/{'highest of rounds' if peak else 'rounds'}",
        }
    )


def _cautions(taken: Sequence[Round]) -> Iterator[str]:
    """What was said of the rounds; the same thing once, with all their numbers."""
    rounds: dict[str, list[str]] = {}
    for one in taken:
        for said in one.cautions:
            rounds.setdefault(said, []).append(str(one.number + 1))
    for said, numbers in rounds.items():
        yield f"{'round' if len(numbers) == 1 else 'rounds'} {', '.join(numbers)}: {said}"


def _failures(results: Sequence[RoundResult]) -> Iterator[str]:
    for result in results:
        if result.round.outcome != "ok":
            yield f"round {result.round.number + 1} of {len(results)}: {result.round.reason}"


def _spent(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for stage, seconds in part.items():
            total[stage] = total.get(stage, 0.0) + seconds
    return total
