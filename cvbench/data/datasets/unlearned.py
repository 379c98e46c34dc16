"""Which classes are scored and not trained on, known from the truths that a dataset has in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Int64

from cvbench.data.datasets.coco_detection import Instances
from cvbench.data.datasets.concat import Joint
from cvbench.data.datasets.folder import LabelledImages
from cvbench.data.datasets.subset import Drawn
from cvbench.data.datasets.voc import Voc
from cvbench.interfaces import Dataset

_SHOWN: Final = 5


def note_on_unlearned(scored: Dataset, trained: Dataset) -> str | None:
    """What a reader of the metrics has to know where a scored class has no training sample; None elsewhere.

    Label maps are not opened for it, and nothing is known of datasets by import path: no note. What comes
    before the colon is the short form.
    """
    mine, theirs = _labels(scored), _labels(trained)
    if mine is None or theirs is None:
        return None
    without = np.setdiff1d(mine, theirs).tolist()
    if not without:
        return None
    names = ", ".join(scored.classes[label] for label in without[:_SHOWN])
    several = len(without) > 1
    return (
        f"{len(without):,} class{'es' * several} of the scored images {'are' if several else 'is'} in no "
        f"training image: {names}{', …' * (len(without) > _SHOWN)}. No model can learn "
        f"{'them' if several else 'it'} there."
    )


def _labels(dataset: Dataset) -> Int64[np.ndarray, " n"] | None:
    """The labels of all images or objects, in any order; None where they are not in memory."""
    if isinstance(dataset, Joint):
        boxed, named = _labels(dataset.boxed), _labels(dataset.named)
        if boxed is None or named is None:
            return None
        return np.concatenate([boxed, np.array(dataset.labels, np.int64)[named]])
    if isinstance(dataset, Drawn):
        return _of_images(dataset.dataset, dataset.positions)
    return _of_images(dataset, None)


def _of_images(dataset: Dataset, positions: Int64[np.ndarray, " n"] | None) -> Int64[np.ndarray, " n"] | None:
    if isinstance(dataset, LabelledImages):
        return dataset.labels if positions is None else dataset.labels[positions]
    objects = dataset.boxes if isinstance(dataset, Voc) else None
    if isinstance(dataset, Instances):
        return _chosen(dataset.index.starts, dataset.index.label, positions)
    return None if objects is None else _chosen(objects.starts, objects.label, positions)


def _chosen(
    starts: Int64[np.ndarray, " images+1"],
    label: Int64[np.ndarray, " n"],
    positions: Sequence[int] | Int64[np.ndarray, " some"] | None,
) -> Int64[np.ndarray, " some"]:
    """The labels of the objects of these images."""
    if positions is None:
        return label
    kept = np.zeros(len(starts) - 1, np.bool_)
    kept[positions] = True
    return label[np.repeat(kept, np.diff(starts))]
