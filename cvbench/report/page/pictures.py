"""The images that a model did worst on, drawn: what is true, what was said, and what of it is wrong."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from cvbench.boxes.arrays import iou, match_in_turn
from cvbench.errors import StoreError
from cvbench.record import Record
from cvbench.report.frame import Source
from cvbench.report.page.views import Box, Pane, Picture
from cvbench.report.palette import color
from cvbench.store import StoredFile

FOUND_FROM = 0.5
"""The overlap from which on an object is found."""
LEAST_SCORE = 0.3
"""Detections below are not drawn, where the run does not say from which score on they are to be believed."""
COARSE = 64
"""An image whose longer side has no more pixels is shown as the squares that it is."""
VOID = 255
MOST_SIDE = 4096
"""Pixels of the longer side of a kept label map; those that a run writes have 224."""


def pictures(source: Source, record: Record, *, most_bytes: int) -> tuple[list[Picture], str]:
    """As many as fit, the worst first; and why there are none."""
    files = source.attached(record, "pictures")
    if not files:
        return [], "the run keeps none of this cell"
    [first, *_] = files
    classes, drawn, size = first.classes, list[Picture](), 0
    least = _believed_from(source, record)
    for row in first.table.to_pylist():
        try:
            picture = _picture(row, classes, least=least, file=first.file)
        except StoreError as error:
            source.set_aside(record, error)
            return [], "their file is damaged"
        size += picture.size
        if size > most_bytes:
            break
        drawn.append(picture)
    if first.table.num_rows == 0:
        return [], "no image was scored"
    return drawn, "" if drawn else "the page would become too large with them"


def map_classes(source: Source, record: Record) -> list[tuple[str, str]]:
    """Names and colours of classes, where label maps are drawn."""
    for found in source.attached(record, "pictures"):
        if found.table.num_rows and found.table.column("map")[0].is_valid:
            return [
                (name, f"#{''.join(f'{c:02x}' for c in _map_color(k))}")
                for k, name in enumerate(found.classes)
            ]
    return []


def _believed_from(source: Source, record: Record) -> float:
    for found in source.attached(record, "confusion"):
        if "score" in found.about:
            return float(found.about["score"])
    return LEAST_SCORE


def _picture(row: dict[str, Any], classes: Sequence[str], *, least: float, file: StoredFile) -> Picture:
    panes = [Pane("image", address_of(row["picture"]))]
    if row["true_map"] is not None and row["map"] is not None:
        true, said = _labels(row["true_map"], file), _labels(row["map"], file)
        if true.shape != said.shape:
            raise file.error("two label maps of one image differ in size.")
        panes += [Pane("truth", _recolored(true)), Pane("said", _recolored(said))]
        counts = true != VOID
        wrong = float((said != true)[counts].mean()) if counts.any() else 0.0
        caption = f"{wrong:.0%} of the pixels are wrong"
    elif row["corners"] is not None:
        boxes, caption = boxes_of(row, classes, least)
        panes = [panes[0]._replace(boxes=boxes)]
    else:
        caption = _answer(row, classes)
    return Picture(
        width=row["width"],
        height=row["height"],
        panes=panes,
        id=row["id"],
        caption=caption,
        coarse=max(row["width"], row["height"]) <= COARSE,
    )


def _answer(row: dict[str, Any], classes: Sequence[str]) -> str:
    said = ", ".join(
        f"{classes[k]} {score:.2f}" for k, score in list(zip(row["label"], row["score"], strict=True))[:2]
    )
    return f"{classes[row['true_label'][0]]}, taken for {said}"


class _Frame(NamedTuple):
    label: int
    score: float
    x1: float
    y1: float
    x2: float
    y2: float


def boxes_of(row: Mapping[str, Any], classes: Sequence[str], least: float) -> tuple[list[Box], str]:
    """Detections that are right or wrong, then the objects that nobody found; and both in words."""
    true = _frames(row["true_label"], [1.0] * len(row["true_label"]), row["true_corners"])
    said = [f for f in _frames(row["label"], row["score"], row["corners"]) if f.score >= least]
    said.sort(key=lambda f: -f.score)
    same = np.array([f.label for f in said])[:, None] == np.array([t.label for t in true])[None]
    partner = match_in_turn(iou(_corners(said), _corners(true)) * same, least=FOUND_FROM)
    boxes = [
        _box(frame, "found" if own >= 0 else "false", f"{classes[frame.label]} {frame.score:.2f}")
        for frame, own in zip(said, partner, strict=True)
    ]
    found = set(partner[partner >= 0].tolist())
    boxes += [_box(t, "missed", classes[t.label]) for k, t in enumerate(true) if k not in found]
    return boxes, f"{len(found)} of {len(true)} found, {len(said) - len(found)} false"


def _frames(labels: Sequence[int], scores: Sequence[float], corners: Sequence[float]) -> list[_Frame]:
    sides = [corners[4 * n : 4 * n + 4] for n in range(len(labels))]
    return [_Frame(k, s, *c) for k, s, c in zip(labels, scores, sides, strict=True)]


def _box(frame: _Frame, kind: str, text: str) -> Box:
    x, y = round(frame.x1, 1), round(frame.y1, 1)
    return Box(x, y, round(frame.x2 - frame.x1, 1), round(frame.y2 - frame.y1, 1), kind, text)


def _corners(frames: Sequence[_Frame]) -> np.ndarray:
    return np.array([frame[2:] for frame in frames], np.float64).reshape(-1, 4)


def map_of(png: bytes, file: StoredFile) -> str:
    """A stored label map in its colors; raises StoreError that names its file where it is not an image."""
    return _recolored(_labels(png, file))


def _labels(png: bytes, file: StoredFile) -> np.ndarray:
    try:
        picture = Image.open(io.BytesIO(png), formats=["PNG"])
        if max(picture.size) > MOST_SIDE:
            raise file.error(f"a label map in it is too large ({picture.width} x {picture.height} pixels).")
        return np.asarray(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # as Pillow refuses it
        raise file.error(f"a label map in it is not a valid image ({error}).") from error


def _recolored(labels: np.ndarray) -> str:
    there, places = np.unique(labels, return_inverse=True)
    picture = Image.fromarray(places.reshape(labels.shape).astype(np.uint8))
    picture.putpalette([channel for label in there.tolist() for channel in _map_color(label)])
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return address_of(file.getvalue())


def _map_color(label: int) -> tuple[int, int, int]:
    """The background is dark, void is light grey, and the rest have the colours of detection's classes."""
    if label == VOID:
        return (224, 224, 224)
    return (38, 40, 46) if label == 0 else color(label - 1)


def address_of(content: bytes) -> str:
    """A JPEG or PNG as the data address that it is shown from."""
    kind = "jpeg" if content.startswith(b"\xff\xd8") else "png"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
