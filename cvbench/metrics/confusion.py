"""A confusion matrix as a table of those of its cells that are not empty."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from cvbench.interfaces import Evidence


def confusion_evidence(counts: Int64[np.ndarray, "true predicted"], **about: str) -> Evidence:
    """Rows of true label, predicted label and count, in label order."""
    true, predicted = np.nonzero(counts)
    columns = {
        "true": true.tolist(),
        "predicted": predicted.tolist(),
        "count": counts[true, predicted].tolist(),
    }
    return Evidence("confusion", columns, about)
