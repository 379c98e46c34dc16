"""COCO detection (2014 and 2017) with boxes and optional masks, and your own data in COCO format.

Lin et al.: Microsoft COCO: Common Objects in Context, 2014, https://arxiv.org/abs/1405.0312.
Annotations CC BY 4.0; images under Flickr's terms.

    annotations/instances_val2017.json
    val2017/000000000139.jpg               also images/val2017/
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cvbench.data.annotations.coco import read_categories
from cvbench.data.datasets.classes import check_splits, joined_classes
from cvbench.data.datasets.coco_detection import Instances, open_instances
from cvbench.data.datasets.open import (
    check_count,
    first_there,
    hint_of_yolo,
    looked_for,
    root_folder,
    split_names,
)
from cvbench.errors import DataError
from cvbench.spec.catalogue import DATASETS
from cvbench.spec.catalogue.label_spaces import COCO_CATEGORIES
from cvbench.spec.cell import TaskName

PUBLISHED: Final[Mapping[str, int]] = {
    "train2014": 82_783,
    "val2014": 40_504,
    "train2017": 118_287,
    "val2017": 5_000,
}
"""Images of each part."""


def coco(
    *,
    task: TaskName,
    split: str,
    root: str | None = None,
    year: int = 2017,
    masks: bool = False,
    subset: bool = False,
) -> Instances:
    """Open the split `train` or `val` of a year below `root`; `subset` accepts missing images.

    Raises DataError if the folder is not a copy of COCO.
    """
    if task != "detection":
        raise ValueError(f"coco is a detection dataset here; it has no truth for {task}")
    part = f"{split}{year}"
    if part not in PUBLISHED:
        raise DataError(f"coco: year: {year} is not available; use 2014 or 2017")
    folder = root_folder("coco", root)
    file = folder / "annotations" / f"instances_{part}.json"
    if not file.is_file():
        raise DataError(f"{folder}: no {part} of COCO here; looked for annotations/instances_{part}.json")
    places = [part, f"images/{part}"]
    images = first_there(folder, places)
    if images is None:
        raise DataError(f"{folder}: no images of {part} here; looked for {looked_for(places)}")
    dataset = open_instances("coco", part, annotations=file, images=images, masks=masks)
    told = dict(zip(dataset.index.category_id.tolist(), dataset.index.names, strict=True))
    if told != COCO_CATEGORIES:
        raise DataError(f"{file}: {_difference(told)}; use `coco-json` for annotations of your own")
    check_count(str(file), part, found=len(dataset), published=PUBLISHED[part], what="images", subset=subset)
    return dataset


def _difference(told: Mapping[int, str]) -> str:
    if len(told) != len(COCO_CATEGORIES):
        return f"has {len(told)} categories, and COCO's detection sets have {len(COCO_CATEGORIES)}"
    number = next(n for n in sorted({*told, *COCO_CATEGORIES}) if told.get(n) != COCO_CATEGORIES.get(n))
    return f"calls category {number} {told.get(number)!r}, and COCO {COCO_CATEGORIES.get(number)!r}"


def coco_json(
    *,
    task: TaskName,
    split: str,
    root: str | None = None,
    annotations: str = "annotations/instances_{split}.json",
    images: str = "{split}",
    masks: bool = False,
) -> Instances:
    """Open a split below `root`; `{split}` in a path stands for the name of the split.

    A class name has one label in all splits. Raises DataError if files are missing or invalid, or if the
    categories of the split and of `train` do not match.
    """
    if task != "detection":
        raise ValueError(f"coco-json is a detection dataset; it has no truth for {task}")
    top = root_folder("coco-json", root)
    file, folder = below(top, annotations, split), below(top, images, split)
    if not file.is_file():
        raise DataError(
            f"{file}: there is no such file; set the option annotations to its path{hint_of_yolo(top)}"
        )
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; set the option images to its path")
    numbered = {
        name: read_categories(path)
        for name in DATASETS["coco-json"].splits
        if (path := below(top, annotations, name)).is_file()
    }
    check_splits(top, split, {name: one.values() for name, one in numbered.items()})
    classes = joined_classes(numbered)
    return open_instances("coco-json", split, annotations=file, images=folder, masks=masks, classes=classes)


def below(root: Path, template: str, split: str) -> Path:
    """The path of a template; for `val` also `valid` or `validation` if only that exists.

    Raises DataError if it is not below the root.
    """
    path = Path(template.replace("{split}", split))
    if path.is_absolute() or ".." in path.parts:
        raise DataError(f"{template}: points outside {root}; write a path below root")
    places = [root / template.replace("{split}", name) for name in split_names(split)]
    return next((place for place in places if place.exists()), root / path)
