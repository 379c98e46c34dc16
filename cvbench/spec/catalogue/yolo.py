"""The Cards of the YOLO detectors, in order of publication."""

from __future__ import annotations

from cvbench.spec.catalogue.cards import WIDTH, Choice, ModelCard, reporting

_ONCE = ("You Only Look Once: Unified, Real-Time Object Detection", "Redmon, Divvala, Girshick, Farhadi")
_ONCE_LINK = "https://arxiv.org/abs/1506.02640"
_BETTER, _BETTER_LINK = "YOLO9000: Better, Faster, Stronger", "https://arxiv.org/abs/1612.08242"
_INCREMENTAL, _INCREMENTAL_LINK = "YOLOv3: An Incremental Improvement", "https://arxiv.org/abs/1804.02767"


def _size(default: int, *, multiple: int = 32) -> dict[str, Choice]:
    help_ = f"input height and width in pixels, a multiple of {multiple}"
    return {"size": Choice(default, help_), "width": WIDTH}


def _yolo_v1(**first: Choice) -> dict[str, Choice]:
    return {
        **_size(448, multiple=64),
        "grid": Choice(7, "grid cells per side"),
        **first,
        "top_class_only": Choice(False, "report only the best class of each box"),
        **reporting(score=0.001, nms=0.5),
    }


def _anchors(count: str, *, words: str = "") -> dict[str, Choice]:
    return {
        "anchors": Choice(
            None, f"{count} priors [width, height] in pixels, smallest first{words} (default: the authors')"
        )
    }


def _yolo_v2(reorg: str) -> dict[str, Choice]:
    return {
        **_size(416),
        **_anchors("five", words=", or coco or voc"),
        "reorg": Choice(reorg, "channel order of the passthrough's space-to-depth: darknet or paper"),
        **reporting(score=0.005, nms=0.45),
    }


def _yolo_v3(anchors: str) -> dict[str, Choice]:
    return {
        **_size(416),
        **_anchors(anchors),
        "ignore": Choice(
            "prior",
            "which box of a predictor excludes it from the no-object loss if it overlaps an object:"
            " prior or prediction",
        ),
        "owners": Choice(
            "one",
            "priors that learn an object: the best one (one), or the best one per layer (each layer)",
        ),
        **reporting(score=0.005, nms=0.45),
    }


_DROPOUT = Choice(0.5, "dropout before the last layer")

