"""Find images of the scored split that are also in the training split, without reading every file.

Two images are equal if they are the same file, or if their files have equal content. Only files of equal size
are opened, and a part from the middle is compared first, so splits without common images cost little. The
splits of published datasets are known to be disjoint: only their paths are compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Int64

from cvbench.data.datasets.concat import Joint
from cvbench.data.datasets.image_files import InFolder, Pictures
from cvbench.data.datasets.subset import Drawn
from cvbench.errors import DataError
from cvbench.interfaces import Dataset
from cvbench.spec.catalogue import DATASETS

_PIECE: Final = 4096
_SHOWN: Final = 3


def note_on_overlap(scored: Dataset, trained: Dataset) -> str | None:
    """A note for readers of the metrics if both splits share images, else None.

    The part before the colon is the short form.
    """
    names = shared_images(scored, trained)
    if not names:
        return None
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return (
        f"{len(names):,} of {len(scored):,} images of the scored split are in the training split: {shown}. "
        "A model that was trained on them says little about new images."
    )


def shared_images(scored: Dataset, trained: Dataset) -> list[str]:
    """The names of the scored images that are also training images, in order."""
    mine, theirs = [*_files(scored)], [*_files(trained)]
    if not mine or not theirs:
        same = scored.passport.sha256 == trained.passport.sha256
        return [f"image {index}" for index in range(len(scored))] if same else []
    paths = {one.name for one in theirs}
    found = {one.name for one in mine if one.name in paths}
    if _is_own(scored):
        mine = [one for one in mine if one.name not in found]
        found |= _equal(mine, theirs, (lambda one: one.size, _piece, _digest))
    return [one.name for one in _files(scored) if one.name in found]


class _File(NamedTuple):
    name: str
    size: int
    pictures: Pictures
    position: int


def _files(dataset: Dataset) -> Iterator[_File]:
    """The image files of a dataset; nothing if its images are not in files."""
    if isinstance(dataset, Joint):
        yield from _files(dataset.boxed)
        yield from _files(dataset.named)
        return
    positions: Sequence[int] | Int64[np.ndarray, " n"] = range(len(dataset))
    if isinstance(dataset, Drawn):
        positions, dataset = dataset.positions, dataset.dataset
    pictures: Pictures | None = getattr(dataset, "pictures", None)
    if pictures is not None:
        sizes = pictures.sizes.tolist()
        for index in map(int, positions):
            yield _File(pictures.name(index), sizes[index], pictures, index)


def _is_own(dataset: Dataset) -> bool:
    card = DATASETS.get(dataset.passport.name)
    return card is None or card.classes is None


def _equal(
    mine: Sequence[_File], theirs: Sequence[_File], keys: Sequence[Callable[[_File], object]]
) -> set[str]:
    """The names of files in `mine` that equal a file in `theirs` by every key, the cheapest key first."""
    if not mine or not theirs or not keys:
        return {one.name for one in mine if theirs}
    groups: dict[object, tuple[list[_File], list[_File]]] = {}
    for one in mine:
        groups.setdefault(keys[0](one), ([], []))[0].append(one)
    for other in theirs:
        if (group := groups.get(keys[0](other))) is not None:
            group[1].append(other)
    groups.pop(None, None)
    return {name for ours, others in groups.values() for name in _equal(ours, others, keys[1:])}


def _piece(one: _File) -> bytes | None:
    """Some bytes from the middle; None if the file cannot be read, which is an error on access."""
    if not isinstance(one.pictures, InFolder):
        return b""
    try:
        return one.pictures.middle(one.position, _PIECE)
    except DataError:
        return None


def _digest(one: _File) -> bytes | None:
    try:
        return hashlib.sha256(one.pictures.read(one.position)).digest()
    except DataError:
        return None
