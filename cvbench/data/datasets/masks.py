"""Your own images, each with a label map: `images/<split>/1.jpg` and `masks/<split>/1.png`.

The pixels of a map are labels, or palette indices. Void labels are ignored (option `void`, default: 255).
Label 0 is a class like the others, such as the background. Class names come from the option `classes`, or
from `classes.txt` below the root, one per line. An id is the image's path without extension.
"""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

import torch

from cvbench.data.annotations.voc import read_text
from cvbench.data.datasets.cache import PackedTexts
from cvbench.data.datasets.coco import below
from cvbench.data.datasets.image_files import MISSING, InFolder, list_images
from cvbench.data.datasets.manifest import Manifest
from cvbench.data.datasets.open import root_folder
from cvbench.data.images.decoding import decode_image
from cvbench.data.images.label_maps import LabelRule, decode_labels, void_labels
from cvbench.errors import DataError
from cvbench.record import Passport
from cvbench.spec.cell import Option, TaskName
from cvbench.values import VOID, LabelMap, Sample


def read_label_map(maps: InFolder, index: int, size: tuple[int, int], known: LabelRule) -> LabelMap:
    """Read the label map of an image of this height and width.

    Raises DataError if it has another size, or labels that are neither classes nor void.
    """
    name = maps.name(index)
    labels = decode_labels(maps.read(index), name)
    if labels.shape != size:
        raise DataError(
            f"{name}: {labels.shape[1]} x {labels.shape[0]} pixels, but its image has {size[1]} x {size[0]}"
        )
    strange = known.strange(labels)
    if strange:
        raise DataError(f"{name}: has the label {strange[0]}; {known.described()}")
    return LabelMap(torch.from_numpy(known.table[labels]))


def masks(
    *,
    task: TaskName,
    split: str,
    root: str | None = None,
    images: str = "images/{split}",
    masks: str = "masks/{split}",
    classes: Sequence[str] | None = None,
    void: Option | None = None,
    mask_suffix: str = ".png",
) -> MaskedImages:
    """Open a split below `root`; `{split}` in a path stands for the name of the split.

    `void` lists the ignored labels: a number, a list, or `none` (default: 255). Raises DataError if the
    folders do not have this layout, or if an image has no map.
    """
    if task != "segmentation":
        raise ValueError(f"masks is a segmentation dataset; it has no truth for {task}")
    top = root_folder("masks", root)
    names = _names(top, classes)
    folder, maps_folder = below(top, images, split), below(top, masks, split)
    found = list_images(folder)
    if not found:
        raise DataError(f"{folder}: no images in this folder")
    pictures = InFolder.of(folder, [image.path for image in found], [image.size for image in found])
    ids = [str(PurePosixPath(image.path).with_suffix("")) for image in found]
    twice = next((name for name, times in Counter(ids).items() if times > 1), None)
    if twice is not None:
        raise DataError(f"{folder}: two images named {twice} share one label map")
    maps = InFolder.of(maps_folder, [f"{name}{mask_suffix}" for name in ids])
    without = [name for name, size in zip(ids, maps.sizes.tolist(), strict=True) if size == MISSING]
    if without:
        raise DataError(
            f"{maps_folder}: {len(without):,} of {len(ids):,} images have no label map, "
            f"first {without[0]}{mask_suffix}.{_found_instead(maps_folder, without[0])}"
        )
    known = LabelRule.of(len(names), void_labels(void))
    decided = {} if void is None else {"void": sorted(known.void)}
    manifest = Manifest("segmentation", names, ids, pictures, maps.sizes.tolist(), decided)
    return MaskedImages(pictures, maps, known, PackedTexts.of(ids), names, manifest.passport("masks", split))


def _found_instead(folder: Path, name: str) -> str:
    """The remedy for a missing map if there is a file with a similar name."""
    begin = folder / name
    near = sorted(path.name for path in begin.parent.glob(f"{glob.escape(begin.name)}*") if path.is_file())
    if not near:
        return ""
    end = near[0].removeprefix(begin.name)
    if not end.lower().endswith(".png"):
        return f"\n  {near[0]} is there: save label maps as PNG, which keeps the values of pixels."
    return f"\n  {near[0]} is there: set the option mask_suffix: {end}"


def _names(root: Path, given: Sequence[str] | None) -> tuple[str, ...]:
    file = root / "classes.txt"
    if given is None and not file.is_file():
        raise DataError(f"{file}: there is no such file; list the classes there, or in the option classes")
    names = tuple(map(str, given)) if given is not None else _lines(file)
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None or not 0 < len(names) <= VOID:
        what = f"the class {twice} is listed twice" if twice else f"{len(names)} classes are listed"
        raise DataError(f"{root}: {what}; label maps can have 1 to {VOID} classes")
    return names


def _lines(file: Path) -> tuple[str, ...]:
    text = read_text(file).removeprefix("\ufeff")  # the byte order mark
    return tuple(line.strip() for line in text.splitlines() if line.strip())


@dataclass(frozen=True, eq=False)
class MaskedImages:
    """One split; images and label maps are read on access."""

    pictures: InFolder = field(repr=False)
    maps: InFolder = field(repr=False)
    known: LabelRule = field(repr=False)
    ids: PackedTexts = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)
    passport: Passport
    task: Literal["segmentation"] = "segmentation"

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        image = decode_image(self.pictures.read(index), self.pictures.name(index))
        size = image.shape[1], image.shape[2]
        return Sample(image, read_label_map(self.maps, index, size, self.known), self.ids[index])
