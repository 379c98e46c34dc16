"""The data sets, and where the files of one are looked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cvbench.catalogue.cards import Catalogue, Choice, DatasetCard

ROOT_VARIABLE: Final = "CVBENCH_DATA"
"""The environment variable that names the folder of all data sets; each has a sub-folder of its name."""

DATASETS: Catalogue[DatasetCard] = Catalogue(
    "dataset",
    DatasetCard(
        name="fashion",
        address="cvbench.datasets.fashion:fashion",
        summary="28 x 28 garments in ten classes; 7,000 images come along, all 70,000 with a root",
        tasks=("classification",),
        classes=10,
        splits={"train": 5000, "test": 2000},
        licence="MIT",
        source="Fashion-MNIST, Zalando SE 2017, https://github.com/zalandoresearch/fashion-mnist",
        notice="cvbench.datasets:files/NOTICE",
    ),
    DatasetCard(
        name="fashion-scenes",
        address="cvbench.datasets.fashion_scenes:fashion_scenes",
        summary="two to six of those garments on a canvas, with exact boxes, masks and label maps",
        tasks=("detection", "segmentation"),
        classes=10,
        splits={"train": 2000, "test": 500},
        licence="MIT",
        source="composed from Fashion-MNIST; the same seed gives the same bytes on every machine",
        notice="cvbench.datasets:files/NOTICE",
        options={
            "size": Choice(128, "height and width of the canvas"),
            "seed": Choice(0, "of the composer"),
            "train": Choice(2000, "number of training scenes"),
            "test": Choice(500, "number of test scenes"),
            "occlusion": Choice(0.4, "the largest share of a garment that others may hide"),
        },
    ),
)


def find_root(name: str, given: str | None = None) -> str | None:
    """The folder in which a data set's files are looked for; None where nobody named one.

    That is the one that is `given`, else the set's sub-folder of `$CVBENCH_DATA` where there is one.
    """
    if given is not None:
        return given
    home = os.environ.get(ROOT_VARIABLE)
    if not home:
        return None
    below = Path(home).expanduser() / name
    return str(below) if below.is_dir() else None
