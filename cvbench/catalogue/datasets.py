"""The data sets."""

from __future__ import annotations

from cvbench.catalogue.cards import Catalogue, Choice, DatasetCard

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
        options={
            "size": Choice(128, "height and width of the canvas"),
            "seed": Choice(0, "of the composer"),
            "train": Choice(2000, "number of training scenes"),
            "test": Choice(500, "number of test scenes"),
            "occlusion": Choice(0.4, "the largest share of a garment that others may hide"),
        },
    ),
)
