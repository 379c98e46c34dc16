"""Whether a copy of a data set is whole: every image is read and decoded, every truth looked at.

What is found are Faults, each with its number, its first places and the usual cause. A grave one changes
figures or ends a run; the others are worth knowing.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from cvbench.data.datasets.folder import LabelledImages
from cvbench.data.datasets.image_files import MISSING, InFolder, Pictures, list_left_out
from cvbench.data.datasets.imagenet import OF_VAL, read_truth
from cvbench.data.datasets.open import open_dataset
from cvbench.data.images.decoding import formats
from cvbench.errors import CvbenchError, DataError
from cvbench.interfaces import Dataset
from cvbench.record import Passport
from cvbench.spec.catalogue import DATASETS
from cvbench.spec.catalogue.label_spaces import imagenet_classes
from cvbench.spec.cell import DataSpec, TaskName
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Truth

_A_CLASS: Final = {"val": range(50, 51), "train": range(732, 1301)}
"""How many images a class of ImageNet has."""
_ALIKE: Final = 0.9
"""The share of images with one shorter side from which on a copy was resized."""
_ENOUGH: Final = 20


def faults_of_published(
    name: str, dataset: Dataset, sizes: Sequence[tuple[int, int] | None]
) -> Iterator[Fault]:
    """What differs from the published set of this name; nothing where nothing is known of it."""
    if name == "imagenet" and isinstance(dataset, LabelledImages):
        yield from _resized([size for size in sizes if size is not None])
        yield from _uneven(dataset)
        if dataset.passport.split == "val":
            yield from _of_training(dataset)
            yield from _mislaid(dataset)


def _resized(sizes: Sequence[tuple[int, int]]) -> Iterator[Fault]:
    sides = Counter(min(size) for size in sizes)
    if len(sizes) < _ENOUGH:
        return
    side, times = sides.most_common(1)[0]
    if times >= _ALIKE * len(sizes):
        yield Fault(
            f"images have a shorter side of {side} pixels, and the published ones differ in size",
            times, (), "A resized copy: figures differ from the published ones by up to a point.", grave=True,
        )  # fmt: skip


def _uneven(dataset: LabelledImages) -> Iterator[Fault]:
    usual = _A_CLASS[dataset.passport.split]
    counts = Counter(dataset.labels.tolist())
    odd = [label for label in range(len(dataset.classes)) if counts[label] not in usual]
    bounds = f"{usual[0]}" if len(usual) == 1 else f"{usual[0]} to {usual[-1]}"
    yield from fault(
        f"classes have another number of images than {bounds}",
        [f"{imagenet_classes()[k].wnid} ({dataset.classes[k]}): {counts[k]}" for k in odd],
        cause="A copy that was cut off, or images that were sorted by a list of another order.",
    )


def _of_training(dataset: LabelledImages) -> Iterator[Fault]:
    strange = [name for name in dataset.ids if not OF_VAL.fullmatch(name)]
    yield from fault(
        "images are not named as those of val are",
        strange,
        cause="The training images under the name of val, or a set of another year.",
    )


def _mislaid(dataset: LabelledImages) -> Iterator[Fault]:
    """Folders against the list of labels, where there are both."""
    pictures = dataset.pictures
    numbers = [OF_VAL.fullmatch(name) for name in dataset.ids]
    if not isinstance(pictures, InFolder) or None in numbers:
        return
    folder = Path(pictures.folder)
    try:
        truth = read_truth(folder.parent, [int(number[1]) for number in numbers if number])
    except CvbenchError:
        return  # there is no list, or none that can be read
    mislaid = [i for i, label in enumerate(truth) if label != dataset.labels[i]]
    wnids = [one.wnid for one in imagenet_classes()]
    yield from fault(
        "images lie in the folder of another class than their list says",
        [f"{dataset.ids[i]} in {wnids[int(dataset.labels[i])]}, not {wnids[truth[i]]}" for i in mislaid],
        cause="ILSVRC ids taken for places among the sorted WordNet ids, or classes sorted by name.",
    )


SHOWN: Final = 10
"""How many places of one fault are named."""


@dataclass(frozen=True)
class Fault:
    """What is wrong, how often, where first, and what usually causes it."""

    what: str
    count: int
    places: tuple[str, ...]
    cause: str
    grave: bool
    """It changes figures, or ends a run."""
    counted: bool = True
    """Whether `what` begins with the number of what is wrong."""


def fault(what: str, places: Sequence[str], *, cause: str, grave: bool = True) -> Iterator[Fault]:
    """The fault with these places; none where there are no places."""
    if places:
        yield Fault(what, len(places), tuple(places[:SHOWN]), cause, grave)


_ORIENTATION: Final = 0x0112


class SampleCheck(NamedTuple):
    """What one look at a sample tells."""

    digest: bytes
    """SHA-256 of the file, or of the pixels where there is no file."""
    size: tuple[int, int] | None = None
    """Height and width; None where it cannot be decoded."""
    error: str | None = None
    missing: bool = False
    labels: Mapping[int, int] = {}
    """Label → images, objects or pixels that have it."""
    outside: int = 0
    """Boxes that reach out of the image …"""
    flat: int = 0
    """… and boxes without area."""
    marks: Mapping[str, int] = {}
    """Crowds and difficult objects."""
    turned: bool = False
    """The file says that it is to be shown turned."""


@dataclass(frozen=True)
class Verification:
    """All that was found."""

    passport: Passport | None
    """None where the data set cannot even be opened."""
    content_sha256: str | None
    """Over the SHA-256 of each image file, in order."""
    decoded: int
    bytes: int | None
    labels: Mapping[str, int]
    """Class → images, objects or pixels that have it."""
    marks: Mapping[str, int]
    sizes: Sequence[tuple[int, int]]
    """Height and width, least and greatest by area."""
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing grave was found."""
        return not any(one.grave for one in self.faults)


