"""The classes of the public datasets, in label order.

ImageNet-1k has two label orders. Datasets and nearly all weights sort by WordNet id; the devkit and darknet's
weights use the order of ILSVRC ids, which starts with the kit fox. `files/imagenet-1k.txt` has one class per
line, sorted: WordNet id, ILSVRC id, name.

Sources: the ILSVRC2012 devkit (ids), torchvision's table of categories (names); the format page of
https://cocodataset.org (the ids of COCO's 80 categories, up to 90); the VOC2012 devkit.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple


class ImagenetClass(NamedTuple):
    """A class of ImageNet-1k."""

    wnid: str
    """WordNet id, such as n01440764; the name of its folder."""
    ilsvrc: int
    """ILSVRC id of the devkit, from 1."""
    name: str


@cache
def imagenet_classes() -> tuple[ImagenetClass, ...]:
    """The classes of ImageNet-1k by label: sorted by WordNet id.

    >>> imagenet_classes()[0]
    ImagenetClass(wnid='n01440764', ilsvrc=449, name='tench')
    """
    text = (files("cvbench.spec.catalogue") / "files" / "imagenet-1k.txt").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return tuple(ImagenetClass(wnid, int(number), name) for wnid, number, name in rows)


@cache
def labels_by_ilsvrc() -> tuple[int, ...]:
    """The label of each ILSVRC id, starting with id 1: also the order of darknet's outputs.

    >>> imagenet_classes()[labels_by_ilsvrc()[0]].name
    'kit fox'
    """
    classes = imagenet_classes()
    return tuple(sorted(range(len(classes)), key=lambda label: classes[label].ilsvrc))


COCO_CATEGORIES: Final = {
    **dict(
        enumerate(["person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"], 1)
    ),
    **dict(enumerate(["traffic light", "fire hydrant"], 10)),
    **dict(
        enumerate(["stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow"], 13)
    ),
    **dict(enumerate(["elephant", "bear", "zebra", "giraffe"], 22)),
    **dict(enumerate(["backpack", "umbrella"], 27)),
    **dict(
        enumerate(["handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite"], 31)
    ),
    **dict(
        enumerate(
            ["baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle"], 39
        )
    ),
    **dict(
        enumerate(["wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich"], 46)
    ),
    **dict(
        enumerate(["orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"], 55)
    ),
    **dict(enumerate(["potted plant", "bed"], 64)),
    67: "dining table",
    70: "toilet",
    **dict(enumerate(["tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven"], 72)),
    **dict(enumerate(["toaster", "sink", "refrigerator"], 80)),
    **dict(enumerate(["book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"], 84)),
}
"""Category id → name. Labels are from 0, in this order."""

VOC_CLASSES: Final = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
"""In label order; in label maps, 0 is the background and these follow."""
