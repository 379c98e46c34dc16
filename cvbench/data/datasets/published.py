"""Differences between a copy of a published dataset and the published files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cvbench.data.datasets.faults import Fault, fault
from cvbench.data.datasets.folder import LabelledImages
from cvbench.data.datasets.image_files import InFolder
from cvbench.data.datasets.imagenet import OF_VAL, read_truth
from cvbench.errors import CvbenchError
from cvbench.interfaces import Dataset
from cvbench.spec.catalogue.label_spaces import imagenet_classes

_A_CLASS: Final = {"val": range(50, 51), "train": range(732, 1301)}
"""Valid numbers of images per ImageNet class, by split."""
_ALIKE: Final = 0.9
"""A copy was resized if at least this fraction of its images has the same shorter side."""
_ENOUGH: Final = 20


def faults_of_published(
    name: str, dataset: Dataset, sizes: Sequence[tuple[int, int] | None]
) -> Iterator[Fault]:
    """Differences from the published dataset of this name; none for other datasets."""
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
            f"images have a shorter side of {side} pixels, but the published images differ in size",
            times, (), "A resized copy: metrics differ from published values by up to a point.", grave=True,
        )  # fmt: skip


def _uneven(dataset: LabelledImages) -> Iterator[Fault]:
    usual = _A_CLASS[dataset.passport.split]
    counts = Counter(dataset.labels.tolist())
    odd = [label for label in range(len(dataset.classes)) if counts[label] not in usual]
    bounds = f"{usual[0]}" if len(usual) == 1 else f"{usual[0]} to {usual[-1]}"
    yield from fault(
        f"classes do not have {bounds} images",
        [f"{imagenet_classes()[k].wnid} ({dataset.classes[k]}): {counts[k]}" for k in odd],
        cause="An incomplete copy, or images sorted by a list in another order.",
    )


def _of_training(dataset: LabelledImages) -> Iterator[Fault]:
    strange = [name for name in dataset.ids if not OF_VAL.fullmatch(name)]
    yield from fault(
        "images are not named like val images",
        strange,
        cause="Training images in the val folder, or images of another year.",
    )


def _mislaid(dataset: LabelledImages) -> Iterator[Fault]:
    """Compare class folders with the list of labels, if there are both."""
    pictures = dataset.pictures
    numbers = [OF_VAL.fullmatch(name) for name in dataset.ids]
    if not isinstance(pictures, InFolder) or None in numbers:
        return
    folder = Path(pictures.folder)
    try:
        truth = read_truth(folder.parent, [int(number[1]) for number in numbers if number])
    except CvbenchError:
        return  # no readable list
    mislaid = [i for i, label in enumerate(truth) if label != dataset.labels[i]]
    wnids = [one.wnid for one in imagenet_classes()]
    yield from fault(
        "images are in another class folder than the list states",
        [f"{dataset.ids[i]} in {wnids[int(dataset.labels[i])]}, not {wnids[truth[i]]}" for i in mislaid],
        cause="ILSVRC ids used as positions among the sorted WordNet ids, or classes sorted by name.",
    )
