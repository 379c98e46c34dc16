"""The names under which files can be scored; reading them imports nothing heavy."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from cvbench.errors import UnknownName, suggestion


class Kind(StrEnum):
    """What a protocol compares, and with it which files it reads."""

    BOXES = "boxes"
    MASKS = "masks"
    CLASSES = "classes"
    PIXELS = "pixels"


class Protocol(NamedTuple):
    """A rule by which predictions are scored."""

    name: str
    kind: Kind
    rule: str
    """The exact rule, as records carry it."""
    summary: str


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "coco-bbox", Kind.BOXES, "coco-2017/bbox/101pt/maxdet100", "the twelve COCO figures of boxes"
        ),
        Protocol(
            "coco-segm", Kind.MASKS, "coco-2017/segm/101pt/maxdet100", "the twelve COCO figures of masks"
        ),
        Protocol(
            "voc2007",
            Kind.BOXES,
            "voc2007/11pt/iou>=0.5/difficult-ignored",
            "mAP at eleven recalls, as the devkit of 2007 counts",
        ),
        Protocol(
            "voc2012",
            Kind.BOXES,
            "voc2012/area/iou>=0.5/difficult-ignored",
            "mAP under the whole curve, as the devkits from 2010 on count",
        ),
        Protocol(
            "voc2007-python",
            Kind.BOXES,
            "voc2007-python/11pt/iou>0.5/difficult-ignored",
            "voc2007 as its Python port counts: overlap above a half",
        ),
        Protocol(
            "voc2012-python",
            Kind.BOXES,
            "voc2012-python/area/iou>0.5/difficult-ignored",
            "voc2012 as its Python port counts: overlap above a half",
        ),
        Protocol("topk", Kind.CLASSES, "topk/ties-against", "top-1 and top-5 accuracy"),
        Protocol(
            "miou", Kind.PIXELS, "miou/one-confusion-matrix/ignore255", "mean IoU, pixel accuracy, Dice"
        ),
    )
}


def find_protocol(name: str) -> Protocol:
    """The protocol of this name; raises UnknownName, with the nearest ones."""
    if name not in PROTOCOLS:
        near = suggestion(name, PROTOCOLS)
        known = f"There are {', '.join(PROTOCOLS)}."
        raise UnknownName(f'there is no protocol "{name}".\n  {"   ".join(filter(None, (near, known)))}')
    return PROTOCOLS[name]
