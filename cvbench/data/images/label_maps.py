"""Label maps in image files: their stored values, and the mapping from labels to classes.

- PNG of 1, 2, 4, 8 or 16 bits keeps its sample values; palette PNG gives the indices, not the colors.
- Other lossless one-channel formats work too. Lossy formats such as JPEG are errors, and so are color images.
- Ignored labels are *void* (default: 255). Class k is the k-th label that is not void, so with void 0 the
  labels 1 to n are the classes 0 to n - 1.
- With void `none`, every pixel counts; of two classes, the second may be 255, as in masks of 0 and 255.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import UInt8, UInt16

from cvbench.data.images.decoding import SIXTEEN_BITS, opened_image
from cvbench.errors import DataError, InputError
from cvbench.values import VOID

NO_VOID: Final = "none"
_LOSSLESS: Final = ("PNG", "BMP", "GIF", "TIFF", "PPM")
_LABELS: Final = 1 << 16
_BINARY: Final = 2
_GREY: Final = 0
"""PNG's color type for one channel without a palette."""


def decode_labels(content: bytes, name: str) -> UInt16[np.ndarray, "h w"]:
    """The stored label of each pixel.

    Raises DataError with the file's `name` for a color image, a lossy format, or a file that is not an image.
    """
    with opened_image(content, name) as picture:
        if picture.format not in _LOSSLESS:
            raise DataError(f"{name}: not a valid label map: {picture.format} is lossy. Save it as PNG.")
        if picture.mode in SIXTEEN_BITS or (picture.mode == "I" and picture.format in ("PNG", "PPM")):
            return np.asarray(picture).astype(np.uint16)
        if picture.mode not in ("L", "P", "1"):
            raise DataError(
                f"{name}: not a valid label map: it has {picture.mode}, not one channel. "
                "Save the class index of each pixel (mode L or P) instead of colors."
            )
        labels = np.array(picture, np.uint8).astype(np.uint16)
        return labels // _stretched(content) if picture.format == "PNG" else labels


def _stretched(png: bytes) -> int:
    """The factor by which Pillow scales the samples of a gray PNG of 2 or 4 bits, so that white is 255."""
    bits, color = png[24], png[25]
    return 255 // ((1 << bits) - 1) if color == _GREY and bits in (2, 4) else 1


class LabelRule(NamedTuple):
    """The mapping from the labels of a file to classes."""

    classes: int
    void: frozenset[int]
    table: UInt8[np.ndarray, " labels"]
    """Label → class, or VOID."""
    known: UInt8[np.ndarray, " labels"]
    """1 for valid labels: a class or void."""

    @classmethod
    def of(cls, classes: int, void: frozenset[int] = frozenset({VOID})) -> LabelRule:
        """The rule for the first `classes` labels that are not void; at most 255 classes."""
        table, known = np.full(_LABELS, VOID, np.uint8), np.zeros(_LABELS, np.uint8)
        counted = [label for label in range(classes + len(void)) if label not in void][:classes]
        table[counted] = np.arange(classes)
        known[[*counted, *void]] = 1
        if not void and classes == _BINARY:
            table[VOID], known[VOID] = 1, 1
        return cls(classes, void, table, known)

    def strange(self, labels: UInt16[np.ndarray, "h w"]) -> list[int]:
        """The invalid labels of a map (neither a class nor void), ascending."""
        return [int(label) for label in np.unique(labels[self.known[labels] == 0])]

    def described(self) -> str:
        """The valid labels, as text.

        >>> LabelRule.of(3).described(), LabelRule.of(3, frozenset({0})).described()
        ('labels are 0 to 2, and 255 for void', 'labels are 1 to 3, and 0 for void')
        """
        counted = [label for label in range(self.classes + len(self.void)) if label not in self.void]
        bounds = f"labels are {counted[0]} to {counted[self.classes - 1]}"
        return bounds + (f", and {', '.join(map(str, sorted(self.void)))} for void" if self.void else "")


def classes_in(labels: Iterable[int], void: frozenset[int]) -> int:
    """The number of classes of label maps with these labels: all up to the highest that is not void."""
    there = {label for label in labels if label not in void}
    if not void and there <= {0, 1, VOID} and VOID in there:
        return _BINARY
    highest = max(there, default=0)
    return max(sum(label not in void for label in range(highest + 1)), 1)


def void_labels(given: object) -> frozenset[int]:
    """The ignored labels of an option: a number, a list, `none`, or None for 255.

    Raises InputError for other values.

    >>> sorted(void_labels("0, 255")), sorted(void_labels("none")), sorted(void_labels(None))
    ([0, 255], [], [255])
    """
    if given is None:
        return frozenset({VOID})
    if isinstance(given, str):
        if given.strip().lower() == NO_VOID:
            return frozenset()
        parts: list[object] = [
            int(part) if part.strip().isdecimal() and len(part) < 9 else part for part in given.split(",")
        ]
    else:
        parts = list(given) if isinstance(given, list | tuple) else [given]
    wrong = [part for part in parts if type(part) is not int or not 0 <= part < _LABELS]
    if wrong or not parts:
        shown = repr(wrong[0]) if wrong else "an empty list"
        raise InputError(
            f"void: {shown} is not a label.\n"
            f"  Write the label of ignored pixels, such as 0, a list such as 0,255, or {NO_VOID}."
        )
    return frozenset(part for part in parts if isinstance(part, int))
