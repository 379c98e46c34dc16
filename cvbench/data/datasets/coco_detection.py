"""Datasets in COCO format, for `coco` and `coco-json`.

Boxes (x, y, width, height) become half-open corners (x, y, x + width, y + height). Labels are categories by
ascending id, without the gaps of the ids; a class name has one label in all splits, also if their files
number it differently (`classes.py`). Crowds are kept and marked. Images without objects are kept: all
detections in them are false positives. An annotation's area is the file's, or else its box's.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from cvbench.data.annotations.coco import CocoInstances, read_whole_instances
from cvbench.data.annotations.json import read_bytes
from cvbench.data.annotations.problems import Problems, Side
from cvbench.data.annotations.segmentations import Runs, Segmentation, problem_of, text_of
from cvbench.data.datasets.cache import PackedTexts, read_cache, write_cache
from cvbench.data.datasets.file_names import respelled, safe_names
from cvbench.data.datasets.image_files import MISSING, InFolder
from cvbench.data.datasets.manifest import Manifest
from cvbench.data.images.decoding import decode_image
from cvbench.errors import DataError
from cvbench.record import Passport
from cvbench.spec.folders import cache_folder
from cvbench.values import Detections, Sample

_VERSION: Final = 2
"""Version of the cached columns; other versions ignore these entries."""


class CocoIndex(NamedTuple):
    """Images by ascending id; image `i` has the objects `starts[i]` to `starts[i + 1]`."""

    sha256: str
    """Of the file."""
    image_id: Int64[np.ndarray, " images"]
    height: Int64[np.ndarray, " images"]
    """0 if the file does not state it."""
    width: Int64[np.ndarray, " images"]
    image_text: PackedTexts
    """The ids of images with text ids, in the order of their numbers; else empty texts."""
    file_name: PackedTexts
    category_id: Int64[np.ndarray, " classes"]
    names: PackedTexts
    """Of the categories."""
    starts: Int64[np.ndarray, " images+1"]
    id: Int64[np.ndarray, " n"]
    """Of the annotations."""
    label: Int64[np.ndarray, " n"]
    """The index of the category."""
    xywh: Float64[np.ndarray, "n 4"]
    area: Float64[np.ndarray, " n"]
    crowd: Bool[np.ndarray, " n"]
    segmentation: PackedTexts
    """JSON; empty if there is none."""

    def ids(self) -> list[str]:
        """The id of each image in the file."""
        return [text or str(number) for text, number in zip(self.image_text, self.image_id, strict=True)]


def _texts(instances: CocoInstances) -> list[str]:
    texts = instances.image_texts
    return [texts.texts[i] if texts else "" for i in instances.image_id.tolist()]


def read_index(path: Path) -> CocoIndex:
    """The columns of an instances file, from the cache if possible.

    Raises InputError with all problems of the file; such a file is not cached.
    """
    content = read_bytes(path)
    digest = hashlib.sha256(content).hexdigest()
    kept = cache_folder() / "coco" / f"{digest}-{_VERSION}.npz"
    columns = [name for name in CocoIndex._fields if name != "sha256"]
    fields = read_cache(kept, columns)
    if fields is not None:
        return CocoIndex(digest, **fields)
    index = _read(path, content, digest)
    write_cache(kept, {name: getattr(index, name) for name in columns})
    return index


def _read(path: Path, content: bytes, digest: str) -> CocoIndex:
    problems = Problems()
    instances = read_whole_instances(path, content, problems)
    side = Side(path, "annotations", instances.place, problems)
    image, label = instances.places(instances.of_image, instances.of_category, side)
    assert instances.xywh is not None
    side.check_boxes(instances.xywh)
    side.check_finite("area", instances.area)
    side.check_not_negative("area", instances.area)
    nameless = np.array([not name for name in instances.file_name], np.bool_)
    problems.add_where(
        path, "an image without a file_name", nameless, lambda i: f"id {instances.image_id[i]}"
    )
    problems.stop()
    return _columns(instances, image, label, digest)


def _columns(
    instances: CocoInstances, image: Int64[np.ndarray, " n"], label: Int64[np.ndarray, " n"], digest: str
) -> CocoIndex:
    order = np.argsort(image, kind="stable")
    xywh, segmentation = instances.xywh, instances.segmentation
    assert xywh is not None
    assert segmentation is not None
    texts = [bytes(segmentation[i]) for i in order.tolist()]
    return CocoIndex(
        sha256=digest,
        image_id=instances.image_id,
        height=instances.height,
        width=instances.width,
        image_text=PackedTexts.of(_texts(instances)),
        file_name=PackedTexts.of(instances.file_name),
        category_id=instances.category_id,
        names=PackedTexts.of(instances.names),
        starts=np.searchsorted(image[order], np.arange(len(instances.image_id) + 1)),
        id=instances.id[order],
        label=label[order],
        xywh=xywh[order],
        area=instances.area[order],
        crowd=instances.crowd[order],
        segmentation=PackedTexts(b"".join(texts), np.cumsum([len(text) for text in texts], dtype=np.int64)),
    )


def open_instances(
    name: str,
    split: str,
    *,
    annotations: Path,
    images: Path,
    masks: bool,
    classes: tuple[str, ...] | None = None,
) -> Instances:
    """Open the images and objects of an instances file.

    Labels index `classes`, which contain all names of the file, or else the file's categories by ascending
    id. Raises DataError if all images are missing, or if file names point outside the folder. A single
    missing image is an error when it is read.
    """
    index = read_index(annotations)
    pictures = _found(annotations, images, index)
    if len(pictures) == 0:
        raise DataError(f"{annotations}: lists no images")
    if (pictures.sizes == MISSING).all():
        raise DataError(
            f"{images}: contains none of the {len(pictures):,} images of {annotations}, "
            f"such as {index.file_name[0]}"
        )
    own = tuple(index.names)
    if classes is None or classes == own:
        classes = own
    else:
        label_of = np.array([classes.index(name) for name in own], np.int64)
        index = index._replace(label=label_of[index.label])
    manifest = Manifest(
        task="detection",
        classes=classes,
        ids=index.ids(),
        pictures=pictures,
        truths=np.diff(index.starts).tolist(),
        decided_by={"annotations": index.sha256, "masks": masks},
        objects=len(index.label),
    )
    passport = manifest.passport(name, split)
    return Instances(index, pictures, str(annotations), classes, passport, masks=masks)


def _found(file: Path, images: Path, index: CocoIndex) -> InFolder:
    """The images of the file; a missing file name is also looked for in its other spellings."""
    names = safe_names(file, images, index.file_name)
    pictures = InFolder.of(images, names)
    missing = np.flatnonzero(pictures.sizes == MISSING).tolist()
    others = {i: other for i in missing if (other := respelled(images, names[i])) is not None}
    if not others:
        return pictures
    taken = {name: i for i, name in enumerate(names) if i not in others}
    for i, other in others.items():
        if other in taken:
            raise DataError(
                f"{file}: the file names {names[taken[other]]!r} and {names[i]!r} are one file, "
                f"{images / other}"
            )
        taken[other] = i
    return InFolder.of(images, [others.get(i, name) for i, name in enumerate(names)])


@dataclass(frozen=True, eq=False)
class Instances:
    """One split; images are read on access. An id is the image's id in the file."""

    index: CocoIndex = field(repr=False)
    pictures: InFolder = field(repr=False)
    file: str
    classes: tuple[str, ...] = field(repr=False)
    passport: Passport
    masks: bool = False
    task: Literal["detection"] = "detection"

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        name = self.pictures.name(index)
        image = decode_image(self.pictures.read(index), name)
        told = int(self.index.height[index]), int(self.index.width[index])
        if told != (0, 0) and told != tuple(image.shape[1:]):
            raise DataError(
                f"{name}: {image.shape[2]} x {image.shape[1]} pixels, but {self.file} states "
                f"{told[1]} x {told[0]}: the image was resized or rotated"
            )
        return Sample(
            image,
            self.truth(index, (image.shape[1], image.shape[2])),
            self.index.image_text[index] or str(self.index.image_id[index]),
        )

    def truth(self, index: int, size: tuple[int, int]) -> Detections:
        """The objects of an image of this height and width."""
        own = slice(int(self.index.starts[index]), int(self.index.starts[index + 1]))
        xywh = self.index.xywh[own]
        corners = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        labels = torch.from_numpy(self.index.label[own].copy())
        return Detections(
            boxes=torch.from_numpy(corners.astype(np.float32)),
            labels=labels,
            scores=torch.ones(len(labels)),
            masks=self._masks(own, size) if self.masks else None,
            crowd=torch.from_numpy(self.index.crowd[own].copy()),
            areas=torch.from_numpy(self.index.area[own].astype(np.float32)),
        )

    def _masks(self, own: slice, size: tuple[int, int]) -> Bool[Tensor, "n h w"]:
        masks = torch.zeros(own.stop - own.start, *size, dtype=torch.bool)
        for k, at in enumerate(range(own.start, own.stop)):
            masks[k] = self._mask(at, size)
        return masks

    def _mask(self, at: int, size: tuple[int, int]) -> Bool[Tensor, "h w"]:
        from pycocotools import mask as coco_mask

        place = f"{self.file}: annotation {self.index.id[at]}"
        text = self.index.segmentation[at]
        try:
            segmentation: Segmentation = msgspec.json.decode(text or "[]", type=Runs | list[list[float]])
        except msgspec.DecodeError as error:
            raise DataError(f"{place}: invalid segmentation: {error}") from error
        wrong = problem_of(segmentation, *size)
        if wrong is not None:
            raise DataError(f"{place}: {wrong[0]}: {wrong[1]}")
        runs: dict[str, Any] = {"size": list(size), "counts": text_of(segmentation, *size)}
        with warnings.catch_warnings():
            # pycocotools 2.0.11 uses a NumPy API that NumPy 2 deprecates
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.from_numpy(coco_mask.decode(runs).astype(np.bool_))
