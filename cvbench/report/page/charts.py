"""Charts as plain geometry in pixels; the template writes it as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from cvbench.boxes.arrays import intersection
from cvbench.report.scales import Scale, Tick, Words, covering, unit_for

COLORS: Final = 8
"""Lines with a color and a dash pattern of their own; further lines are gray."""
GRAY, FRONT = -1, -2
"""Colors of a line beyond `COLORS`, and of the Pareto front."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 26, 44

Standing: TypeAlias = Literal["front", "near", "dominated"]
"""On the Pareto front by its point estimates; dominated, but not significantly; significantly dominated."""
STANDINGS: Final[dict[Standing, str]] = {
    "front": "on the Pareto front",
    "near": "dominated, not significantly",
    "dominated": "significantly dominated",
}


class Point(NamedTuple):
    """A mark with a tooltip and a link."""

    x: float
    y: float
    label: str
    """Text next to it, or empty."""
    tip: str
    href: str
    standing: Standing
    whiskers: tuple[tuple[float, float, float, float], ...] = ()
    """Lines (x1, y1, x2, y2) of its intervals."""
    label_x: float = 0.0
    label_y: float = 0.0
    anchor: str = "start"


class Line(NamedTuple):
    """A polyline with its name in the legend."""

    points: str
    name: str
    color: int
    """From 0 to 7, `GRAY` or `FRONT`."""
    href: str = ""


class Bar(NamedTuple):
    """A vertical bar."""

    x: float
    y: float
    width: float
    height: float
    tip: str


class ReferenceLine(NamedTuple):
    """A vertical line at an x position, with its label."""

    at: float
    name: str


@dataclass(frozen=True)
class Chart:
    """Everything to draw, in pixels of the view box."""

    name: str
    """What a screen reader reads first."""
    x_label: str
    y_label: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    width: int = 460
    height: int = 300
    points: Sequence[Point] = ()
    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    rules: Sequence[ReferenceLine] = ()
    dots: str = ""
    """An SVG path of small unlabeled marks: raw samples."""
    numbers: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None
    """The same as a table: column names, and rows of x with one value per column."""
    left: int = field(default=_LEFT, init=False)
    right: int = field(default=_RIGHT, init=False)
    top: int = field(default=_TOP, init=False)
    bottom: int = field(default=_BOTTOM, init=False)

    @property
    def standings(self) -> list[tuple[Standing, str]]:
        """The kinds of marks in it, for the legend."""
        there = {point.standing for point in self.points}
        return [(kind, words) for kind, words in STANDINGS.items() if kind in there]

    def with_rules(self, rules: Sequence[ReferenceLine]) -> Chart:
        """The same chart with reference lines."""
        return replace(self, rules=rules)


class ScatterItem(NamedTuple):
    """One point of a scatter chart, in its own units."""

    name: str
    href: str
    x: float
    x_interval: tuple[float, float] | None
    y: float
    y_interval: tuple[float, float] | None
    standing: Standing


class Axis(NamedTuple):
    """How one side of a chart is laid out."""

    label: str
    words: Words
    """How tooltips and tables write its values."""
    unit: str | None = None
    """Base unit of its values. Ticks are in a multiple of it that the axis title names."""
    log: bool = False
    span: tuple[float, float] | None = None
    """Its ends, where the values do not decide."""
    whole: bool = False
    """Whether its values are whole numbers, and so its ticks."""
    marked: Sequence[float] = ()
    """Its ticks, where round numbers are not the natural ones."""

    def over(self, values: Sequence[float], *, start: float, end: float) -> Scale:
        """The scale for these values."""
        if self.span is not None:
            return Scale(*self.span, start, end, self.words)
        found = covering(values, start=start, end=end, words=self.words, log=self.log, unit=self.unit)
        return replace(found, whole=self.whole, marked=self.marked)


