"""Raw samples: metrics recomputed from them, and plots of them. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from PIL import Image, ImageDraw, ImageFont

from cvbench.record import Measurement, Record
from cvbench.report.palette import LINES
from cvbench.store import Run, StoredFile
from cvbench.timing.figures import figures_of
from cvbench.timing.series import Series, series_of

WIDTH, HEIGHT, MARGIN = 1200, 520, 70
REJECTED = "#d8c8c0"
INK, PAPER = "#202020", "#ffffff"
_BARS = " ▁▂▃▄▅▆▇█"


class SeriesCheck(NamedTuple):
    """One series of a record, with its metrics recomputed."""

    series: Series
    figures: list[Measurement]
    differing: tuple[str, ...]
    """Names of the metrics whose value in the record differs."""


def looks(run: Run, record: Record) -> list[SeriesCheck]:
    """Every series of a record, with its metrics recomputed.

    Raises StoreError where a file is missing, damaged, or differs from its hash in the record.
    """
    files = [StoredFile(run, record, item) for item in record.attachments if item.kind == "samples"]
    return [_look(record, _series(file)) for file in files]


def _series(file: StoredFile) -> Series:
    try:
        return series_of(file.table())
    except ValueError as error:
        raise file.error(f"the table has no samples ({error}).") from error


def _look(record: Record, series: Series) -> SeriesCheck:
    figures = figures_of([series])
    differing = [
        figure.name
        for figure in figures
        if (stored := record.measurement(figure.name, figure.at)) is not None
        and (stored.value, stored.interval, stored.n) != (figure.value, figure.interval, figure.n)
    ]
    return SeriesCheck(series, figures, tuple(differing))


def bars(values: Float64[np.ndarray, " n"], width: int = 48) -> str:
    """A one-line text histogram from the minimum to the 99th percentile.

    >>> bars(np.array([1.0, 1.0, 1.0, 2.0]), width=2)
    '█▃'
    """
    counts, _ = np.histogram(values, bins=width, range=_range(values))
    heights = np.ceil(counts / max(1, counts.max()) * (len(_BARS) - 1)).astype(int)
    return "".join(_BARS[height] for height in heights)


def _range(values: Float64[np.ndarray, " n"]) -> tuple[float, float]:
    low, high = float(values.min()), float(np.quantile(values, 0.99, method="higher"))
    return (low, high) if high > low else (low, low + max(abs(low), 1e-12) * 0.01)


def draw(series: Series, title: str) -> Image.Image:
    """The samples in the order they were measured, one color per process, and their histogram."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=16)
    pen.text((MARGIN, 14), f"{title}   {series.title}   n = {len(series.values)}", fill=INK, font=font)
    if len(series.values) == 0:
        pen.text((MARGIN, HEIGHT // 2), series.invalid or "no samples", fill=INK, font=font)
        return image
    low, high = _range(series.values)
    left, right = (MARGIN, WIDTH * 2 // 3), (WIDTH * 2 // 3 + MARGIN // 2, WIDTH - 20)
    top, bottom = 50, HEIGHT - 50
    for at in (left, right):
        pen.rectangle((at[0], top, at[1], bottom), outline=INK)

    def height_of(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return bottom - share * (bottom - top)

    for tick in np.linspace(low, high, 5):
        pen.text((6, height_of(float(tick)) - 9), _shown(float(tick), series.unit), fill=INK, font=font)
        pen.line((left[0] - 4, height_of(float(tick)), left[0], height_of(float(tick))), fill=INK)
    for place, value in enumerate(series.values):
        x = left[0] + (place + 0.5) / len(series.values) * (left[1] - left[0])
        y = height_of(float(value))
        pen.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=_color(series, place))
    _histogram(pen, series, box=(right[0], top, right[1], bottom), span=(low, high))
    note = "gray: rejected. Values above the 99th percentile are drawn at the upper edge."
    pen.text((MARGIN, HEIGHT - 36), f"Samples over time, one color per process; {note}", fill=INK, font=font)
    return image


def _histogram(
    pen: ImageDraw.ImageDraw, series: Series, *, box: tuple[int, int, int, int], span: tuple[float, float]
) -> None:
    left, top, right, bottom = box
    counts, edges = np.histogram(series.accepted, bins=60, range=span)
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            share = [(edge - span[0]) / (span[1] - span[0]) for edge in (low, high)]
            ys = [bottom - part * (bottom - top) for part in share]
            length = count / counts.max() * (right - left - 6)
            pen.rectangle((left + 1, ys[1], left + 1 + length, ys[0] - 1), fill=LINES[0])


def _color(series: Series, place: int) -> str:
    if series.valid is not None and not series.valid[place]:
        return REJECTED
    return LINES[0 if series.round is None else int(series.round[place]) % len(LINES)]


def _shown(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.4g}"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"


def save_pictures(found: Sequence[SeriesCheck], record: Record, folder: Path) -> Iterator[Path]:
    """One PNG per series; the folder is created if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    for look in found:
        path = folder / f"{record.key}-{look.series.name}-{look.series.at}.png"
        draw(look.series, record.cell.title).save(path)
        yield path
