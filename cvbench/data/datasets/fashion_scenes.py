"""Garments of Fashion-MNIST on a canvas: two to six of them, over one another, with exact truths.

Train scenes show training photographs only, test scenes test photographs only. A garment's mask is
what can be seen of it, its box the extent of that mask, its area the number of its pixels; the label
map says the same for each pixel. `scene_composer` composes scenes, and says what a garment's silhouette is.
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
"""Composed scenes that a data set keeps: all of them at 128 pixels, fewer on large canvases."""


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
    """The split `train` or `test`, composed from the photographs that `fashion` reads from `root`.

    Scene k depends on the photographs, `seed`, `size`, `occlusion`, the split and k alone: a longer
    data set begins with the scenes of a shorter one, and both tasks see the same scenes.

    Raises DataError for an option out of its range.
    """
    if task == "classification":
        raise ValueError("fashion-scenes holds several garments an image; it has no truth for classification")
    _check(size=size, train=train, test=test, occlusion=occlusion)
    garments = read_garments(split, root)
    cutouts = cut_out(garments.images, garments.labels)
    if len(cutouts.labels) == 0:
        raise DataError(f"fashion-scenes: no {split} photograph shows anything but black")
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
        raise DataError(f"fashion-scenes: size: {size} is not from 64 to 4096 pixels")
    for name, count in (("train", train), ("test", test)):
        if count < 1:
            raise DataError(f"fashion-scenes: {name}: {count} scenes are none; ask for at least 1")
    if not 0 <= occlusion < 1:
        raise DataError(f"fashion-scenes: occlusion: {occlusion} is not a share from 0 to below 1")


@dataclass(frozen=True, eq=False)
class FashionScenes:
    """One split, composed scene by scene as it is looked at. An id is `train/00012`.

    The passport's hash covers the photographs, the composer's version, the task and every option,
    from which all else follows. It does not count objects: that would compose every scene.
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
        """The garments; before them the background, where every pixel has a class."""
        return ("background", *CLASSES) if self.task == "segmentation" else CLASSES

    def __len__(self) -> int:
        return self.passport.images

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]  # raises IndexError, and counts -1 from the end
        scene = self.scene(index)
        return Sample(
            image=torch.from_numpy(np.repeat(scene.grey[None], 3, 0)),
            truth=label_map(scene) if self.task == "segmentation" else detections(scene),
            id=f"{self.passport.split}/{index:05d}",
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}  # another process composes what it needs

    def scene(self, index: int) -> Scene:
        """The scene itself, composed or, where it was before and there is room for it, kept."""
        if index in self._kept:
            return self._kept[index]
        key = f"cvbench/fashion-scenes/{VERSION}/{self.seed}/{self.passport.split}/{index}"
        scene = compose(self.cutouts, key=key, size=self.size, occlusion=self.occlusion)
        if len(self._kept) * 2 * self.size**2 < _KEPT_BYTES:
            self._kept[index] = scene
        return scene


def detections(scene: Scene) -> Detections:
    """Every garment of a scene, the lowest first: what can be seen of it, exactly."""
    return Detections(
        boxes=torch.from_numpy(scene.boxes.astype(np.float32)),
        labels=torch.from_numpy(scene.labels.astype(np.int64)),
        scores=torch.ones(len(scene.labels)),
        masks=torch.from_numpy(scene.masks()),
        areas=torch.from_numpy(scene.areas.astype(np.float32)),
    )


def label_map(scene: Scene) -> LabelMap:
    """A scene's class at each pixel: 0 is the background, 1 the first garment class."""
    classes = np.concatenate([np.zeros(1, np.uint8), scene.labels + 1])
    return LabelMap(torch.from_numpy(classes[scene.owners]))