def scatter(items: Sequence[ScatterItem], *, name: str, x: Axis, y: Axis) -> Chart:
    """Points with their intervals, and the Pareto front: a line through the points that none dominates."""
    width, height = 560, 360
    xs = [v for i in items for v in (i.x, *(i.x_interval or ())) if v > 0]
    ys = [v for i in items for v in (i.y, *(i.y_interval or ()))]
    across = x.over(xs, start=_LEFT, end=width - _RIGHT)
    up = y.over(ys, start=height - _BOTTOM, end=_TOP)
    points = [_point(i, across, up, labelled=len(items) <= 12 or i.standing == "front") for i in items]
    points = _with_labels(points, width)
    front = sorted((p.x, p.y) for p in points if p.standing == "front")
    lines = [Line(_polyline(front), "Pareto front", FRONT)] if len(front) > 1 else []
    return Chart(
        name,
        across.title(x.label),
        up.title(y.label),
        across.ticks,
        up.ticks,
        width,
        height,
        points=points,
        lines=lines,
    )


def _point(item: ScatterItem, x: Scale, y: Scale, *, labelled: bool) -> Point:
    at_x, at_y = x(item.x), y(item.y)
    whiskers = []
    if item.x_interval is not None and item.x_interval[0] > 0:
        whiskers.append((x(item.x_interval[0]), at_y, x(item.x_interval[1]), at_y))
    if item.y_interval is not None:
        whiskers.append((at_x, y(item.y_interval[0]), at_x, y(item.y_interval[1])))
    tip = f"{item.name}\n{y.words(item.y)} at {x.words(item.x)}\n{STANDINGS[item.standing]}"
    return Point(at_x, at_y, item.name if labelled else "", tip, item.href, item.standing, tuple(whiskers))


def _with_labels(points: Sequence[Point], width: int) -> list[Point]:
    """Labels right, left, above or below their point, where they overlap least; dropped without room."""
    taken = [(p.x - 5, p.y - 5, p.x + 5, p.y + 5) for p in points]
    placed = []
    for point in points:
        long = 6.3 * len(point.label)
        choices = [
            (point.x + 9, point.y - 5, "start"), (point.x - 9, point.y - 5, "end"),
            (point.x, point.y - 11, "middle"), (point.x, point.y + 19, "middle"),
        ]  # fmt: skip
        best, least = None, 60.0
        for label_x, label_y, anchor in choices:
            left = label_x - {"start": 0.0, "end": long, "middle": long / 2}[anchor]
            frame = (left, label_y - 11, left + long, label_y + 3)
            hidden = sum(intersection(np.array([frame], float), np.array(taken, float))[0].tolist())
            hidden += 1e3 if left < _LEFT or left + long > width - 2 else 0.0
            if hidden < least:
                best, least = (label_x, label_y, anchor, frame), hidden
        if not point.label or best is None:
            placed.append(point._replace(label=""))
            continue
        taken.append(best[3])
        placed.append(point._replace(label_x=best[0], label_y=best[1], anchor=best[2]))
    return placed


