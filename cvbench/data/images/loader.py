"""A data set in batches, as evaluation takes it: every sample once, in order, as it is."""

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
    """Images at the size a network takes, and all that is needed to score what it says of them."""

    images: UInt8[Tensor, "b 3 h w"]
    truths: tuple[Truth, ...]
    """In pixels of the images as they were read."""
    placements: tuple[Placement, ...]
    ids: tuple[str, ...]
    positions: tuple[int, ...]
    """Of each in the data set."""
    skipped: tuple[str, ...]
    """Samples near these that could not be decoded: the position in the data set, and what was said of it."""

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
    """The whole data set, each sample once and in order; the bytes are the same for any `workers`.

    `endless` begins again where it ends, as often as batches are taken, with the same worker processes.

    Where each image has its own size, those of one size among `batch` consecutive ones come together,
    so that no image is filled up to the size of another.

    No batch is empty. With `undecodable="skip"`, samples that raise DataError are told in `skipped`,
    and the batch they belong to is smaller by them; otherwise the DataError ends the iteration.
    Without `needs_masks`, masks of Detections are left out and their areas kept.

    Raises DataError where nothing could be decoded, or where the data set is empty.
    """
    work = _Preparation(dataset, preprocessing, undecodable == "skip", needs_masks)
    count = len(dataset)
    if count == 0:
        raise DataError(f"{_name(dataset)}: there is no sample to look at")
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
                    f"{_name(dataset)}: none of its {count} samples could be decoded; the first said\n"
                    f"  {held.skipped[0]}"
                )
    assert held is not None
    yield held


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Batches as they travel from a worker: one for each size of the images."""

    images: tuple[UInt8[Tensor, "_ 3 _ _"], ...]
    truths: CollatedTruths | None
    placements: tuple[Placement, ...]
    ids: tuple[str, ...]
    positions: tuple[int, ...]
    skipped: tuple[str, ...]

    def pin_memory(self) -> _Prepared:
        """The images page-locked; truths stay where they are scored."""
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
    """Reads the samples at some positions and fits their images."""

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
    """One sample, prepared."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth
    placement: Placement
    id: str
    position: int


def _name(dataset: Dataset) -> str:
    return f"{dataset.passport.name}: {dataset.passport.split}"
