"""The datasets, and the folders in which their files are looked for."""

from __future__ import annotations

import os
from typing import Final

from cvbench.spec.catalogue.cards import Catalogue, Choice, DatasetCard
from cvbench.spec.folders import expanded

ROOT_VARIABLE: Final = "CVBENCH_DATA"
"""Environment variable: the folder of all datasets, with one sub-folder per dataset, of its name."""

_OWN_SPLITS: Final = {"train": None, "val": None, "test": None}
_SUBSET: Final = Choice(False, "accept a copy with missing images; metrics are for the existing images")

DATASETS: Catalogue[DatasetCard] = Catalogue(
    "dataset",
    DatasetCard(
        name="fashion",
        address="cvbench.data.datasets.fashion:fashion",
        summary="28 x 28 garments in ten classes; 7,000 images are bundled, all 70,000 with a root",
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
        summary="scenes of two to six fashion garments, with exact boxes, masks and label maps",
        tasks=("detection", "segmentation"),
        classes=10,
        splits={"train": 2000, "test": 500},
        licence="MIT",
        source="composed from Fashion-MNIST; the same seed gives the same bytes on every machine",
        notice="cvbench.data.datasets:files/NOTICE",
        options={
            "size": Choice(128, "height and width of the canvas"),
            "seed": Choice(0, "random seed of the scenes"),
            "train": Choice(2000, "number of training scenes"),
            "test": Choice(500, "number of test scenes"),
            "occlusion": Choice(0.4, "maximum fraction of a garment that others may cover"),
        },
    ),
    DatasetCard(
        name="imagenet",
        address="cvbench.data.datasets.imagenet:imagenet",
        summary="ImageNet-1k (2012): class folders, one folder with the devkit's list, or the tar files",
        tasks=("classification",),
        classes=1000,
        splits={"train": 1_281_167, "val": 50_000},
        licence="research only; requires agreement to the terms",
        source="ILSVRC 2012, Russakovsky et al. 2015, https://image-net.org",
        needs_root=True,
        options={"subset": _SUBSET},
    ),
    DatasetCard(
        name="coco",
        address="cvbench.data.datasets.coco:coco",
        summary="COCO detection, 2017 or 2014: boxes, optional masks, crowds, images without objects",
        tasks=("detection",),
        classes=80,
        splits={"train": 118_287, "val": 5000},
        licence="annotations CC BY 4.0, images under Flickr's terms",
        source="Microsoft COCO, Lin et al. 2014, https://cocodataset.org",
        needs_root=True,
        options={
            "year": Choice(2017, "2017, or 2014 with its 82,783 and 40,504 images"),
            "masks": Choice(False, "also read instance masks"),
            "subset": _SUBSET,
        },
    ),
    DatasetCard(
        name="voc",
        address="cvbench.data.datasets.voc:voc",
        summary="PASCAL VOC 2007 or 2012: boxes with difficult objects, or label maps with void borders",
        tasks=("detection", "segmentation"),
        classes=20,
        splits={"train": 2501, "val": 2510, "trainval": 5011, "test": 4952},
        licence="images under Flickr's terms",
        source="PASCAL VOC, Everingham et al. 2010, http://host.robots.ox.ac.uk/pascal/VOC",
        needs_root=True,
        options={
            "year": Choice(2007, "2007 or 2012; the test annotations of 2012 are not public"),
            "train": Choice("train", "images of the split train: train, trainval, 07+12 or 07++12"),
            "subset": _SUBSET,
        },
    ),
    DatasetCard(
        name="folder",
        address="cvbench.data.datasets.folder:folder",
        summary="your own images, one folder per class: train/cat/1.jpg",
        tasks=("classification",),
        classes=None,
        splits=_OWN_SPLITS,
        licence="your own",
        source="your own",
        needs_root=True,
        options={
            "images": Choice("{split}", "folder of a split's class folders, relative to root; . is the root")
        },
    ),
    DatasetCard(
        name="coco-json",
        address="cvbench.data.datasets.coco:coco_json",
        summary="your own images, with one COCO JSON file per split",
        tasks=("detection",),
        classes=None,
        splits=_OWN_SPLITS,
        licence="your own",
        source="your own",
        needs_root=True,
        options={
            "annotations": Choice("annotations/instances_{split}.json", "a split's file, relative to root"),
            "images": Choice("{split}", "image folder of a split, relative to root"),
            "masks": Choice(False, "also read instance masks"),
        },
    ),
    DatasetCard(
        name="voc-xml",
        address="cvbench.data.datasets.voc_xml:voc_xml",
        summary="images of your own, each with an XML file as labelImg writes it: train/1.jpg, train/1.xml",
        tasks=("detection",),
        classes=None,
        splits=_OWN_SPLITS,
        licence="your own",
        source="your own",
        needs_root=True,
        options={
            "classes": Choice(
                None, "names of the classes in label order; else classes.txt, else all names found"
            ),
        },
    ),
    DatasetCard(
        name="masks",
        address="cvbench.data.datasets.masks:masks",
        summary="your own images, each with a label map: images/train/1.jpg, masks/train/1.png",
        tasks=("segmentation",),
        classes=None,
        splits=_OWN_SPLITS,
        licence="your own",
        source="your own",
        needs_root=True,
        options={
            "images": Choice("images/{split}", "image folder of a split, relative to root"),
            "masks": Choice("masks/{split}", "folder of a split's label maps (PNG), relative to root"),
            "classes": Choice(None, "class names, from label 0 (default: the lines of classes.txt in root)"),
            "void": Choice(None, "ignored labels: a number, a list, or none (default: 255)"),
            "mask_suffix": Choice(".png", "replaces the image's extension in its mask's name: _mask.png"),
        },
    ),
)


def find_root(name: str, given: str | None = None) -> str | None:
    """The folder of a dataset: `given`, else its sub-folder of `$CVBENCH_DATA` if that exists, else None."""
    if given is not None:
        return given
    home = os.environ.get(ROOT_VARIABLE)
    if not home:
        return None
    below = expanded(home) / name
    return str(below) if below.is_dir() else None