YOLO: tuple[ModelCard, ...] = (
    ModelCard(
        name="yolo_v1",
        address="cvbench.models.yolo.yolo_v1:yolo_v1",
        summary="24 convolutions, two fully connected layers, 7 x 7 cells of two boxes; as in the paper",
        task="detection",
        title=_ONCE[0],
        authors=_ONCE[1],
        year=2015,
        link=_ONCE_LINK,
        input=(3, 448, 448),
        parameters={20: 271_716_734, 80: 283_761_914, 91: 285_970_197, 1000: 468_454_674},
        macs=20_285_153_280,
        reference=("VOC 2007 test mAP 0.634, trained on VOC 2007 and 2012 (the paper; no weights released)",),
        options=_yolo_v1(
            norm=Choice(True, "batch norm after convolutions; false: biases, as in the paper"),
            dropout=_DROPOUT,
        ),
    ),
    ModelCard(
        name="yolo_v1_tiny",
        address="cvbench.models.yolo.yolo_v1:yolo_v1_tiny",
        summary="eight convolutions, one fully connected layer, 7 x 7 cells of two boxes",
        task="detection",
        title=_ONCE[0],
        authors=_ONCE[1],
        year=2015,
        link=_ONCE_LINK,
        input=(3, 448, 448),
        parameters={20: 27_095_374},
        macs=1_608_015_360,
        reference=(
            (
                "VOC 2007 test mAP 0.527, metric voc2007 (the paper's fast variant, expected of"
                " tiny-yolov1.weights; no result of that file is published)"
            ),
        ),
        options=_yolo_v1(),
    ),
    ModelCard(
        name="yolo_v1_darknet",
        address="cvbench.models.yolo.yolo_v1:yolo_v1_darknet",
        summary="the variant of the released weights: a locally connected layer, three boxes per cell",
        task="detection",
        title=_ONCE[0],
        authors=_ONCE[1],
        year=2015,
        link=_ONCE_LINK,
        input=(3, 448, 448),
        parameters={20: 197_301_875},
        macs=20_210_729_728,
        reference=("VOC 2007 test mAP 0.634, metric voc2007, with yolov1.weights (the authors)",),
        options=_yolo_v1(dropout=_DROPOUT),
    ),
    ModelCard(
        name="yolo_v2",
        address="cvbench.models.yolo.yolo_v2:yolo_v2",
        summary="Darknet-19, a 64-channel passthrough and five priors; the variant of the released weights",
        task="detection",
        title=_BETTER,
        authors="Redmon, Farhadi",
        year=2016,
        link=_BETTER_LINK,
        input=(3, 416, 416),
        parameters={20: 50_655_389, 80: 50_962_889, 91: 51_019_264, 1000: 55_677_889},
        macs=14_680_167_424,
        reference=(
            (
                "VOC 2007 test mAP 0.768 at 416 px, 0.786 at 544 px, metric voc2007, with yolov2-voc.weights"
                " and anchors: voc (the paper)"
            ),
            "COCO test-dev AP 0.216, AP50 0.440 at 544 px (the paper); yolov2.weights are close at 608 px",
        ),
        options=_yolo_v2("darknet"),
    ),
    ModelCard(
        name="yolo_v2_original",
        address="cvbench.models.yolo.yolo_v2:yolo_v2_original",
        summary="as in the paper: all 512 channels pass through and become 2,048",
        task="detection",
        title=_BETTER,
        authors="Redmon, Farhadi",
        year=2016,
        link=_BETTER_LINK,
        input=(3, 416, 416),
        parameters={20: 67_137_565},
        macs=17_449_063_424,
        reference=("VOC 2007 test mAP 0.768 at 416 px (the paper)",),
        options=_yolo_v2("paper"),
    ),
    ModelCard(
        name="yolo9000",
        address="cvbench.models.yolo.yolo9000:yolo9000",
        summary="YOLOv2 with three priors and a tree of words (WordTree) as classes",
        task="detection",
        title=_BETTER,
        authors="Redmon, Farhadi",
        year=2016,
        link=_BETTER_LINK,
        input=(3, 544, 544),
        parameters={9418: 48_793_101},
        macs=24_531_022_848,
        reference=(
            (
                "ImageNet detection val mAP 0.197, with yolo9000.weights, tree: 9k.tree, and a map of its 200"
                " classes (the paper)"
            ),
        ),
        options={
            **_size(544),
            "tree": Choice(None, "file of names and parent numbers, such as 9k.tree; default: all roots"),
            "map": Choice(None, "file with the tree node of each class; default: all nodes, or all leaves"),
            **_anchors("three"),
            "passthrough": Choice(False, "YOLOv2's passthrough and three more convolutions, as in the paper"),
            "report": Choice(
                "classes", "every class and its probability (classes), or only the best path (path)"
            ),
            "path_threshold": Choice(0.5, "minimum probability to descend the tree, for report: path"),
            **reporting(score=0.005, nms=0.45),
        },
    ),
    ModelCard(
        name="yolo_v3",
        address="cvbench.models.yolo.yolo_v3:yolo_v3",
        summary="the 53-layer backbone and three detection layers of three priors each",
        task="detection",
        title=_INCREMENTAL,
        authors="Redmon, Farhadi",
        year=2018,
        link=_INCREMENTAL_LINK,
        input=(3, 416, 416),
        parameters={20: 61_626_049, 80: 61_949_149, 91: 62_008_384, 1000: 66_903_349},
        macs=32_713_987_072,
        reference=(
            (
                "COCO test-dev AP 0.310, AP50 0.553 at 416 px; 0.282 and 0.515 at 320 px; 0.330 and 0.579 at"
                " 608 px, with yolov3.weights (the paper)"
            ),
        ),
        options=_yolo_v3("nine"),
    ),
    ModelCard(
        name="yolo_v3_tiny",
        address="cvbench.models.yolo.yolo_v3:yolo_v3_tiny",
        summary="a seven-convolution backbone and two detection layers of three priors each",
        task="detection",
        title=_INCREMENTAL,
        authors="Redmon, Farhadi",
        year=2018,
        link=_INCREMENTAL_LINK,
        input=(3, 416, 416),
        parameters={20: 8_713_766, 80: 8_852_366, 91: 8_877_776, 1000: 10_977_566},
        macs=2_735_755_776,
        reference=("COCO test-dev AP50 0.331 at 416 px, with yolov3-tiny.weights (the authors)",),
        options=_yolo_v3("six"),
    ),
)
