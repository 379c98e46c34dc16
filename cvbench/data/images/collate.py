"""Collate many truths into a few long tensors, which are cheap to send to a process or device in one copy.

A batch of 64 detections has some 200 small tensors. Each would need a shared file descriptor to leave a
data-loader worker, and its own copy to a GPU.
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
    """Truths of one type: each field concatenated over all truths."""

    kind: type[Truth]
    columns: Mapping[str, Tensor]
    """Field → the values of all truths, flattened."""
    shapes: Mapping[str, tuple[tuple[int, ...] | None, ...]]
    """Field → its shape in each truth; None if a truth does not have it."""

    @classmethod
    def of(cls, truths: Sequence[Truth]) -> CollatedTruths:
        """Raises TypeError for truths of several types, and ValueError for an empty list."""
        if not truths:
            raise ValueError("cannot collate an empty batch")
        kind = type(truths[0])
        kinds = sorted({type(truth).__name__ for truth in truths})
        if len(kinds) > 1:
            raise TypeError(f"truths of one dataset must have one type, not {' and '.join(kinds)}")
        columns, shapes = {}, {}
        for name in (field.name for field in fields(kind)):
            parts = [getattr(truth, name) for truth in truths]
            shapes[name] = tuple(None if part is None else tuple(part.shape) for part in parts)
            present = [part.flatten() for part in parts if part is not None]
            if present:
                columns[name] = torch.cat(present)
        return cls(kind, columns, shapes)

    def unpacked(self) -> list[Truth]:
        """The truths, as views of the long tensors."""
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
        """A copy on `device`; asynchronous if the source is pinned memory."""
        return replace(self, columns={k: v.to(device, non_blocking=True) for k, v in self.columns.items()})

    def pin_memory(self) -> CollatedTruths:
        """A copy in pinned memory, from which a GPU can copy asynchronously."""
        return replace(self, columns={k: v.pin_memory() for k, v in self.columns.items()})


@dataclass(frozen=True, eq=False)
class MixedTruths:
    """Truths of several types, one pack per type."""

    packs: tuple[CollatedTruths, ...]
    places: tuple[tuple[int, ...], ...]
    """Indices of each pack's truths in the whole batch."""

    def unpacked(self) -> list[Truth]:
        """The truths in their original order."""
        found = {
            place: truth
            for pack, places in zip(self.packs, self.places, strict=True)
            for place, truth in zip(places, pack.unpacked(), strict=True)
        }
        return [found[place] for place in range(len(found))]

    def to(self, device: torch.device) -> MixedTruths:
        """A copy on `device`, as in `CollatedTruths.to`."""
        return replace(self, packs=tuple(pack.to(device) for pack in self.packs))

    def pin_memory(self) -> MixedTruths:
        """A copy in pinned memory."""
        return replace(self, packs=tuple(pack.pin_memory() for pack in self.packs))


def collate(truths: Sequence[Truth]) -> CollatedTruths | MixedTruths:
    """Pack truths of one or several types; raises ValueError for an empty list."""
    places: dict[type[Truth], list[int]] = {}
    for place, truth in enumerate(truths):
        places.setdefault(type(truth), []).append(place)
    if len(places) <= 1:
        return CollatedTruths.of(truths)
    packs = tuple(CollatedTruths.of([truths[place] for place in each]) for each in places.values())
    return MixedTruths(packs, tuple(map(tuple, places.values())))


def without_masks(truth: Truth) -> Truth:
    """The truth without masks, for models that use only boxes; areas are still the masks' areas."""
    if not isinstance(truth, Detections) or truth.masks is None:
        return truth
    areas = truth.masks.sum((1, 2), dtype=torch.float32) if truth.areas is None else truth.areas
    return replace(truth, masks=None, areas=areas)
