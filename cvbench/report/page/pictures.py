"""The images with the worst predictions, drawn with ground truth, predictions and errors."""

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
from cvbench.report.palette import as_hex, map_color
from cvbench.store import StoredFile

FOUND_FROM = 0.5
"""The least IoU at which an object counts as found."""
LEAST_SCORE = 0.3
"""The score threshold for drawing detections, where the run stores no threshold of its own."""
COARSE = 64
"""Pixels of the longer side up to which an image is shown with square pixels."""
VOID = 255
MOST_SIDE = 4096
"""Most pixels of the longer side of a stored label map; runs write maps of 224 pixels."""


def pictures(source: Source, record: Record, *, most_bytes: int) -> list[Picture]:
    """As many as fit into `most_bytes`, the worst first; none where their file is damaged."""
    files = source.attached(record, "pictures")
    if not files:
        return []
    [first, *_] = files
    classes, drawn, size = first.classes, list[Picture](), 0
    least = _threshold(source, record)
    for row in first.table.to_pylist():
        try:
            picture = _picture(row, classes, least=least, file=first.file)
        except StoreError as error:
            source.set_aside(record, error)
            return []
        size += picture.size
        if size > most_bytes:
            break
        drawn.append(picture)
    return drawn


def map_classes(source: Source, record: Record) -> list[tuple[str, str]]:
    """Name and color of each class, where label maps are drawn."""
    for found in source.attached(record, "pictures"):
        if found.table.num_rows and found.table.column("map")[0].is_valid:
            return [(name, as_hex(map_color(k))) for k, name in enumerate(found.classes)]
    return []


def _threshold(source: Source, record: Record) -> float:
    for found in source.attached(record, "confusion"):
        if "score" in found.about:
            return float(found.about["score"])
    return LEAST_SCORE


def _picture(row: dict[str, Any], classes: Sequence[str], *, least: float, file: StoredFile) -> Picture:
    panes = [Pane("image", address_of(row["picture"]))]
    if row["true_map"] is not None and row["map"] is not None:
        true, predicted = _labels(row["true_map"], file), _labels(row["map"], file)
        if true.shape != predicted.shape:
            raise file.error("two label maps of one image differ in size.")
        panes += [Pane("ground truth", _recolored(true)), Pane("prediction", _recolored(predicted))]
        counts = true != VOID
        wrong = float((predicted != true)[counts].mean()) if counts.any() else 0.0
        caption = f"{wrong:.0%} of the pixels wrong"
    elif row["corners"] is not None:
        boxes, caption = boxes_of(row, classes, least)
        panes = [panes[0]._replace(boxes=boxes)]
    else:
        caption = _prediction(row, classes)
    return Picture(
        width=row["width"],
        height=row["height"],
        panes=panes,
        id=row["id"],
        caption=caption,
        coarse=max(row["width"], row["height"]) <= COARSE,
    )


def _prediction(row: dict[str, Any], classes: Sequence[str]) -> str:
    predicted = ", ".join(
        f"{classes[k]} {score:.2f}" for k, score in list(zip(row["label"], row["score"], strict=True))[:2]
    )
    return f"{classes[row['true_label'][0]]}, predicted as {predicted}"


class _Frame(NamedTuple):
    label: int
    score: float
    x1: float
    y1: float
    x2: float
    y2: float


def boxes_of(row: Mapping[str, Any], classes: Sequence[str], least: float) -> tuple[list[Box], str]:
    """Boxes of true and false detections and of missed objects; and their counts as text."""
    true = _frames(row["true_label"], [1.0] * len(row["true_label"]), row["true_corners"])
    detected = [f for f in _frames(row["label"], row["score"], row["corners"]) if f.score >= least]
    detected.sort(key=lambda f: -f.score)
    same = np.array([f.label for f in detected])[:, None] == np.array([t.label for t in true])[None]
    partner = match_in_turn(iou(_corners(detected), _corners(true)) * same, least=FOUND_FROM)
    boxes = [
        _box(frame, "found" if own >= 0 else "false", f"{classes[frame.label]} {frame.score:.2f}")
        for frame, own in zip(detected, partner, strict=True)
    ]
    found = set(partner[partner >= 0].tolist())
    boxes += [_box(t, "missed", classes[t.label]) for k, t in enumerate(true) if k not in found]
    return boxes, f"{len(found)} of {len(true)} found, {len(detected) - len(found)} false"


def _frames(labels: Sequence[int], scores: Sequence[float], corners: Sequence[float]) -> list[_Frame]:
    sides = [corners[4 * n : 4 * n + 4] for n in range(len(labels))]
    return [_Frame(k, s, *c) for k, s, c in zip(labels, scores, sides, strict=True)]


def _box(frame: _Frame, kind: str, text: str) -> Box:
    x, y = round(frame.x1, 1), round(frame.y1, 1)
    return Box(x, y, round(frame.x2 - frame.x1, 1), round(frame.y2 - frame.y1, 1), kind, text)


def _corners(frames: Sequence[_Frame]) -> np.ndarray:
    return np.array([frame[2:] for frame in frames], np.float64).reshape(-1, 4)


def map_of(png: bytes, file: StoredFile) -> str:
    """A stored label map in its colors, as a data URL. Raises StoreError where it is not an image."""
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
    picture.putpalette([channel for label in there.tolist() for channel in map_color(label)])
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return address_of(file.getvalue())


def address_of(content: bytes) -> str:
    """A JPEG or PNG as a data URL."""
    kind = "jpeg" if content.startswith(b"\xff\xd8") else "png"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
