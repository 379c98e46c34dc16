"""How many pixels of each class were labelled as what, compiled."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, UInt8, UInt64

from cvbench.jit import compiled
from cvbench.values import VOID


def confusion(
    true: UInt8[np.ndarray, " pixels"], predicted: UInt8[np.ndarray, " pixels"], classes: int
) -> Int64[np.ndarray, "side side"]:
    """Pixels by true class (rows) and predicted class (columns), with one more of either.

    The last column holds predictions that are no class, the last row and column pixels whose truth is
    none, VOID apart. Where the truth is VOID a pixel is not counted at all.
    """
    side = classes + 1
    rows, columns = np.full(256, classes * side), np.full(256, classes)
    rows[:classes], columns[:classes] = np.arange(classes) * side, np.arange(classes)
    rows[VOID] = side * side  # a row of its own behind the others
    counts: np.ndarray = tally(true, predicted, _words(true), _words(predicted), rows, columns)
    return counts.reshape(side + 1, side)[:side]


def _words(labels: UInt8[np.ndarray, " pixels"]) -> UInt64[np.ndarray, " words"]:
    """Eight pixels each; a rest is left out."""
    whole = np.ascontiguousarray(labels[: len(labels) // 8 * 8])
    words = whole.view(np.uint64)
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
    """How many pixels fall into each cell, which is `rows[true] + columns[predicted]`.

    Eight neighbours mostly have one label, and are then counted at once. Others go to four tables in
    turn, so that no addition has to wait for the one before it.
    """
    tables = np.zeros((4, rows[255] + columns[255] + 1), np.int64)
    first, low = np.uint64(0x0101010101010101), np.uint64(255)
    for word in range(len(true_words)):
        t, p = true_words[word], predicted_words[word]
        if t == (t & low) * first and p == (p & low) * first:
            tables[0, rows[t & low] + columns[p & low]] += 8
        else:
            for i in range(8 * word, 8 * word + 8):
                tables[i & 3, rows[true[i]] + columns[predicted[i]]] += 1
    for i in range(8 * len(true_words), len(true)):
        tables[0, rows[true[i]] + columns[predicted[i]]] += 1
    total = np.zeros(tables.shape[1], np.int64)
    for table in tables:
        total += table
    return total
