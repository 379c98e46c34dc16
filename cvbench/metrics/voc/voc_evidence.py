"""Why VOC's figures are what they are: each class's curve of precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvbench.interfaces import Evidence
from cvbench.metrics.coco.evaluation import RECALLS
from cvbench.metrics.voc.evaluation import VocCurve, VocLine, best_from_here, curve

NOTHING_DETECTED = VocCurve(np.zeros(1), np.zeros(1))


def curves(lines: Sequence[VocLine], *, images: int) -> Evidence:
    """The best precision from each of 101 recalls on, and the score at which that recall is reached.

    Every tenth of these recalls is one of the eleven of 2007. Recalls that are never reached are left out:
    precision is 0 there. A class of which nothing was detected has the recall 0 alone, a class without
    objects nothing.
    """
    rows: dict[str, list[float]] = {name: [] for name in ("label", "iou", "recall", "precision", "score")}
    for label, line in enumerate(lines):
        if len(line.object_image) == 0:
            continue
        recall, precision = curve(line, np.ones(images)) if len(line.score) else NOTHING_DETECTED
        score = line.score if len(line.score) else np.zeros(1)
        places = np.searchsorted(recall, RECALLS)
        places = places[places < len(recall)]
        rows["label"] += [label] * len(places)
        rows["iou"] += [0.5] * len(places)
        rows["recall"] += RECALLS[: len(places)].tolist()
        rows["precision"] += best_from_here(precision)[places].tolist()
        rows["score"] += score[places].tolist()
    return Evidence("curves", rows, {})
