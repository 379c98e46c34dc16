"""Figures as people read them, with their uncertainty beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cvbench.record import Measurement, Record
from cvbench.report.page.views import Value
from cvbench.units import show_bytes, show_count, show_seconds

NOTHING = "–"


def words(value: float, unit: str) -> str:
    """A quantity in its usual form.

    >>> words(0.81234, "fraction"), words(0.0123, "s"), words(753.2, "images/s")
    ('0.812', '12.3 ms', '753')
    """
    match unit:
        case "fraction":
            return f"{value:.3f}"
        case "s":
            return show_seconds(value)
        case "bytes":
            return show_bytes(value)
        case _:
            return show_count(value) if value >= 1 else f"{value:.3g}"


def shown(figure: Measurement | None, *, absent: str = "not measured") -> Value:
    """A figure with its 95 % interval: both ends of a share, the relative half width of anything else."""
    if figure is None:
        return Value(NOTHING, why=absent)
    if figure.value is None:
        return Value(NOTHING, why=f"missing: {figure.missing}")
    note = ""
    if figure.interval is not None:
        low, high = figure.interval
        if figure.unit == "fraction":
            note = f"{low:.3f} … {high:.3f}"
        elif figure.value:
            note = f"± {(high - low) / 2 / abs(figure.value):.1%}"
    return Value(words(figure.value, figure.unit), note, figure.value)


def with_whiskers(
    values: Sequence[Value], figures: Sequence[Measurement | None], *, log: bool
) -> list[Value]:
    """The same values with marks on one range, where at least two can be placed on it."""
    spans = [
        (f.interval or (f.value, f.value)) if f is not None and f.value is not None else None for f in figures
    ]
    known = [end for span in spans if span is not None for end in span]
    if log:
        known = [end for end in known if end > 0]
    if len([s for s in spans if s]) < 2 or not known or min(known) == max(known):
        return list(values)
    place = math.log if log else float
    low, high = place(min(known)), place(max(known))

    def percent(value: float) -> float:
        return round(100 * (place(max(value, min(known))) - low) / (high - low), 1)

    marked = []
    for value, figure, span in zip(values, figures, spans, strict=True):
        if figure is None or figure.value is None or span is None:
            marked.append(value)
        else:
            marked.append(value._replace(whisker=(percent(span[0]), percent(figure.value), percent(span[1]))))
    return marked


def finds_objects(record: Record) -> bool:
    """Whether it was scored as a detector."""
    return any(m.name in ("AP", "mAP") for m in record.measurements)
