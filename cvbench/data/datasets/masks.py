"""Images of one's own, each with a label map: `images/<split>/1.jpg` beside `masks/<split>/1.png`.

A map's pixels are labels, or places in its palette; 255 is a border that does not count. Label 0 is a
class like the others, the background where there is one. Names of the classes come from the option
`classes`, or from `classes.txt` below the root, one a line. An id is the image's path without its ending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from cvbench.data.annotations.voc import read_text
from cvbench.data.datasets.cache import PackedTexts
from cvbench.data.datasets.coco import below
from cvbench.data.datasets.image_files import MISSING, InFolder, list_images
from cvbench.data.datasets.manifest import Manifest
from cvbench.data.datasets.open import root_folder
from cvbench.data.images.decoding import decode_image, decode_labels
from cvbench.errors import DataError
from cvbench.record import Passport
from cvbench.spec.cell import TaskName
from cvbench.values import VOID, LabelMap, Sample


def read_label_map(maps: InFolder, index: int, size: tuple[int, int], classes: int) -> LabelMap:
    """The label map of an image of this height and width.

    Raises DataError where it has another size, or labels that are neither classes nor VOID.
    """
    name = maps.name(index)
    labels = decode_labels(maps.read(index), name)
    if tuple(labels.shape) != size:
        raise DataError(
            f"{name}: is {labels.shape[1]} x {labels.shape[0]} pixels, and its image {size[1]} x {size[0]}"
        )
    strange = labels[(labels >= classes) & (labels != VOID)]
    if len(strange):
        raise DataError(f"{name}: has the label {int(strange[0])}; labels are 0 to {classes - 1}, and {VOID}")
    return LabelMap(labels)


def masks(
    *,
    task: TaskName,
    split: str,
    root: str | None = None,
    images: str = "images/{split}",
    masks: str = "masks/{split}",
    classes: Sequence[str] | None = None,
) -> MaskedImages:
    """A split below `root`; `{split}` in a path stands for its name.

    Raises DataError where the folders are no such set, or an image has no map.
    """
    if task != "segmentation":
        raise ValueError(f"masks is a segmentation set; it has no truth for {task}")
    top = root_folder("masks", root)
    names = _names(top, classes)
    folder, maps_folder = below(top, images, split), below(top, masks, split)
    found = list_images(folder)
    if not found:
        raise DataError(f"{folder}: has no image in it")
    pictures = InFolder.of(folder, [image.path for image in found], [image.size for image in found])
    ids = [str(PurePosixPath(image.path).with_suffix("")) for image in found]
    twice = next((name for name, times in Counter(ids).items() if times > 1), None)
    if twice is not None:
        raise DataError(f"{folder}: there are two images {twice}, and one label map for both")
    maps = InFolder.of(maps_folder, [f"{name}.png" for name in ids])
    without = [name for name, size in zip(ids, maps.sizes.tolist(), strict=True) if size == MISSING]
    if without:
        raise DataError(
            f"{maps_folder}: {len(without):,} of {len(ids):,} images have no label map, "
            f"first {without[0]}.png"
        )
    manifest = Manifest("segmentation", names, ids, pictures, maps.sizes.tolist(), {})
    return MaskedImages(pictures, maps, PackedTexts.of(ids), names, manifest.passport("masks", split))


def _names(root: Path, given: Sequence[str] | None) -> tuple[str, ...]:
    file = root / "classes.txt"
    if given is None and not file.is_file():
        raise DataError(f"{file}: there is no such file; name the classes there, or in the option classes")
    names = tuple(map(str, given)) if given is not None else _lines(file)
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None or not 0 < len(names) <= VOID:
        what = f"the class {twice} is there twice" if twice else f"{len(names)} classes are named"
        raise DataError(f"{root}: {what}; label maps hold 1 to {VOID} classes")
    return names


def _lines(file: Path) -> tuple[str, ...]:
    return tuple(line.strip() for line in read_text(file).splitlines() if line.strip())


@dataclass(frozen=True, eq=False)
class MaskedImages:
    """One split; an image and its label map are read when they are looked at."""

    pictures: InFolder = field(repr=False)
    maps: InFolder = field(repr=False)
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
        return Sample(image, read_label_map(self.maps, index, size, len(self.classes)), self.ids[index])
