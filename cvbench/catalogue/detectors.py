"""The detectors: one Card each, in the order of their publication."""

from __future__ import annotations

from cvbench.catalogue.cards import Choice, ModelCard

_WIDTH = Choice(1.0, "multiplies the channels of every layer; rounded to a multiple of 8")


def _yolo_v3(*, anchors: str) -> dict[str, Choice]:
    return {
        "size": Choice(416, "height and width of the prepared input, a multiple of 32"),
        "width": _WIDTH,
        "anchors": Choice(
            None,
            f"{anchors} priors [width, height] in pixels, small first; by default COCO's, scaled to `size`",
        ),
        "ignore": Choice(
            "prior",
            "who is excused from learning that nothing is there: predictors whose prior, or whose"
            " prediction, overlaps an object",
        ),
        "score_threshold": Choice(0.005, "detections below it are not reported"),
        "nms_threshold": Choice(0.45, "of two boxes of one class that overlap more, the weaker goes"),
        "max_detections": Choice(100, "the most that are reported of one image"),
    }


DETECTORS: tuple[ModelCard, ...] = (
    ModelCard(
        name="yolo_v3",
        address="cvbench.models.yolo_v3:yolo_v3",
        summary="the 53-layer backbone and three detection layers of three priors each",
        task="detection",
        title="YOLOv3: An Incremental Improvement",
        authors="Redmon, Farhadi",
        year=2018,
        link="https://arxiv.org/abs/1804.02767",
        input=(3, 416, 416),
        parameters={20: 61_626_049, 80: 61_949_149, 91: 62_008_384, 1000: 66_903_349},
        macs=32_713_987_072,
        reference=("COCO test-dev AP 0.310, AP50 0.553 at 416 px (the paper)",),
        options=_yolo_v3(anchors="nine"),
    ),
    ModelCard(
        name="yolo_v3_tiny",
        address="cvbench.models.yolo_v3:yolo_v3_tiny",
        summary="a seven-convolution backbone and two detection layers of three priors each",
        task="detection",
        title="YOLOv3: An Incremental Improvement",
        authors="Redmon, Farhadi",
        year=2018,
        link="https://arxiv.org/abs/1804.02767",
        input=(3, 416, 416),
        parameters={20: 8_713_766, 80: 8_852_366, 91: 8_877_776, 1000: 10_977_566},
        macs=2_735_755_776,
        reference=("COCO test-dev AP50 0.331 at 416 px (the authors' release)",),
        options=_yolo_v3(anchors="six"),
    ),
)
