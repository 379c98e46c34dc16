"""The named variants, with checks of their options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cvbench.models.building import check_size, check_width, choice
from cvbench.models.detection import Reporting
from cvbench.models.yolo.grid import Shapes, anchors_of
from cvbench.models.yolo.yolo_v2.classes import Softmax
from cvbench.models.yolo.yolo_v2.detector import RegionDetector
from cvbench.models.yolo.yolo_v2.nets import Order, PassthroughNet
from cvbench.spec.cell import Option

# Width and height in pixels: the authors' clusters, which they state in cells of 32 pixels.
_CELL: Final = 32
_COCO: Final = (
    (0.57273, 0.677385), (1.87446, 2.06253), (3.33843, 5.47434), (7.88282, 3.52778), (9.77052, 9.16828)
)  # fmt: skip
_VOC: Final = (
    (1.3221, 1.73145), (3.19275, 4.00944), (5.05587, 8.09892), (9.47112, 4.84053), (11.2364, 10.0071)
)  # fmt: skip
PRIORS: Final[Mapping[str, Shapes]] = {
    name: [(_CELL * w, _CELL * h) for w, h in cells] for name, cells in (("coco", _COCO), ("voc", _VOC))
}


def yolo_v2(
    classes: int,
    *,
    size: int = 416,
    width: float = 1.0,
    anchors: Option | None = None,
    reorg: str = "darknet",
    score_threshold: float = 0.005,
    nms_threshold: float = 0.45,
    max_detections: int = 100,
) -> RegionDetector:
    """Darknet-19 and one detection layer of five priors; the passthrough is reduced to 64 channels.

    `anchors` are five (width, height) in pixels of the preprocessed input, or `coco` or `voc`: the
    authors' priors for these datasets.
    """
    reporting = Reporting(score_threshold, nms_threshold, max_detections)
    return _built(
        "yolo_v2",
        classes,
        size=size,
        width=width,
        anchors=anchors,
        reorg=reorg,
        squeeze=64,
        reporting=reporting,
    )


def yolo_v2_original(
    classes: int,
    *,
    size: int = 416,
    width: float = 1.0,
    anchors: Option | None = None,
    reorg: str = "paper",
    score_threshold: float = 0.005,
    nms_threshold: float = 0.45,
    max_detections: int = 100,
) -> RegionDetector:
    """The paper's version: all 512 channels pass through, and become 2,048. `anchors` as in `yolo_v2`."""
    reporting = Reporting(score_threshold, nms_threshold, max_detections)
    return _built(
        "yolo_v2_original",
        classes,
        size=size,
        width=width,
        anchors=anchors,
        reorg=reorg,
        squeeze=None,
        reporting=reporting,
    )


def _built(
    name: str,
    classes: int,
    *,
    size: int,
    width: float,
    anchors: Option | None,
    reorg: str,
    squeeze: int | None,
    reporting: Reporting,
) -> RegionDetector:
    check_size(name, size, least=32, multiple=32)
    check_width(name, width)
    priors = anchors_of(name, anchors, default=PRIORS["coco"], named=PRIORS)
    order: Order = choice(name, "reorg", reorg, Order)
    net = PassthroughNet(priors=len(priors), classes=classes, width=width, squeeze=squeeze, reorg=order)
    return RegionDetector(
        net, classes=Softmax(classes), size=size, priors=priors, reporting=reporting.checked(name)
    )
