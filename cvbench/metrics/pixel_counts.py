"""How many pixels of each class were labelled as what, compiled."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, UInt8

from cvbench.boxes.cpu.jit import compiled
from cvbench.values import VOID


@compiled
def place(true: int, predicted: int, classes: int) -> int:
    """Where a pixel stands in the table, rows behind one another; VOID stands with what is no class."""
    row = np.int64(true) if true < classes else np.int64(classes)
    column = np.int64(predicted) if predicted < classes and true != VOID else np.int64(classes)
    return int(row * (np.int64(classes) + 1) + column)


@compiled
def confusion(
    true: UInt8[np.ndarray, " pixels"], predicted: UInt8[np.ndarray, " pixels"], classes: int
) -> Int64[np.ndarray, "classes+1 classes+1"]:
    """Pixels by true class (rows) and predicted class (columns).

    The last column holds predictions that are no class, the last row and column pixels whose truth is
    none, VOID apart. Where the truth is VOID a pixel is not counted at all.
    """
    side = classes + 1
    # Neighbouring pixels are mostly equal. In turn they go to four tables, so that no addition has to
    # wait for the one before it.
    tables = np.zeros((4, side * side), np.int64)
    void = np.zeros(4, np.int64)
    whole = len(true) - len(true) % 4
    for first in range(0, whole, 4):
        for k in range(4):
            cell = place(true[first + k], predicted[first + k], classes)
            tables[k, cell] += 1
            void[k] += true[first + k] == VOID
    for i in range(whole, len(true)):
        tables[0, place(true[i], predicted[i], classes)] += 1
        void[0] += true[i] == VOID
    total = np.zeros((side, side), np.int64)
    for k in range(4):
        for row in range(side):
            for column in range(side):
                total[row, column] += tables[k, row * side + column]
        total[classes, classes] -= void[k]
    return total
