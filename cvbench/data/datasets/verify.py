"""Verify a copy of a dataset: read and decode every image, and check all truth.

The results are Faults, each with its count, first places and usual cause. Grave faults change metrics or end
a run; the others are for information.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from cvbench.data.datasets.faults import Fault, fault
from cvbench.data.datasets.image_files import MISSING, InFolder, Pictures, list_left_out
from cvbench.data.datasets.open import open_dataset
from cvbench.data.datasets.overlap import shared_images
from cvbench.data.datasets.published import faults_of_published
from cvbench.data.images.decoding import decode_image, formats
from cvbench.errors import DataError
from cvbench.interfaces import Dataset
from cvbench.record import Passport
from cvbench.spec.catalogue import DATASETS
from cvbench.spec.cell import DataSpec, TaskName
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Truth

_ORIENTATION: Final = 0x0112
_IN_VOC: Final = re.compile(r"(.*/)?VOC\d{4}/(JPEGImages|SegmentationClass)")


class SampleCheck(NamedTuple):
    """The check of one sample."""

    digest: bytes
    """SHA-256 of the file, or of the pixels if there is no file."""
    size: tuple[int, int] | None = None
    """Height and width; None for a corrupt image."""
    error: str | None = None
    misfit: bool = False
    """Whether `error` is about the truth of a valid image."""
    missing: bool = False
    labels: Mapping[int, int] = {}
    """Label → number of images, objects or pixels."""
    outside: int = 0
    """Boxes that leave the image …"""
    flat: int = 0
    """… and boxes without area."""
    marks: Mapping[str, int] = {}
    """Crowds and difficult objects."""
    turned: bool = False
    """Whether the file has an EXIF orientation other than upright."""


@dataclass(frozen=True)
class Verification:
    """The results of a verification."""

    passport: Passport | None
    """None if the dataset cannot be opened."""
    content_sha256: str | None
    """SHA-256 over the hashes of all image files, in order."""
    decoded: int
    bytes: int | None
    labels: Mapping[str, int]
    """Class → number of images, objects or pixels."""
    marks: Mapping[str, int]
    sizes: Sequence[tuple[int, int]]
    """Height and width of the smallest and the largest image by area."""
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        """Whether there is no grave fault."""
        return not any(one.grave for one in self.faults)


def verify(spec: DataSpec, *, task: TaskName, on_step: Callable[[int, int], object]) -> Verification:
    """Verify every sample of a split; `on_step` is called with the number of samples done, and the total.

    A published dataset with missing images is verified too. Raises UnknownName for an unknown name.
    """
    faults: list[Fault] = []
    dataset = _opened(spec, task, faults)
    if dataset is None:
        return Verification(None, None, 0, None, {}, {}, (), tuple(faults))
    looks = []
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        for look in pool.map(lambda index: _look(dataset, index), range(len(dataset))):
            looks.append(look)
            on_step(len(looks), len(dataset))
    names = _Names(dataset)
    faults += _faults_of_files(names, looks)
    faults += _left_out(dataset)
    faults += _trained_on(spec, dataset, task)
    faults += _faults_of_truths(dataset, names, looks)
    faults += faults_of_published(spec.name, dataset, [look.size for look in looks])
    sizes = sorted({look.size for look in looks if look.size}, key=lambda size: size[0] * size[1])
    content = hashlib.sha256(b"".join(look.digest for look in looks)).hexdigest()
    counted = Counter[int]()
    marks = Counter[str]()
    for look in looks:
        counted.update(look.labels)
        marks.update(look.marks)
    pictures = getattr(dataset, "pictures", None)
    return Verification(
        passport=dataset.passport,
        content_sha256=content,
        decoded=sum(look.size is not None for look in looks),
        bytes=int(pictures.sizes[pictures.sizes != MISSING].sum()) if pictures is not None else None,
        labels={name: counted[label] for label, name in enumerate(dataset.classes)},
        marks=marks,
        sizes=[sizes[0], sizes[-1]] if sizes else [],
        faults=tuple(faults),
    )


def _opened(spec: DataSpec, task: TaskName, faults: list[Fault]) -> Dataset | None:
    """Open the dataset, or the existing part of it."""
    try:
        return open_dataset(spec, task=task)
    except DataError as error:
        faults.append(Fault("the dataset cannot be opened", 1, (str(error),), "", grave=True, counted=False))
    card = DATASETS.get(spec.name)
    if card is None or "subset" not in card.options or spec.options.get("subset"):
        return None
    try:
        part = spec.model_copy(update={"options": {**spec.options, "subset": True}})
        return open_dataset(part, task=task)
    except DataError as error:
        if str(error) not in faults[0].places:
            faults.append(
                Fault(
                    "its existing part cannot be opened either",
                    1,
                    (str(error),),
                    "",
                    grave=True,
                    counted=False,
                )
            )
        return None


class _Names:
    """The name of a sample in reports: its file, or its index."""

    def __init__(self, dataset: Dataset) -> None:
        self._pictures: Pictures | None = getattr(dataset, "pictures", None)

    def __getitem__(self, index: int) -> str:
        return f"sample {index}" if self._pictures is None else self._pictures.name(index)


def _look(dataset: Dataset, index: int) -> SampleCheck:
    pictures: Pictures | None = getattr(dataset, "pictures", None)
    digest, turned = b"", False
    try:
        if pictures is not None:
            content = pictures.read(index)
            digest, turned = hashlib.sha256(content).digest(), _is_turned(content)
        sample = dataset[index]
    except DataError as error:
        missing = pictures is not None and int(pictures.sizes[index]) == MISSING
        misfit = not missing and pictures is not None and _is_decodable(pictures, index)
        return SampleCheck(digest, error=str(error), missing=missing, misfit=misfit, turned=turned)
    height, width = int(sample.image.shape[1]), int(sample.image.shape[2])
    if pictures is None:
        digest = hashlib.sha256(sample.image.numpy().tobytes()).digest()
    seen = SampleCheck(digest, (height, width), turned=turned, labels=_labels(sample.truth))
    return seen if not isinstance(sample.truth, Detections) else _look_at_objects(seen, sample.truth)


def _is_decodable(pictures: Pictures, index: int) -> bool:
    try:
        decode_image(pictures.read(index), pictures.name(index))
    except DataError:
        return False
    return True


def _look_at_objects(seen: SampleCheck, truth: Detections) -> SampleCheck:
    assert seen.size is not None
    height, width = seen.size
    left, top, right, bottom = truth.boxes.unbind(1)
    outside = (left < 0) | (top < 0) | (right > width + 0.01) | (bottom > height + 0.01)  # rounded to cents
    marks = {"crowd": truth.crowd, "difficult": truth.difficult}
    return seen._replace(
        outside=int(outside.sum()),
        flat=int(((right <= left) | (bottom <= top)).sum()),
        marks={name: int(flags.sum()) for name, flags in marks.items() if flags is not None},
    )


def _labels(truth: Truth) -> Mapping[int, int]:
    match truth:
        case ClassScores():
            return {truth.label: 1}
        case Detections():
            return Counter(truth.labels.tolist())
        case LabelMap():
            counts = np.bincount(truth.labels.numpy().ravel(), minlength=256)
            return {label: int(counts[label]) for label in np.flatnonzero(counts).tolist()}


def _is_turned(content: bytes) -> bool:
    """Whether a file has an EXIF orientation other than upright; False if its header is not readable."""
    if b"Exif" not in content[:4096]:
        return False
    try:
        with Image.open(io.BytesIO(content), formats=formats()) as picture:
            return picture.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


def _faults_of_files(names: _Names, looks: Sequence[SampleCheck]) -> Iterator[Fault]:
    absent = [i for i, look in enumerate(looks) if look.missing]
    misfits = [i for i, look in enumerate(looks) if look.misfit]
    broken = [i for i, look in enumerate(looks) if look.error and not look.missing and not look.misfit]
    turned = [i for i, look in enumerate(looks) if look.turned]
    yield from fault(
        "images are missing",
        [names[i] for i in absent],
        cause="Images of another split or year, or an incomplete copy.",
    )
    yield from fault(
        "samples are corrupt",
        [looks[i].error or "" for i in broken],
        cause="Truncated copies; fetch the files again.",
    )
    yield from fault(
        "samples have invalid truth",
        [looks[i].error or "" for i in misfits],
        cause="Truth of other images, a resized copy, or label maps in colors or with other labels.",
    )
    yield from fault(
        "images have an EXIF orientation, which cvbench does not apply",
        [names[i] for i in turned],
        cause="Camera files: the truth must refer to the pixels as stored.",
        grave=False,
    )
    first: dict[bytes, int] = {}
    twins = [(i, first[look.digest]) for i, look in enumerate(looks) if _seen(first, look.digest, i)]
    yield from fault(
        "images are duplicates",
        [f"{names[i]}, as {names[j]}" for i, j in twins],
        cause="Files that were copied under two names.",
        grave=False,
    )


def _left_out(dataset: Dataset) -> Iterator[Fault]:
    """Files in the folders of images and label maps that are not read."""
    pictures, maps = (getattr(dataset, name, None) for name in ("pictures", "maps"))
    if isinstance(pictures, InFolder):
        yield from fault(
            "files in the folder are not part of this split",
            [
                path
                for path in _besides(pictures)
                if f"{pictures.folder}/{path}" != getattr(dataset, "file", "")
            ],
            cause="Images of other splits, hidden files, thumbnails, or files that are not images.",
            grave=False,
        )
    if isinstance(maps, InFolder):
        yield from fault(
            "files in the folder of label maps belong to no image of this split",
            _besides(maps),
            cause="Maps of other splits, or images that are missing.",
            grave=False,
        )


def _besides(files: InFolder) -> list[str]:
    """Other files of the folder; for VOC, of the folders with files of this split."""
    paths = list(files.paths)
    parents = {path.rpartition("/")[0] for path in paths}
    if not all(_IN_VOC.fullmatch(parent) for parent in parents):
        return list_left_out(Path(files.folder), paths)
    read = set(paths)
    return [
        path
        for parent in sorted(parents)
        for one in list_left_out(Path(files.folder) / parent, ())
        if (path := f"{parent}/{one}") not in read
    ]


def _trained_on(spec: DataSpec, dataset: Dataset, task: TaskName) -> Iterator[Fault]:
    """Conflicts with the training split of your own data, if there is one."""
    card = DATASETS.get(spec.name)
    if card is None or card.classes is not None or spec.split == "train":
        return
    try:
        trained = open_dataset(spec, task=task, split="train")
    except DataError:
        return  # no training split, or one with faults that `data verify --split train` shows
    yield from fault(
        f"images of {spec.split} are in the training split too",
        shared_images(dataset, trained),
        cause="One folder for both splits, or images that were duplicated before the split.",
        grave=False,
    )


def _seen(first: dict[bytes, int], digest: bytes, index: int) -> bool:
    return bool(digest) and first.setdefault(digest, index) != index


def _faults_of_truths(dataset: Dataset, names: _Names, looks: Sequence[SampleCheck]) -> Iterator[Fault]:
    outside = [f"{names[i]}: {look.outside}" for i, look in enumerate(looks) if look.outside]
    yield from fault(
        "images have boxes that leave the image",
        outside,
        cause="Boxes of a copy of another size, corners read as widths, or pixels counted from 1.",
        grave=dataset.passport.name == "voc",
    )
    flat = [f"{names[i]}: {look.flat}" for i, look in enumerate(looks) if look.flat]
    yield from fault(
        "images have boxes without area", flat, cause="Corners read as widths, or an annotation error.",
        grave=False,
    )  # fmt: skip
    used = set(chain.from_iterable(look.labels for look in looks)) - {VOID}
    if VOID in set(chain.from_iterable(look.labels for look in looks)) and len(used) <= 1:
        yield Fault(
            "label maps have only void and at most one class, as masks of 0 and 255 do", 1, (),
            "Binary masks: set the option void=none to make 255 the second class.",
            grave=dataset.passport.name == "masks", counted=False,
        )  # fmt: skip
    unused = [name for label, name in enumerate(dataset.classes) if label not in used]
    yield from fault(
        "classes have no samples", unused, cause="A part of the dataset, or another list of classes.",
        grave=False,
    )  # fmt: skip
