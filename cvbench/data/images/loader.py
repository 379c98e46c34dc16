"""Load a dataset in batches for evaluation: every sample once, in order, without augmentation."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from jaxtyping import UInt8
from torch import Tensor

from cvbench.data.images.collate import CollatedTruths, without_masks
from cvbench.data.images.geometry import Placement, fit
from cvbench.data.images.workers import stream
from cvbench.errors import DataError, writable
from cvbench.interfaces import Dataset
from cvbench.values import Preprocessing, Truth


@dataclass(frozen=True, eq=False)
class Batch:
    """Images at the network's input size, with their truth and placements for scoring."""

    images: UInt8[Tensor, "b 3 h w"]
    truths: tuple[Truth, ...]
    """In pixels of the original images."""
    placements: tuple[Placement, ...]
    ids: tuple[str, ...]
    positions: tuple[int, ...]
    """Index of each sample in the dataset."""
    skipped: tuple[str, ...]
    """Skipped corrupt samples near this batch: index in the dataset, and the error."""

    def __len__(self) -> int:
        return len(self.ids)


def batches(
    dataset: Dataset,
    preprocessing: Preprocessing,
    *,
    batch: int,
    workers: int = 0,
    undecodable: Literal["fail", "skip"] = "fail",
    needs_masks: bool = False,
    pin: bool = False,
    endless: bool = False,
) -> Iterator[Batch]:
    """The whole dataset in batches, each sample once and in order; the bytes are equal for any `workers`.

    `endless` repeats the dataset, with the same data-loader workers.

    If input sizes differ by image, each batch has images of one size from `batch` consecutive ones, so that
    no image is padded to the size of another.

    No batch is empty. With `skip`, samples that raise DataError are listed in `skipped` and missing from
    their batch; otherwise the DataError ends the iteration. Without `needs_masks`, masks of Detections are
    dropped and their areas kept.

    Raises DataError if all samples are corrupt, or if the dataset is empty.
    """
    work = _Preparation(dataset, preprocessing, undecodable == "skip", needs_masks)
    count = len(dataset)
    if count == 0:
        raise DataError(f"{_name(dataset)}: the dataset is empty")
    passes: Iterable[int] = itertools.count() if endless else (0,)
    jobs = (range(first, min(first + batch, count)) for _ in passes for first in range(0, count, batch))
    held: Batch | None = None
    with closing(stream(work, jobs, workers=workers, pin=pin)) as loader:
        for following in (one for prepared in loader for one in prepared.batches()):
            if held is None:
                held = following
            elif len(held) == 0:
                held = replace(following, skipped=held.skipped + following.skipped)
            elif len(following) == 0:
                held = replace(held, skipped=held.skipped + following.skipped)
            else:
                yield held
                held = following
            if len(held) == 0 and len(held.skipped) == count:
                raise DataError(
                    f"{_name(dataset)}: all {count} samples are corrupt; the first error is\n"
                    f"  {held.skipped[0]}"
                )
    assert held is not None
    yield held


@dataclass(frozen=True, eq=False)
class _Prepared:
    """The batches of one job of a worker, one per image size."""

    images: tuple[UInt8[Tensor, "_ 3 _ _"], ...]
    truths: CollatedTruths | None
    placements: tuple[Placement, ...]
    ids: tuple[str, ...]
    positions: tuple[int, ...]
    skipped: tuple[str, ...]

    def pin_memory(self) -> _Prepared:
        """With images in pinned memory; truths are used on the CPU."""
        return replace(self, images=tuple(stack.pin_memory() for stack in self.images))

    def batches(self) -> Iterator[Batch]:
        truths = () if self.truths is None else tuple(self.truths.unpacked())
        start, skipped = 0, self.skipped
        for stack in self.images:
            part = slice(start, start + len(stack))
            yield Batch(
                stack, truths[part], self.placements[part], self.ids[part], self.positions[part], skipped
            )
            start, skipped = part.stop, ()


@dataclass(frozen=True)
class _Preparation:
    """Reads samples by index and preprocesses their images."""

    dataset: Dataset
    preprocessing: Preprocessing
    skip: bool
    needs_masks: bool

    def __call__(self, positions: Sequence[int]) -> _Prepared:
        read, skipped = list[_Read](), list[str]()
        for position in positions:
            try:
                sample = self.dataset[position]
            except DataError as error:
                if not self.skip:
                    raise
                skipped.append(writable(f"{position}: {error}"))
                continue
            fitted = fit(sample.image, None, self.preprocessing)
            truth = sample.truth if self.needs_masks else without_masks(sample.truth)
            read.append(_Read(fitted.image, truth, fitted.placement, writable(sample.id), position))
        sizes: dict[tuple[int, int], list[_Read]] = {}
        for one in read:
            sizes.setdefault(one.placement.canvas, []).append(one)
        ordered = [one for group in sizes.values() for one in group]
        stacks = tuple(torch.stack([one.image for one in group]) for group in sizes.values())
        nothing = torch.zeros(0, 3, *self.preprocessing.size, dtype=torch.uint8)
        return _Prepared(
            stacks or (nothing,),
            CollatedTruths.of([one.truth for one in ordered]) if ordered else None,
            tuple(one.placement for one in ordered),
            tuple(one.id for one in ordered),
            tuple(one.position for one in ordered),
            tuple(skipped),
        )


class _Read(NamedTuple):
    """One preprocessed sample."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth
    placement: Placement
    id: str
    position: int


def _name(dataset: Dataset) -> str:
    return f"{dataset.passport.name}: {dataset.passport.split}"