def verify(spec: DataSpec, *, task: TaskName, on_step: Callable[[int, int], object]) -> Verification:
    """Look at every sample of a split; `on_step` hears how many of how many are done.

    A published set that lacks images is looked through all the same. Raises UnknownName for what there
    is not in the catalogue.
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
    """The data set, with a part of it where that is all there is."""
    try:
        return open_dataset(spec, task=task)
    except DataError as error:
        faults.append(Fault("it cannot be opened as it is", 1, (str(error),), "", grave=True, counted=False))
    card = DATASETS.get(spec.name)
    if card is None or "subset" not in card.options or spec.options.get("subset"):
        return None
    try:
        part = spec.model_copy(update={"options": {**spec.options, "subset": True}})
        return open_dataset(part, task=task)
    except DataError as error:
        if str(error) not in faults[0].places:
            faults.append(Fault("nor can a part of it", 1, (str(error),), "", grave=True, counted=False))
        return None


class _Names:
    """What a sample is called in a report: its file, or its place."""

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
        return SampleCheck(digest, error=str(error), missing=missing, turned=turned)
    height, width = int(sample.image.shape[1]), int(sample.image.shape[2])
    if pictures is None:
        digest = hashlib.sha256(sample.image.numpy().tobytes()).digest()
    seen = SampleCheck(digest, (height, width), turned=turned, labels=_labels(sample.truth))
    return seen if not isinstance(sample.truth, Detections) else _look_at_objects(seen, sample.truth)


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
    """Whether a file has an orientation other than upright; no where it has no readable header."""
    if b"Exif" not in content[:4096]:
        return False
    try:
        with Image.open(io.BytesIO(content), formats=formats()) as picture:
            return picture.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


def _faults_of_files(names: _Names, looks: Sequence[SampleCheck]) -> Iterator[Fault]:
    absent = [i for i, look in enumerate(looks) if look.missing]
    broken = [i for i, look in enumerate(looks) if look.error and not look.missing]
    turned = [i for i, look in enumerate(looks) if look.turned]
    yield from fault(
        "images are not there",
        [names[i] for i in absent],
        cause="The images of another split or year, or a copy that was cut off.",
    )
    yield from fault(
        "samples cannot be decoded",
        [looks[i].error or "" for i in broken],
        cause="Files that were cut off while they were copied; fetch them again.",
    )
    yield from fault(
        "images say that they are to be shown turned, which is not done",
        [names[i] for i in turned],
        cause="Photographs as a camera wrote them: truths have to belong to the pixels as stored.",
        grave=False,
    )
    first: dict[bytes, int] = {}
    twins = [(i, first[look.digest]) for i, look in enumerate(looks) if _seen(first, look.digest, i)]
    yield from fault(
        "images are the same as another",
        [f"{names[i]}, as {names[j]}" for i, j in twins],
        cause="Files that were copied under two names.",
        grave=False,
    )


def _left_out(dataset: Dataset) -> Iterator[Fault]:
    """What is in the folder of the images and is not read."""
    pictures = getattr(dataset, "pictures", None)
    if isinstance(pictures, InFolder):
        paths = [pictures.paths[index] for index in range(len(pictures))]
        yield from fault(
            "files in the folder are not part of this split",
            list_left_out(Path(pictures.folder), paths),
            cause="Images of other splits, hidden files, thumbnails, or files that are not images.",
            grave=False,
        )


def _seen(first: dict[bytes, int], digest: bytes, index: int) -> bool:
    return bool(digest) and first.setdefault(digest, index) != index


def _faults_of_truths(dataset: Dataset, names: _Names, looks: Sequence[SampleCheck]) -> Iterator[Fault]:
    outside = [f"{names[i]}: {look.outside}" for i, look in enumerate(looks) if look.outside]
    yield from fault(
        "images have boxes that reach out of them",
        outside,
        cause="Boxes of a copy of another size, corners taken for widths, or pixels counted from 1.",
        grave=dataset.passport.name == "voc",
    )
    flat = [f"{names[i]}: {look.flat}" for i, look in enumerate(looks) if look.flat]
    yield from fault(
        "images have boxes without area", flat, cause="Corners taken for widths, or a slip of an annotator.",
        grave=False,
    )  # fmt: skip
    used = set(chain.from_iterable(look.labels for look in looks)) - {VOID}
    unused = [name for label, name in enumerate(dataset.classes) if label not in used]
    yield from fault(
        "classes are not there at all", unused, cause="A part of the set, or another set of classes.",
        grave=False,
    )  # fmt: skip
