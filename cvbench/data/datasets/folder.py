"""Your own images, one folder per class: `<root>/<split>/<class>/<image>`.

Classes are the folder names of all splits together, sorted, so a class keeps its label in a split without it.
A class folder without images is an error. An id is the image's path below the split, `cat/1.jpg`; samples are
in the order of the ids. Hidden folders such as `.ipynb_checkpoints` and thumbnail folders are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Int64

from cvbench.data.datasets.cache import PackedTexts
from cvbench.data.datasets.classes import check_splits
from cvbench.data.datasets.coco import below
from cvbench.data.datasets.image_files import InFolder, Pictures, class_folders, list_images
from cvbench.data.datasets.manifest import Manifest
from cvbench.data.datasets.open import hint_of_yolo, looked_for, root_folder
from cvbench.data.images.decoding import decode_image
from cvbench.errors import DataError
from cvbench.record import Passport
from cvbench.spec.catalogue import DATASETS
from cvbench.spec.cell import TaskName
from cvbench.values import ClassScores, Sample


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """One split; images are read and decoded on access."""

    pictures: Pictures = field(repr=False)
    labels: Int64[np.ndarray, " n"] = field(repr=False)
    ids: PackedTexts = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)
    passport: Passport
    task: Literal["classification"] = "classification"

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        image = decode_image(self.pictures.read(index), self.pictures.name(index))
        return Sample(image, ClassScores.of(int(self.labels[index]), len(self.classes)), self.ids[index])


def folder(*, task: TaskName, split: str, root: str | None = None, images: str = "{split}") -> LabelledImages:
    """Open a split below `root`; raises DataError if the folders do not have this layout.

    `images` is the folder of a split's class folders, with `{split}` for the name of the split; `.` is the
    root itself, for images without splits.
    """
    if task != "classification":
        raise ValueError(f"folder is a classification dataset; it has no truth for {task}")
    top = root_folder("folder", root)
    splits = {
        name: place for name in DATASETS["folder"].splits if (place := below(top, images, name)).is_dir()
    }
    if split not in splits:
        wanted = f"{images.replace('{split}', split)}/<class>/<image>"
        there = looked_for(list(splits)) if splits else "no split"
        raise DataError(f"{top}: no {wanted} here; found {there}{hint_of_yolo(top)}")
    place = splits[split]
    own = class_folders(place)
    if not own:
        raise DataError(f"{place}: no class folders here; put the images of each class into one folder")
    listed = list_images(place)
    used = {image.path.partition("/")[0] for image in listed if "/" in image.path}
    loose = next((image.path for image in listed if "/" not in image.path), None)
    if loose is not None:
        raise DataError(f"{place}: {loose} is in no class folder; move it into the folder of its class")
    empty = sorted(own - used)
    if empty:
        raise DataError(
            f"{place / empty[0]}: no images in this folder; remove it.\n"
            "  The class keeps its label if another split has it."
        )
    named = {name: class_folders(folder) for name, folder in splits.items()}
    check_splits(top, split, {name: sorted(folders) for name, folders in named.items()})
    classes = tuple(sorted(set[str]().union(*named.values())))
    label = {name: k for k, name in enumerate(classes)}
    ids = [image.path for image in listed]
    labels = [label[path.partition("/")[0]] for path in ids]
    pictures = InFolder.of(place, ids, [image.size for image in listed])
    passport = Manifest("classification", classes, ids, pictures, labels, {}).passport("folder", split)
    return LabelledImages(pictures, np.array(labels, np.int64), PackedTexts.of(ids), classes, passport)
