"""Comparisons as table rows, Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from csv import writer as csv_writer
from dataclasses import asdict
from io import StringIO
from typing import Any, NamedTuple

from cvbench.compare.comparison import Comparison
from cvbench.compare.differences import Difference
from cvbench.compare.markdown import escaped, table_of
from cvbench.errors import inert
from cvbench.statistics.verdicts import Verdict
from cvbench.units import show_value

SCHEMA = 1
"""The version of the JSON document."""
VERDICTS: tuple[Verdict, ...] = ("worse", "better", "same", "inconclusive", "not comparable")
NOTHING = "-"
BEYOND = 10.0
"""Larger ratios are shown as `> +1000 %`; JSON and CSV have all digits."""


def rows(comparison: Comparison, *, everything: bool = False, separate: bool = False) -> list[dict[str, str]]:
    """One row per metric; primary metrics only, unless `everything`.

    An accuracy trained with several seeds in both runs is one row, with mean and standard deviation of each
    run; `separate` also shows each seed.
    """
    several = len({cell.data for cell in comparison.cells}) > 1
    return [
        {
            "cell": f"{title} on {data}" if several else title,
            "metric": figure_name(difference),
            "verdict": difference.verdict,
            "before": _value(difference.a, difference.unit, spread[0]),
            "now": _value(difference.b, difference.unit, spread[1]),
            "change": change(difference),
            "99 % interval": interval(difference),
            "MDE": _size(difference.detectable, difference).replace("+", ""),
            "basis": difference.reason or difference.method,
        }
        for title, data, difference, spread in _shown(comparison, separate=separate)
        if everything or difference.primary
    ]


class _Shown(NamedTuple):
    title: str
    data: str
    difference: Difference
    deviations: tuple[float | None, float | None] = (None, None)
    """Over the seeds, in each run."""


def _shown(comparison: Comparison, *, separate: bool) -> list[_Shown]:
    """Differences of cells, then over seeds; the cells of the latter only if `separate`."""
    folded = {
        (key, difference.figure, difference.at)
        for one in comparison.over_seeds
        for difference in one.differences
        for key in one.keys
    }
    spreads = [spread for one in comparison.over_seeds for spread in one.deviations]
    together = zip(_over_seeds(comparison), spreads, strict=True)
    return [
        *(
            _Shown(cell.title, cell.data, found)
            for cell, found in comparison.differences
            if separate or (cell.key_a, found.figure, found.at) not in folded
        ),
        *(_Shown(*named, spread) for named, spread in together),
    ]


def _over_seeds(comparison: Comparison) -> Iterator[tuple[str, str, Difference]]:
    for one in comparison.over_seeds:
        for difference in one.differences:
            yield f"{one.title}, mean of {len(one.seeds)} seeds", one.data, difference


def figure_name(difference: Difference) -> str:
    """`latency_p50 (batch=1)`."""
    return f"{difference.figure} ({difference.at})" if difference.at else difference.figure


def before_after(difference: Difference) -> str:
    """`4.12 ms → 4.20 ms`."""
    return " → ".join(_value(value, difference.unit) for value in (difference.a, difference.b))


def change(difference: Difference) -> str:
    """`+0.0052`, or `+3.2 %`."""
    return _size(difference.effect, difference)


def interval(difference: Difference) -> str:
    """`+0.0012 … +0.0092`."""
    if difference.interval is None:
        return NOTHING
    return " … ".join(_size(end, difference) for end in difference.interval)


def summary(comparison: Comparison) -> str:
    """Number of primary metrics per verdict, seeds combined: `1 worse, 2 better, 5 same`."""
    shown = (one.difference for one in _shown(comparison, separate=False))
    words = [difference.verdict for difference in shown if difference.primary]
    return (
        ", ".join(f"{words.count(word)} {word}" for word in VERDICTS if word in words) or "nothing to compare"
    )


def remarks(comparison: Comparison) -> Iterator[str]:
    """Differences of settings, unmatched or unfinished cells, and notes, one line each."""
    several = len(comparison.cells) > 1
    found: dict[str, list[str]] = {}
    for cell in comparison.cells:
        for one in cell.unlike:
            voids = f" (invalidates {' and '.join(one.voids)})" if one.voids else ""
            found.setdefault(f"{one}{voids}", []).append(cell.title)
    for line, titles in found.items():
        everywhere = len(titles) == len(comparison.cells)
        yield f"differs: {line}" + (f" [{', '.join(titles)}]" if several and not everywhere else "")
    for cell in comparison.cells:
        if (cell.outcome_a, cell.outcome_b) != ("ok", "ok"):
            yield f"not finished: {cell.title}: {cell.outcome_a} before, {cell.outcome_b} now"
    for side, alone in (("before", comparison.only_a), ("now", comparison.only_b)):
        if alone:
            yield f"only {side}: {', '.join(alone)}"
    for note in comparison.notes:
        yield f"note: {note}"


def changed_classes(comparison: Comparison, *, limit: float = 0.05) -> list[dict[str, str]]:
    """Classes with a significant change among all classes: information, not part of the verdict."""
    return [
        {
            "cell": cell.title,
            "metric": difference.figure,
            "class": own.name,
            "change": _size(own.effect, difference),
            "q": f"{own.q:.3f}",
        }
        for cell, difference in comparison.differences
        for own in sorted(difference.classes, key=lambda own: own.effect)
        if own.q < limit
    ]


def markdown(comparison: Comparison, *, everything: bool = False, separate: bool = False) -> str:
    """The comparison as a Markdown page."""
    parts = [
        f"# {escaped(comparison.b)} against {escaped(comparison.a)}\n",
        f"**{summary(comparison)}**\n",
        table_of(rows(comparison, everything=everything, separate=separate)),
    ]
    classes = changed_classes(comparison)
    if classes:
        parts += [
            "Classes that changed significantly (information, not part of the verdict):\n",
            table_of(classes),
        ]
    parts.append("".join(f"- {escaped(line)}\n" for line in remarks(comparison)))
    return "\n".join(part for part in parts if part)


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as a JSON document."""
    return {"schema": SCHEMA, "kind": "comparison", "summary": summary(comparison), **asdict(comparison)}


def csv(comparison: Comparison) -> str:
    """The comparison as CSV: numbers in base units, one line per metric."""
    names = ("figure", "at", "unit", "direction", "a", "b", "scale", "effect")
    more = ("verdict", "detectable", "p", "n", "method", "reason")
    text = StringIO()
    writer = csv_writer(text, lineterminator="\n")
    writer.writerow(["cell", "data", "key_a", "key_b", *names, "low", "high", *more])
    cells = ((c.title, c.data, c.key_a, c.key_b, found) for c, found in comparison.differences)
    together = ((title, data, "", "", found) for title, data, found in _over_seeds(comparison))
    for *cell, difference in (*cells, *together):
        figure = [getattr(difference, name) for name in names]
        ends = difference.interval or ("", "")
        rest = [getattr(difference, name) for name in more]
        writer.writerow(map(inert, [*cell, *figure, *ends, *rest]))
    return text.getvalue()


def _value(value: float | None, unit: str, deviation: float | None = None) -> str:
    if value is None:
        return NOTHING
    spread = "" if deviation is None else f" ± {show_value(deviation, unit)}"
    return show_value(value, unit) + spread


def _size(size: float | None, difference: Difference) -> str:
    if size is None:
        return NOTHING
    if difference.scale == "ratio":
        return f"{100 * size:+.1f} %" if size < BEYOND else f"> +{100 * BEYOND:.0f} %"
    return f"{size:+.4f}"
