"""PASCAL VOC 2007 and 2012: 20 classes, with boxes or label maps.

Everingham et al.: The PASCAL Visual Object Classes Challenge, 2010, http://host.robots.ox.ac.uk/pascal/VOC.
Images under Flickr's terms.

    VOCdevkit/VOC2007/                  also VOC2007/, or the root itself
        ImageSets/Main/<set>.txt        for detection; ImageSets/Segmentation/<set>.txt for segmentation
        JPEGImages/<image>.jpg
        Annotations/<image>.xml         pixels count from 1, the last one is inside the box
        SegmentationClass/<image>.png   0 is the background, 255 the ignored border

Boxes become half-open pixels from 0: (xmin - 1, ymin - 1, xmax, ymax). Difficult objects are kept and marked,
and metrics ignore them. An id is the year and the image: 2007/000005.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int64

from cvbench.data.annotations.problems import Problems
from cvbench.data.annotations.voc import VocObjects, read_image_set, read_voc_objects
from cvbench.data.datasets.cache import PackedTexts
from cvbench.data.datasets.image_files import MISSING, InFolder
from cvbench.data.datasets.manifest import Manifest
from cvbench.data.datasets.masks import read_label_map
from cvbench.data.datasets.open import check_count, looked_for, root_folder
from cvbench.data.images.decoding import decode_image
from cvbench.data.images.label_maps import LabelRule
from cvbench.errors import DataError
from cvbench.record import Passport
from cvbench.spec.catalogue.label_spaces import VOC_CLASSES
from cvbench.spec.cell import TaskName
from cvbench.values import Detections, LabelMap, Sample

HALF_OPEN: Final = np.array([1.0, 1.0, 0.0, 0.0])
"""Offset of corners that count pixels from 1 and include the last one."""


class VocImageSet(NamedTuple):
    """An image set of one year."""

    year: int
    image_set: str


PUBLISHED: Final[Mapping[TaskName, Mapping[VocImageSet, int]]] = {
    "detection": {
        VocImageSet(2007, "train"): 2501,
        VocImageSet(2007, "val"): 2510,
        VocImageSet(2007, "trainval"): 5011,
        VocImageSet(2007, "test"): 4952,
        VocImageSet(2012, "train"): 5717,
        VocImageSet(2012, "val"): 5823,
        VocImageSet(2012, "trainval"): 11540,
    },
    "segmentation": {
        VocImageSet(2007, "train"): 209,
        VocImageSet(2007, "val"): 213,
        VocImageSet(2007, "trainval"): 422,
        VocImageSet(2007, "test"): 210,
        VocImageSet(2012, "train"): 1464,
        VocImageSet(2012, "val"): 1449,
        VocImageSet(2012, "trainval"): 2913,
    },
}
"""Number of images per image set; the annotations of test 2012 are not public."""

_UNIONS: Final[Mapping[str, tuple[VocImageSet, ...]]] = {
    "07+12": (VocImageSet(2007, "trainval"), VocImageSet(2012, "trainval")),
    "07++12": (VocImageSet(2007, "trainval"), VocImageSet(2007, "test"), VocImageSet(2012, "trainval")),
}
"""The usual names of training sets; the second one is for test 2012."""


def voc(
    *,
    task: TaskName,
    split: str,
    root: str | None = None,
    year: int = 2007,
    train: str = "train",
    subset: bool = False,
) -> Voc:
    """Open a split of a year below `root`; `subset` accepts image sets with missing images.

    `train` defines the split `train`: `train` or `trainval` of that year, or a union of years. Raises
    DataError if the folder is not a copy of VOC.
    """
    if task == "classification":
        raise ValueError("voc has several objects per image; it has no truth for classification")
    parts = _parts(split, year, train)
    folder = root_folder("voc", root)
    published = PUBLISHED[task]
    opened = [_open(_folder_of(folder, part), part, task) for part in parts]
    for part, one in zip(parts, opened, strict=True):
        if part not in published:
            raise DataError(f"voc: the annotations of {part.image_set} {part.year} are not public")
        name = f"{part.image_set} of {part.year}"
        check_count(
            str(folder), name, found=len(one.images), published=published[part], what="images", subset=subset
        )
    return _joined(folder, opened, parts, split, task)


def _parts(split: str, year: int, train: str) -> tuple[VocImageSet, ...]:
    if year not in (2007, 2012):
        raise DataError(f"voc: year: {year} is not supported; use 2007 or 2012")
    if train not in ("train", "trainval", *_UNIONS):
        raise DataError(f"voc: train: {train!r} is not one of train, trainval, {', '.join(_UNIONS)}")
    if split == "train":
        return _UNIONS.get(train, (VocImageSet(year, train),))
    return (VocImageSet(year, split),)


def _folder_of(root: Path, part: VocImageSet) -> Path:
    places = [f"VOCdevkit/VOC{part.year}", f"VOC{part.year}"]
    candidates = [root / place for place in places] + ([root] if root.name == f"VOC{part.year}" else [])
    for folder in candidates:
        if (folder / "ImageSets").is_dir():
            return folder
    hint = ""
    if next(root.glob("**/*.xml"), None) is not None:
        hint = ".\n  The dataset voc-xml reads XML files with your own classes. See docs/data.md"
    raise DataError(f"{root}: no VOC {part.year} here; looked for {looked_for(places)}, with ImageSets{hint}")


@dataclass(frozen=True, eq=False)
class _Year:
    """The content of one image set."""

    folder: Path
    images: tuple[str, ...]
    objects: VocObjects | None
    """None for segmentation."""


def _open(folder: Path, part: VocImageSet, task: TaskName) -> _Year:
    problems = Problems()
    kind = "Main" if task == "detection" else "Segmentation"
    images = read_image_set(folder, part.image_set, problems, kind=kind)
    problems.stop()
    if not images:
        raise DataError(f"{folder}: its {kind}/{part.image_set}.txt lists no images")
    objects = read_voc_objects(folder, images, problems) if task == "detection" else None
    for i, name in enumerate(objects.name if objects else ()):
        if name not in VOC_CLASSES:
            place = f"{images[objects.image[i]]}.xml: {name}" if objects else name
            problems.add(
                folder / "Annotations",
                "an object whose class is none of VOC's 20",
                place,
                remedy="Classes of your own are read by the dataset voc-xml.",
            )
    problems.stop()
    return _Year(folder, images, objects)


def _joined(
    root: Path, years: Sequence[_Year], parts: Sequence[VocImageSet], split: str, task: TaskName
) -> Voc:
    def paths(folder: str, suffix: str) -> list[str]:
        return [
            str((year.folder / folder / f"{image}{suffix}").relative_to(root))
            for year in years
            for image in year.images
        ]

    pictures = InFolder.of(root, paths("JPEGImages", ".jpg"))
    if (pictures.sizes == MISSING).all():
        raise DataError(f"{root}: contains none of the {len(pictures):,} images, such as {pictures.paths[0]}")
    maps = InFolder.of(root, paths("SegmentationClass", ".png")) if task == "segmentation" else None
    ids = [f"{part.year}/{image}" for part, year in zip(parts, years, strict=True) for image in year.images]
    objects = [year.objects for year in years if year.objects is not None]
    boxes = boxes_of(objects, VOC_CLASSES) if task == "detection" else None
    classes = VOC_CLASSES if task == "detection" else ("background", *VOC_CLASSES)
    manifest = Manifest(
        task=task,
        classes=classes,
        ids=ids,
        pictures=pictures,
        truths=_told(boxes, maps),
        decided_by={"parts": parts},
        objects=None if boxes is None else len(boxes.label),
    )
    passport = manifest.passport("voc", split)
    return Voc(pictures, maps, boxes, PackedTexts.of(ids), classes, passport, task=task)


def _told(boxes: Boxes | None, maps: InFolder | None) -> list[str]:
    """The truth as text: objects, or the sizes of the label map files."""
    if boxes is not None:
        return boxes.lines()
    assert maps is not None
    return [str(size) for size in maps.sizes.tolist()]


class Boxes(NamedTuple):
    """The objects of all images; image `i` has `starts[i]` to `starts[i + 1]`."""

    starts: Int64[np.ndarray, " images+1"]
    label: Int64[np.ndarray, " n"]
    corners: Float64[np.ndarray, "n 4"]
    """Half-open, from 0."""
    difficult: np.ndarray
    truncated: np.ndarray

    def lines(self) -> list[str]:
        """The truth of each image as text."""
        rows = [
            f"{label} {corners} {int(difficult)}"
            for label, corners, difficult in zip(
                self.label.tolist(), self.corners.tolist(), self.difficult.tolist(), strict=True
            )
        ]
        bounds = self.starts.tolist()
        return [";".join(rows[a:b]) for a, b in pairwise(bounds)]


def boxes_of(parts: Sequence[VocObjects], classes: Sequence[str]) -> Boxes:
    """The objects of all parts, labeled by the places of their names among the classes."""
    label = {name: k for k, name in enumerate(classes)}
    before = np.cumsum([0, *(len(part.images) for part in parts)])
    image = np.concatenate([part.image + first for part, first in zip(parts, before, strict=False)])
    return Boxes(
        np.searchsorted(image, np.arange(before[-1] + 1)),
        np.array([label[name] for part in parts for name in part.name], np.int64),
        np.concatenate([part.corners for part in parts]) - HALF_OPEN,
        np.concatenate([part.difficult for part in parts]),
        np.concatenate([part.truncated for part in parts]),
    )


@cache
def _known(classes: int) -> LabelRule:
    return LabelRule.of(classes)


@dataclass(frozen=True, eq=False)
class Voc:
    """One split; images and label maps are read on access."""

    pictures: InFolder = field(repr=False)
    maps: InFolder | None = field(repr=False)
    boxes: Boxes | None = field(repr=False)
    ids: PackedTexts = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)
    passport: Passport
    task: TaskName

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        name = self.pictures.name(index)
        image = decode_image(self.pictures.read(index), name)
        truth = (
            self._detections(index) if self.boxes else self._labels(index, (image.shape[1], image.shape[2]))
        )
        return Sample(image, truth, self.ids[index])

    def _detections(self, index: int) -> Detections:
        assert self.boxes is not None
        own = slice(int(self.boxes.starts[index]), int(self.boxes.starts[index + 1]))
        labels = torch.from_numpy(self.boxes.label[own].copy())
        return Detections(
            boxes=torch.from_numpy(self.boxes.corners[own].astype(np.float32)),
            labels=labels,
            scores=torch.ones(len(labels)),
            difficult=torch.from_numpy(self.boxes.difficult[own].copy()),
        )

    def _labels(self, index: int, size: tuple[int, int]) -> LabelMap:
        assert self.maps is not None
        return read_label_map(self.maps, index, size, _known(len(self.classes)))
