"""The data sets, and where the files of one are looked for."""

from __future__ import annotations

import os
from typing import Final

from cvbench.spec.catalogue.cards import Catalogue, Choice, DatasetCard
from cvbench.spec.folders import expanded

ROOT_VARIABLE: Final = "CVBENCH_DATA"
"""The environment variable that names the folder of all data sets; each has a sub-folder of its name."""

_OWN_SPLITS: Final = {"train": None, "val": None, "test": None}
_SUBSET: Final = Choice(False, "take a copy that lacks images; figures are then of what is there")

DATASETS: Catalogue[DatasetCard] = Catalogue(
    "dataset",
    DatasetCard(
        name="fashion",
        address="cvbench.data.datasets.fashion:fashion",
        summary="28 x 28 garments in ten classes; 7,000 images come along, all 70,000 with a root",
        tasks=("classification",),
        classes=10,
        splits={"train": 5000, "test": 2000},
        licence="MIT",
        source="Fashion-MNIST, Zalando SE 2017, https://github.com/zalandoresearch/fashion-mnist",
        notice="cvbench.data.datasets:files/NOTICE",
    ),
    DatasetCard(
        name="fashion-scenes",
        address="cvbench.data.datasets.fashion_scenes:fashion_scenes",
        summary="two to six of those garments on a canvas, with exact boxes, masks and label maps",
        tasks=("detection", "segmentation"),
        classes=10,
        splits={"train": 2000, "test": 500},
        licence="MIT",
        source="composed from Fashion-MNIST; the same seed gives the same bytes on every machine",
        notice="cvbench.data.datasets:files/NOTICE",
        options={
            "size": Choice(128, "height and width of the canvas"),
            "seed": Choice(0, "of the composer"),
            "train": Choice(2000, "number of training scenes"),
            "test": Choice(500, "number of test scenes"),
            "occlusion": Choice(0.4, "the largest share of a garment that others may hide"),
        },
    ),
    DatasetCard(
        name="imagenet",
        address="cvbench.data.datasets.imagenet:imagenet",
        summary="ImageNet-1k of 2012, in folders, in one folder with the devkit's list, or in its tars",
        tasks=("classification",),
        classes=1000,
        splits={"train": 1_281_167, "val": 50_000},
        licence="for research, by those who agreed to the terms",
        source="ILSVRC 2012, Russakovsky et al. 2015, https://image-net.org",
        needs_root=True,
        options={"subset": _SUBSET},
    ),
    DatasetCard(
        name="coco",
        address="cvbench.data.datasets.coco:coco",
        summary="COCO detection of 2017 or 2014: boxes, masks if asked for, crowds, images without objects",
        tasks=("detection",),
        classes=80,
        splits={"train": 118_287, "val": 5000},
        licence="annotations CC BY 4.0, images the terms of Flickr",
        source="Microsoft COCO, Lin et al. 2014, https://cocodataset.org",
        needs_root=True,
        options={
            "year": Choice(2017, "2017, or 2014 with its 82,783 and 40,504 images"),
            "masks": Choice(False, "read the objects' masks too"),
            "subset": _SUBSET,
        },
    ),
    DatasetCard(
        name="voc",
        address="cvbench.data.datasets.voc:voc",
        summary="PASCAL VOC 2007 or 2012: boxes with difficult objects, or label maps with their border",
        tasks=("detection", "segmentation"),
        classes=20,
        splits={"train": 2501, "val": 2510, "trainval": 5011, "test": 4952},
        licence="images the terms of Flickr",
        source="PASCAL VOC, Everingham et al. 2010, http://host.robots.ox.ac.uk/pascal/VOC",
        needs_root=True,
        options={
            "year": Choice(2007, "2007, or 2012, whose test was never published"),
            "train": Choice("train", "what the split train is: train, trainval, 07+12 or 07++12"),
            "subset": _SUBSET,
        },
    ),
    DatasetCard(
        name="folder",
        address="cvbench.data.datasets.folder:folder",
        summary="images of one's own, a folder a class: train/cat/1.jpg",
        tasks=("classification",),
        classes=None,
        splits=_OWN_SPLITS,
        licence="your own",
        source="your own",
        needs_root=True,
        options={
            "images": Choice(
                "{split}", "the folder of a split's class folders, below the root; . is the root"
            )
        },
    ),
    DatasetCard(
        name="coco-json",
        address="cvbench.data.datasets.coco:coco_json",
        summary="images of one's own, with a file of objects in COCO's form for each split",
        tasks=("detection",),
        classes=None,
        splits=_OWN_SPLITS,
        licence="your own",
        source="your own",
        needs_root=True,
        options={
            "annotations": Choice("annotations/instances_{split}.json", "a split's file, below the root"),
            "images": Choice("{split}", "the folder of a split's images, below the root"),
            "masks": Choice(False, "read the objects' masks too"),
        },
    ),
    DatasetCard(
        name="masks",
        address="cvbench.data.datasets.masks:masks",
        summary="images of one's own, with a label map for each: images/train/1.jpg, masks/train/1.png",
        tasks=("segmentation",),
        classes=None,
        splits=_OWN_SPLITS,
        licence="your own",
        source="your own",
        needs_root=True,
        options={
            "images": Choice("images/{split}", "the folder of a split's images, below the root"),
            "masks": Choice("masks/{split}", "the folder of its label maps: PNG files of the same names"),
            "classes": Choice(None, "names of the labels from 0 on; else those in the root's classes.txt"),
            "void": Choice(None, "labels that do not count: a number, a list, or none; 255 by default"),
            "mask_suffix": Choice(
                ".png", "what follows the image's name in its label map's, such as _mask.png"
            ),
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
    below = expanded(home) / name
    return str(below) if below.is_dir() else None
