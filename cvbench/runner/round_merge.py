"""A scored cell and its rounds → its record: samples joined, figures derived, failures told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from cvbench.record import Measurement, Record, Round
from cvbench.runner.attachments import save_series
from cvbench.runner.round_process import TurnReport
from cvbench.statistics.series import geometric_mean, half_width, mean_interval
from cvbench.timing.figures import figures_of
from cvbench.timing.series import Series, joined, read_series

HEADLINES = ("latency@", "throughput@")


def join(scored: Record, rounds: Mapping[Path, TurnReport], staged: Path) -> Record:
    """The record of a cell whose rounds are all over; `rounds` are their reports by folder.

    The joined samples are put into `staged`. A cell one of whose rounds failed is not ok, but what the
    other rounds found is in its record.
    """
    reports = sorted(rounds.values(), key=lambda report: report.round.number)
    series = [joined(parts) for parts in _parts(rounds).values()]
    readings = [_over_rounds(same) for same in _readings(reports).values()]
    taken = [report.round for report in reports]
    failed = [one for one in taken if one.outcome != "ok"]
    return scored.model_copy(
        update={
            "outcome": failed[0].outcome if failed else scored.outcome,
            "reason": "\n".join(_failures(reports)) if failed else scored.reason,
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


def width_of(rounds: Mapping[Path, TurnReport]) -> float:
    """The widest interval of the headlines so far, as half of it over the figure; infinite without any."""
    series = [joined(parts) for name, parts in _parts(rounds).items() if name.startswith(HEADLINES)]
    figures = [figure for figure in figures_of(series) if _is_headline(figure)]
    return max((half_width(figure.interval) for figure in figures), default=math.inf)


def _is_headline(figure: Measurement) -> bool:
    return figure.name in ("latency_p50", "throughput") and figure.value is not None


def _parts(rounds: Mapping[Path, TurnReport]) -> dict[str, list[tuple[int, Series]]]:
    """The samples by what they are of, with the number of their round."""
    found: dict[str, list[tuple[int, Series]]] = {}
    for folder, report in sorted(rounds.items(), key=lambda item: item[1].round.number):
        for item in report.attachments:
            series = read_series(folder / Path(item.file).name)
            found.setdefault(item.name, []).append((report.round.number, series))
    return found


def _readings(reports: Sequence[TurnReport]) -> dict[tuple[str, str], list[Measurement]]:
    found: dict[tuple[str, str], list[Measurement]] = {}
    for report in reports:
        for reading in report.round.measurements:
            found.setdefault((reading.name, reading.at), []).append(reading)
    return found


def _over_rounds(same: Sequence[Measurement]) -> Measurement:
    """One figure of what every process read once: the highest of peaks, the geometric mean of the rest."""
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


def _failures(reports: Sequence[TurnReport]) -> Iterator[str]:
    for report in reports:
        if report.round.outcome != "ok":
            yield f"round {report.round.number + 1} of {len(reports)}: {report.round.reason}"


def _spent(ledgers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for ledger in ledgers:
        for stage, seconds in ledger.items():
            total[stage] = total.get(stage, 0.0) + seconds
    return total