class LineSeries(NamedTuple):
    """A line in its own units."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    href: str = ""
    gray: bool = False
    """Whether it is a reference for the others and takes no color."""


def curves(series: Sequence[LineSeries], *, name: str, x: Axis, y: Axis) -> Chart:
    """Lines, with their names in the legend and their values as a table."""
    width, height = 460, 280
    across = x.over([v for s in series for v in s.x], start=_LEFT, end=width - _RIGHT)
    up = y.over([v for s in series for v in s.y], start=height - _BOTTOM, end=_TOP)
    lines = [
        Line(
            _polyline([(across(a), up(b)) for a, b in zip(s.x, s.y, strict=True)]),
            s.name,
            n if n < COLORS and not s.gray else GRAY,
            s.href,
        )
        for n, s in enumerate(series)
    ]
    numbers = _numbers(series, x.words, y.words)
    return Chart(
        name,
        across.title(x.label),
        up.title(y.label),
        across.ticks,
        up.ticks,
        width,
        height,
        lines=lines,
        numbers=numbers,
    )


def _numbers(
    series: Sequence[LineSeries], x_words: Words, y_words: Words
) -> tuple[list[str], list[list[str]]]:
    """Each line's value at eleven x values of the longest line; empty outside a line's range."""
    longest = max(series, key=lambda s: len(s.x)).x
    places = np.unique(np.linspace(0, len(longest) - 1, 11).round().astype(int))
    rows = []
    for x in (longest[place] for place in places):
        inside = [s.x[0] <= x <= s.x[-1] for s in series]
        values = [float(np.interp(x, s.x, s.y)) for s in series]
        rows.append(
            [x_words(x), *(y_words(v) if there else "" for v, there in zip(values, inside, strict=True))]
        )
    return [s.name for s in series], rows


def histogram(values: np.ndarray, *, name: str, x_label: str, unit: str, words: Words) -> Chart:
    """Distribution of the values, with their median; the last bin holds the overflow.

    The bin width is that of Freedman and Diaconis (1981) or Sturges (1926), whichever is less; at most 40
    bins, up to the percentile 99.5.
    """
    width, height = 460, 220
    low, high = float(values.min()), float(np.quantile(values, 0.995))
    spread = float(np.subtract(*np.quantile(values, [0.75, 0.25])))
    step = 2 * spread / len(values) ** (1 / 3) if spread > 0 else 0.0
    sturges = int(np.ceil(np.log2(len(values)))) + 1
    bins = max(sturges, int(np.ceil(min((high - low) / step, 40)))) if step > 0 and high > low else 5
    bins = min(bins, 40)
    counts, edges = np.histogram(np.minimum(values, high), bins, (low, max(high, low * 1.001)))
    of = unit_for(unit, [high])
    x = Scale(float(edges[0]), float(edges[-1]), _LEFT, width - _RIGHT, words, unit=of)
    y = Scale(0, float(counts.max()) * 1.05, height - _BOTTOM, _TOP, lambda v: f"{v:.0f}", whole=True)
    bars, rows = [], []
    for n, a, b in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if n:
            span, wide = f"{words(a)} to {words(b)}", max(round(x(b) - x(a) - 1, 1), 0.5)
            bars.append(Bar(x(a) + 0.5, y(n), wide, round(y(0) - y(n), 1), f"{n} × {span}"))
            rows.append([span, str(n)])
    median = float(np.median(values))
    return Chart(
        name,
        x.title(x_label),
        "calls",
        x.ticks,
        y.ticks,
        width,
        height,
        bars=bars,
        rules=[ReferenceLine(x(median), f"median {words(median)}")],
        numbers=(["calls"], rows),
    )


def in_order(
    values: np.ndarray, *, name: str, y_label: str, unit: str, words: Words, most: int = 240
) -> Chart:
    """Every sample in the order it was measured, which shows drift and bursts.

    Beyond `most` samples, the extremes of each stretch.
    """
    width, height = 460, 220
    at = _extremes(values, most)
    x = Scale(0, max(len(values) - 1, 1), _LEFT, width - _RIGHT, lambda v: f"{v:.0f}", whole=True)
    y = covering(values.tolist(), start=height - _BOTTOM, end=_TOP, words=words, unit=unit)
    dots = _dots([(x(float(i)), y(float(values[i]))) for i in at])
    return Chart(
        name,
        "call",
        y.title(y_label),
        x.ticks,
        y.ticks,
        width,
        height,
        dots=dots,
        numbers=_stretches(values, words),
    )


def _stretches(values: np.ndarray, words: Words) -> tuple[list[str], list[list[str]]]:
    """Ten stretches of the samples, with the minimum, median and maximum of each."""
    rows, first = [], 1
    for some in np.array_split(values, min(10, len(values))):
        last = first + len(some) - 1
        rows.append([f"{first} to {last}", *(words(float(f(some))) for f in (np.min, np.median, np.max))])
        first = last + 1
    return ["minimum", "median", "maximum"], rows


def _extremes(values: np.ndarray, most: int) -> list[int]:
    """Indices of the samples to draw: all, or the least and the greatest of each stretch."""
    if len(values) <= most:
        return list(range(len(values)))
    stretches = np.array_split(np.arange(len(values)), most // 2)
    ends = {int(s[f(values[s])]) for s in stretches for f in (np.argmin, np.argmax)}
    return sorted(ends)


def _dots(places: Sequence[tuple[float, float]]) -> str:
    """An SVG path of dots in relative coordinates, half as long as in absolute ones."""
    steps = zip(places, [(0.0, 0.0), *places], strict=False)
    return "".join(
        f"m{round(x - a, 1):g} {round(y - b, 1):g}h0".replace(" -", "-") for (x, y), (a, b) in steps
    )


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    """The points of a polyline without the redundant ones inside a level stretch."""
    levels = [y for _, y in points]
    kept = [
        point
        for n, point in enumerate(points)
        if n in (0, len(points) - 1) or not levels[n - 1] == levels[n] == levels[n + 1]
    ]
    return " ".join(f"{x:g},{y:g}" for x, y in kept)
