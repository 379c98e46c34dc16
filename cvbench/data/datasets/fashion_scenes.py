"""Scenes of two to six overlapping Fashion-MNIST garments, with exact truth.

Train scenes use only training photographs, test scenes only test photographs. A garment's mask is its visible
part, its box the extent of the mask, its area the number of pixels; the label map matches the masks.
`scene_composer` composes the scenes and defines a garment's silhouette.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch

from cvbench.data.datasets.fashion import CLASSES, read_garments
from cvbench.data.datasets.scene_composer import VERSION, Cutouts, Scene, compose, cut_out
from cvbench.errors import DataError
from cvbench.record import Passport
from cvbench.spec.cell import TaskName
from cvbench.values import Detections, LabelMap, Sample

_KEPT_BYTES: Final = 128 * 2**20
"""Size of the cache of composed scenes: all scenes at 128 pixels, fewer on large canvases."""


def fashion_scenes(
    *,
    task: TaskName,
    split: str,
    root: str | None = None,
    size: int = 128,
    seed: int = 0,
    train: int = 2000,
    test: int = 500,
    occlusion: float = 0.4,
) -> FashionScenes:
    """Open the split `train` or `test`, composed from the photographs of `fashion` below `root`.

    Scene k depends only on the photographs, `seed`, `size`, `occlusion`, the split and k: a longer dataset
    starts with the scenes of a shorter one, and both tasks have the same scenes.

    Raises DataError for an option out of range.
    """
    if task == "classification":
        raise ValueError("fashion-scenes has several garments per image; it has no truth for classification")
    _check(size=size, train=train, test=test, occlusion=occlusion)
    garments = read_garments(split, root)
    cutouts = cut_out(garments.images, garments.labels)
    if len(cutouts.labels) == 0:
        raise DataError(f"fashion-scenes: all {split} photographs are black")
    count = {"train": train, "test": test}[split]
    composed = f"{garments.sha256()} v{VERSION} {task} {split} {count} {size} {seed} {float(occlusion)!r}"
    passport = Passport(
        name="fashion-scenes",
        split=split,
        images=count,
        classes=len(CLASSES) + (task == "segmentation"),
        sha256=hashlib.sha256(composed.encode()).hexdigest(),
    )
    return FashionScenes(cutouts, passport, task=task, size=size, seed=seed, occlusion=occlusion)


def _check(*, size: int, train: int, test: int, occlusion: float) -> None:
    if not 64 <= size <= 4096:
        raise DataError(f"fashion-scenes: size: {size} is not between 64 and 4096 pixels")
    for name, count in (("train", train), ("test", test)):
        if count < 1:
            raise DataError(f"fashion-scenes: {name}: {count} is too small; at least 1 scene is needed")
    if not 0 <= occlusion < 1:
        raise DataError(f"fashion-scenes: occlusion: {occlusion} is not at least 0 and below 1")


@dataclass(frozen=True, eq=False)
class FashionScenes:
    """One split; scenes are composed on access. An id is `train/00012`.

    The fingerprint's hash covers the photographs, the composer's version, the task and every option, which
    determine the scenes. It has no number of objects: that would require composing every scene.
    """

    cutouts: Cutouts = field(repr=False)
    passport: Passport
    task: TaskName
    size: int
    seed: int
    occlusion: float
    _kept: dict[int, Scene] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """The garments; for segmentation, the background before them."""
        return ("background", *CLASSES) if self.task == "segmentation" else CLASSES

    def __len__(self) -> int:
        return self.passport.images

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]  # raises IndexError, and supports negative indices
        scene = self.scene(index)
        return Sample(
            image=torch.from_numpy(np.repeat(scene.grey[None], 3, 0)),
            truth=label_map(scene) if self.task == "segmentation" else detections(scene),
            id=f"{self.passport.split}/{index:05d}",
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}  # another process composes its own scenes

    def scene(self, index: int) -> Scene:
        """The scene, composed or from the cache."""
        if index in self._kept:
            return self._kept[index]
        key = f"cvbench/fashion-scenes/{VERSION}/{self.seed}/{self.passport.split}/{index}"
        scene = compose(self.cutouts, key=key, size=self.size, occlusion=self.occlusion)
        if len(self._kept) * 2 * self.size**2 < _KEPT_BYTES:
            self._kept[index] = scene
        return scene


def detections(scene: Scene) -> Detections:
    """The visible part of each garment of a scene, from bottom to top."""
    return Detections(
        boxes=torch.from_numpy(scene.boxes.astype(np.float32)),
        labels=torch.from_numpy(scene.labels.astype(np.int64)),
        scores=torch.ones(len(scene.labels)),
        masks=torch.from_numpy(scene.masks()),
        areas=torch.from_numpy(scene.areas.astype(np.float32)),
    )


def label_map(scene: Scene) -> LabelMap:
    """The class of each pixel of a scene: 0 is the background, 1 the first garment class."""
    classes = np.concatenate([np.zeros(1, np.uint8), scene.labels + 1])
    return LabelMap(torch.from_numpy(classes[scene.owners]))
