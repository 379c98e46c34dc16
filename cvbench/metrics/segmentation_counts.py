"""The compiled pixel confusion matrix, and the ratios computed from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8, UInt64

from cvbench.boxes.jit import compiled
from cvbench.values import VOID


def confusion(
    true: UInt8[np.ndarray, " pixels"], predicted: UInt8[np.ndarray, " pixels"], classes: int
) -> Int64[np.ndarray, "side side"]:
    """Confusion matrix of true class (rows) and predicted class (columns), with one extra row and column.

    The extra column counts predictions that are not a class, the extra row true labels that are neither a
    class nor VOID. Pixels whose truth is VOID are not counted. Raises TypeError for dtypes other than uint8
    and ValueError for different sizes, because the compiled loop has no bounds checks.
    """
    if true.dtype != np.uint8 or predicted.dtype != np.uint8:
        raise TypeError(f"label maps must be uint8, not {true.dtype} and {predicted.dtype}")
    if true.ndim != 1 or true.shape != predicted.shape:
        raise ValueError(f"label maps must be flat and of equal size, not {true.shape} and {predicted.shape}")
    side = classes + 1
    rows, columns = np.full(256, classes * side), np.full(256, classes)
    rows[:classes], columns[:classes] = np.arange(classes) * side, np.arange(classes)
    rows[VOID] = side * side  # an extra row for VOID after all others
    counts: np.ndarray = tally(true, predicted, _words(true), _words(predicted), rows, columns)
    return counts.reshape(side + 1, side)[:side]


def _words(labels: UInt8[np.ndarray, " pixels"]) -> UInt64[np.ndarray, " words"]:
    """The pixels packed eight per word, little-endian; a remainder of less than eight is dropped."""
    whole = np.ascontiguousarray(labels[: len(labels) // 8 * 8])
    words = whole.view("<u8").astype(np.uint64, copy=False)
    return words if words.flags.aligned else words.copy()


@compiled
def tally(
    true: UInt8[np.ndarray, " pixels"],
    predicted: UInt8[np.ndarray, " pixels"],
    true_words: UInt64[np.ndarray, " words"],
    predicted_words: UInt64[np.ndarray, " words"],
    rows: Int64[np.ndarray, " 256"],
    columns: Int64[np.ndarray, " 256"],
) -> Int64[np.ndarray, " cells"]:
    """The number of pixels per matrix entry `rows[true] + columns[predicted]`.

    Eight neighboring pixels mostly share one pair of labels, or have two pairs with one edge between: these
    are counted in one or two additions. Other pixels go to four tables in rotation, so that no addition waits
    for the previous one.
    """
    tables = np.zeros((4, rows[255] + columns[255] + 1), np.int64)
    first, low = np.uint64(0x0101010101010101), np.uint64(255)
    for word in range(len(true_words)):
        t, p = true_words[word], predicted_words[word]
        begin = 8 * word
        head, tail = t & low, t >> np.uint64(56)
        found_head, found_tail = p & low, p >> np.uint64(56)
        other = (t ^ head * first) | (p ^ found_head * first)  # a byte is 0 if both labels equal the first
        if other == 0:
            tables[0, rows[head] + columns[found_head]] += 8
            continue
        edge = begin + 1
        while true[edge] == head and predicted[edge] == found_head:
            edge += 1
        size = edge - begin
        behind = (t ^ tail * first) | (p ^ found_tail * first)
        if behind >> np.uint64(8 * size) == 0:
            tables[0, rows[head] + columns[found_head]] += size
            tables[1, rows[tail] + columns[found_tail]] += 8 - size
        else:
            for i in range(begin, begin + 8):
                tables[i & 3, rows[true[i]] + columns[predicted[i]]] += 1
    for i in range(8 * len(true_words), len(true)):
        tables[0, rows[true[i]] + columns[predicted[i]]] += 1
    for cell in range(tables.shape[1]):
        for table in range(1, 4):
            tables[0, cell] += tables[table, cell]
    counted: Int64[np.ndarray, " cells"] = tables[0]
    return counted


class Ratio(NamedTuple):
    """Numerator and denominator of a metric, for each weighting of the images and each class."""

    numerator: Float64[np.ndarray, "weightings classes"]
    denominator: Float64[np.ndarray, "weightings classes"]

    def class_means(self) -> Float64[np.ndarray, " weightings"] | None:
        """The mean over the classes with a nonzero denominator; None if there is none."""
        known: Bool[np.ndarray, " classes"] = self.denominator[0] > 0
        if not known.any():
            return None
        return np.asarray((self.numerator[:, known] / self.denominator[:, known]).mean(1))

    def overall(self) -> Float64[np.ndarray, " weightings"] | None:
        """The ratio of the sums over all classes; None if the denominator is 0."""
        if not self.denominator[0].any():
            return None
        return np.asarray(self.numerator.sum(1) / self.denominator.sum(1))


class PixelRatios(NamedTuple):
    """The ratios of IoU, recall and Dice."""

    iou: Ratio
    recall: Ratio
    dice: Ratio


def pixel_ratios(sums: Float64[np.ndarray, "weightings columns"]) -> PixelRatios:
    """The ratios from pixel counts per class, in columns: true positives, predicted, true."""
    hits, predicted, true = np.split(sums, 3, axis=1)
    return PixelRatios(
        iou=Ratio(hits, predicted + true - hits),
        recall=Ratio(hits, true),
        dice=Ratio(2 * hits, predicted + true),
    )
