"""Images with their ground truth or predictions drawn on them, both in the same style.

A class has the same color everywhere. Small images are enlarged by a whole factor without interpolation,
so that they show what the model gets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from cvbench.boxes.arrays import intersection
from cvbench.errors import InputError
from cvbench.report.palette import RGB, color, ink_on, map_color
from cvbench.report.scales import round_step
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Prediction

SIDE: Final = 320
"""Pixels: a shorter side below this is enlarged to at least this …"""
LONGEST: Final = 4 * SIDE
"""… unless the longer one would become longer than this."""

_Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont
_TEXT_PX, _PAD_PX, _GAP_PX = 13, 4, 8
_PAPER: Final[RGB] = (255, 255, 255)
_STRIP: Final[RGB] = (24, 26, 31)
_STRIP_INK: Final[RGB] = (236, 238, 242)
_TINT: Final = 0.35
"""Opacity of a mask's color."""


class _Tag(NamedTuple):
    """A caption, its background color, and its possible positions, the best first."""

    text: str
    ground: RGB
    places: tuple[tuple[int, int], ...]


def draw(image: UInt8[Tensor, "3 h w"], seen: Prediction, classes: Sequence[str]) -> Image.Image:
    """The image with ground truth or a prediction drawn on it.

    Detections are boxes with their class, tinted and outlined where they have masks, later ones above
    earlier ones. A label map tints and outlines every class but the background (label 0); void is light
    gray. Class scores become a line with the best class. Scores are written unless all of them are 1, as in
    ground truth.
    """
    height, width = image.shape[1:]
    factor = max(1, min(math.ceil(SIDE / min(height, width)), LONGEST // max(height, width)))
    pixels = _enlarged(image.permute(1, 2, 0).cpu().numpy(), factor)
    match seen:
        case Detections():
            return _draw_detections(pixels, seen, classes, factor)
        case LabelMap():
            return _draw_label_map(pixels, seen, classes, factor)
        case ClassScores():
            return _draw_class(pixels, seen, classes)


def save_png(picture: Image.Image, path: Path) -> None:
    """Write a picture where a command was asked for it; raises InputError where the disk refuses."""
    try:
        picture.save(path, optimize=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error


def contact_sheet(images: Sequence[Image.Image], columns: int) -> Image.Image:
    """All images in rows of `columns`, each column as wide and each row as high as it needs."""
    if not images or columns < 1:
        raise ValueError(f"{len(images)} images in {columns} columns make no sheet")
    columns = min(columns, len(images))
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    widths = [max(row[c].width for row in rows if c < len(row)) for c in range(columns)]
    heights = [max(image.height for image in row) for row in rows]
    size = (_GAP_PX + sum(w + _GAP_PX for w in widths), _GAP_PX + sum(h + _GAP_PX for h in heights))
    sheet = Image.new("RGB", size, _PAPER)
    top = _GAP_PX
    for row, height in zip(rows, heights, strict=True):
        left = _GAP_PX
        for image, width in zip(row, widths, strict=False):  # the last row may be shorter
            sheet.paste(image, (left, top))
            left += width + _GAP_PX
        top += height + _GAP_PX
    return sheet


def _draw_detections(
    pixels: UInt8[np.ndarray, "h w 3"], seen: Detections, classes: Sequence[str], factor: int
) -> Image.Image:
    labels = seen.labels.tolist()
    if seen.masks is not None:
        for mask, label in zip(seen.masks.cpu().numpy(), labels, strict=True):
            _tint(pixels, _enlarged(mask, factor), color(label))
    picture = Image.fromarray(pixels)
    pen = ImageDraw.Draw(picture)
    font = _font()
    tags = []
    for at, (box, label) in enumerate(zip(seen.boxes.tolist(), labels, strict=True)):
        left, top, right, bottom = (round(edge * factor) for edge in box)
        pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=color(label), width=2)
        text = _caption(seen, at, classes)
        height = _size(text, font)[1]
        above, inside, below = top - height, top, bottom
        tags.append(
            _Tag(text, color(label), ((left, above), (left, below), (left, inside), (left, bottom - height)))
        )
    _put_tags(picture, tags, font)
    return picture


def _caption(seen: Detections, at: int, classes: Sequence[str]) -> str:
    words = [classes[int(seen.labels[at])]]
    if bool((seen.scores != 1).any()):
        words.append(f"{float(seen.scores[at]):.2f}")
    marks = {"crowd": seen.crowd, "difficult": seen.difficult}
    words += [f"({word})" for word, marked in marks.items() if marked is not None and bool(marked[at])]
    return " ".join(words)


def _draw_label_map(
    pixels: UInt8[np.ndarray, "h w 3"], seen: LabelMap, classes: Sequence[str], factor: int
) -> Image.Image:
    labels = _enlarged(seen.labels.cpu().numpy(), factor)
    present = [label for label in np.unique(labels).tolist() if label != 0]
    for label in present:
        _tint(pixels, labels == label, map_color(label))
    entries = [("void" if label == VOID else classes[label], map_color(label)) for label in present]
    return _with_strip(Image.fromarray(pixels), entries)


def _draw_class(pixels: UInt8[np.ndarray, "h w 3"], seen: ClassScores, classes: Sequence[str]) -> Image.Image:
    best = float(seen.scores[seen.label])
    score = "" if best == 1 else f" {best:.2f}"
    return _with_strip(Image.fromarray(pixels), [(classes[seen.label] + score, color(seen.label))])


def _enlarged(array: np.ndarray, factor: int) -> np.ndarray:
    return array.repeat(factor, 0).repeat(factor, 1)


def _tint(pixels: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"], tint: RGB) -> None:
    """Blend a color over a mask, opaque at its outline, in place."""
    inner = np.pad(mask, 2)
    for _ in range(2):
        inner[1:-1, 1:-1] &= inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
    outline = mask & ~inner[2:-2, 2:-2]
    pixels[mask] = (pixels[mask] * (1 - _TINT) + np.array(tint) * _TINT).round().astype(np.uint8)
    pixels[outline] = tint


def _put_tags(picture: Image.Image, tags: Sequence[_Tag], font: _Font) -> None:
    """Write the captions where they overlap least."""
    pen = ImageDraw.Draw(picture)
    taken: list[tuple[int, int, int, int]] = []
    for tag in tags:
        width, height = _size(tag.text, font)
        frames = []
        for x, y in tag.places:
            left = min(max(x, 0), max(picture.width - width, 0))
            top = min(max(y, 0), max(picture.height - height, 0))
            frames.append((left, top, left + width, top + height))
        others = np.array(taken, float).reshape(-1, 4)
        hidden = intersection(np.array(frames, float), others).sum(axis=1)
        frame = frames[int(hidden.argmin())]
        taken.append(frame)
        left, top, right, bottom = frame
        pen.rectangle((left, top, right - 1, bottom - 1), fill=tag.ground)
        pen.text((left + _PAD_PX, top + height / 2), tag.text, ink_on(tag.ground), font, anchor="lm")


def _with_strip(picture: Image.Image, entries: Sequence[tuple[str, RGB]]) -> Image.Image:
    """The picture with a legend of classes below it, wrapped to its width."""
    font = _font()
    line_height = _TEXT_PX + 2 * _PAD_PX
    placed: list[tuple[int, int, str, RGB]] = []
    x, line = _PAD_PX, 0
    for text, ground in entries:
        width = _TEXT_PX + _size(text, font)[0]
        if x > _PAD_PX and x + width > picture.width:
            x, line = _PAD_PX, line + 1
        placed.append((x, line, text, ground))
        x += width + _PAD_PX
    strip_height = (line + 1) * line_height + _PAD_PX
    whole = Image.new("RGB", (picture.width, picture.height + strip_height), _STRIP)
    whole.paste(picture, (0, 0))
    pen = ImageDraw.Draw(whole)
    for x, line, text, ground in placed:
        middle = picture.height + _PAD_PX // 2 + line * line_height + line_height / 2
        half = _TEXT_PX / 2 - 1
        pen.rectangle((x, middle - half, x + 2 * half, middle + half), fill=ground)
        pen.text((x + _TEXT_PX + _PAD_PX, middle), text, _STRIP_INK, font, anchor="lm")
    return whole


def _font() -> _Font:
    return ImageFont.load_default(_TEXT_PX)


def _size(text: str, font: _Font) -> tuple[int, int]:
    """Width and height of a caption with its padding, in pixels."""
    return math.ceil(font.getlength(text)) + 2 * _PAD_PX, _TEXT_PX + _PAD_PX


_SIDE: Final = 640
"""Of the plot, in pixels."""
_LEFT, _TOP, _BELOW, _RIGHT = 56, 16, 40, 24
_PAPER_SHAPE: Final[RGB] = (255, 255, 255)
_INK: Final[RGB] = (24, 26, 31)
_GRID: Final[RGB] = (228, 230, 234)
_TICKS: Final = 5
_POINTS: Final = 20_000
"""Most boxes that are drawn; of more, every n-th."""


def draw_shapes(
    shapes: Float[Tensor, "n 2"], priors: Float[Tensor, "k 2"], nearest: Int64[Tensor, " n"]
) -> Image.Image:
    """Each shape (width, height) as a point in the color of its prior; each prior as a rectangle.

    All share one corner, so a point is the opposite corner of a box.
    """
    most = max(float(shapes.max()) if len(shapes) else 0.0, float(priors.max()))
    step = round_step(most / _TICKS)
    scale = _SIDE / (step * math.ceil(most / step))
    picture = Image.new("RGB", (_LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BELOW), _PAPER_SHAPE)
    pen = ImageDraw.Draw(picture)
    _axes(pen, step, scale)
    every = max(1, math.ceil(len(shapes) / _POINTS))
    points = (shapes[::every] * scale).tolist()
    for (w, h), prior in zip(points, nearest[::every].tolist(), strict=True):
        x, y = _LEFT + w, _TOP + _SIDE - h
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=color(prior))
    font = ImageFont.load_default(13)
    for number, (w, h) in enumerate((priors * scale).tolist()):
        x, y = _LEFT + w, _TOP + _SIDE - h
        pen.rectangle((_LEFT, y, x, _TOP + _SIDE), outline=_INK, width=3)
        pen.rectangle((_LEFT + 1, y + 1, x - 1, _TOP + _SIDE - 1), outline=color(number), width=1)
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=color(number), outline=_INK)
        width, height = priors[number].tolist()
        pen.text((x - 6, y + 5), f"{width:.0f} x {height:.0f}", _INK, font, anchor="rt")
    return picture


def _axes(pen: ImageDraw.ImageDraw, step: float, scale: float) -> None:
    """Grid lines at round numbers of pixels, width to the right and height upward."""
    font = ImageFont.load_default(12)
    bottom = _TOP + _SIDE
    for tick in torch.arange(0, _SIDE / scale + step / 2, step).tolist():
        x, y = _LEFT + tick * scale, bottom - tick * scale
        pen.line((x, _TOP, x, bottom), _GRID)
        pen.line((_LEFT, y, _LEFT + _SIDE, y), _GRID)
        pen.text((x, bottom + 4), f"{tick:g}", _INK, font, anchor="mt")
        pen.text((_LEFT - 6, y), f"{tick:g}", _INK, font, anchor="rm")
    pen.text((_LEFT + _SIDE, bottom + 22), "width (pixels)", _INK, font, anchor="rt")
    pen.text((_LEFT + 6, _TOP + 4), "height (pixels)", _INK, font, anchor="lt")
