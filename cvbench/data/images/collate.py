"""Many truths as a few long tensors: cheap to send to another process, and to a device, in one copy.

A batch of 64 detections holds some 200 small tensors. Each would need a shared file descriptor on
its way out of a worker process, and a copy of its own on its way to a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import prod

import torch
from torch import Tensor

from cvbench.values import Detections, Truth


@dataclass(frozen=True, eq=False)
class CollatedTruths:
    """Truths of one kind, field by field, laid end to end."""

    kind: type[Truth]
    columns: Mapping[str, Tensor]
    """Field → the values of all truths, flattened."""
    shapes: Mapping[str, tuple[tuple[int, ...] | None, ...]]
    """Field → the shape it has in each truth; None where a truth lacks it."""

    @classmethod
    def of(cls, truths: Sequence[Truth]) -> CollatedTruths:
        """Raises TypeError for truths of several kinds, and ValueError for none at all."""
        if not truths:
            raise ValueError("there is nothing to pack")
        kind = type(truths[0])
        kinds = sorted({type(truth).__name__ for truth in truths})
        if len(kinds) > 1:
            raise TypeError(f"truths of one data set are of one kind, not {' and '.join(kinds)}")
        columns, shapes = {}, {}
        for name in (field.name for field in fields(kind)):
            parts = [getattr(truth, name) for truth in truths]
            shapes[name] = tuple(None if part is None else tuple(part.shape) for part in parts)
            present = [part.flatten() for part in parts if part is not None]
            if present:
                columns[name] = torch.cat(present)
        return cls(kind, columns, shapes)

    def unpacked(self) -> list[Truth]:
        """The truths; their tensors are views of the long ones."""
        values: dict[str, list[Tensor | None]] = {}
        for name, shapes in self.shapes.items():
            present = [shape for shape in shapes if shape is not None]
            lengths = [prod(shape) for shape in present]
            pieces = iter(torch.split(self.columns[name], lengths) if present else ())
            values[name] = [None if shape is None else next(pieces).view(shape) for shape in shapes]
        return [
            self.kind(**dict(zip(values, truth, strict=True))) for truth in zip(*values.values(), strict=True)
        ]

    def to(self, device: torch.device) -> CollatedTruths:
        """The same on `device`, without waiting for the copy where it comes from pinned memory."""
        return replace(self, columns={k: v.to(device, non_blocking=True) for k, v in self.columns.items()})

    def pin_memory(self) -> CollatedTruths:
        """The same in page-locked memory, from which a GPU copies while the CPU goes on."""
        return replace(self, columns={k: v.pin_memory() for k, v in self.columns.items()})


@dataclass(frozen=True, eq=False)
class MixedTruths:
    """Truths of several kinds, each kind packed for itself."""

    packs: tuple[CollatedTruths, ...]
    places: tuple[tuple[int, ...], ...]
    """Of each pack's truths, where they stand in the whole."""

    def unpacked(self) -> list[Truth]:
        """The truths in the order in which they came."""
        found = {
            place: truth
            for pack, places in zip(self.packs, self.places, strict=True)
            for place, truth in zip(places, pack.unpacked(), strict=True)
        }
        return [found[place] for place in range(len(found))]

    def to(self, device: torch.device) -> MixedTruths:
        """The same on `device`, as `CollatedTruths.to`."""
        return replace(self, packs=tuple(pack.to(device) for pack in self.packs))

    def pin_memory(self) -> MixedTruths:
        """The same in page-locked memory."""
        return replace(self, packs=tuple(pack.pin_memory() for pack in self.packs))


def collate(truths: Sequence[Truth]) -> CollatedTruths | MixedTruths:
    """Truths of one kind or of several; raises ValueError for none at all."""
    places: dict[type[Truth], list[int]] = {}
    for place, truth in enumerate(truths):
        places.setdefault(type(truth), []).append(place)
    if len(places) <= 1:
        return CollatedTruths.of(truths)
    packs = tuple(CollatedTruths.of([truths[place] for place in each]) for each in places.values())
    return MixedTruths(packs, tuple(map(tuple, places.values())))


def without_masks(truth: Truth) -> Truth:
    """The truth for those who only look at boxes; an object's area stays that of its mask."""
    if not isinstance(truth, Detections) or truth.masks is None:
        return truth
    areas = truth.masks.sum((1, 2), dtype=torch.float32) if truth.areas is None else truth.areas
    return replace(truth, masks=None, areas=areas)
