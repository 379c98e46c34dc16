"""The Cards of the Faster R-CNN variants."""

from __future__ import annotations

from cvbench.spec.catalogue.cards import WIDTH, Choice, ModelCard, reporting

_TITLE = "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks"
_AUTHORS = "Ren, He, Girshick, Sun"
_LINK = "https://arxiv.org/abs/1506.01497"


def _input(default: str, *, multiple: int) -> dict[str, Choice]:
    sides = f"input size or [height, width], multiples of {multiple}; default: {default}"
    return {
        "size": Choice(None, sides),
        "width": WIDTH,
    }


def _pyramid(*, size: str, scales: str, norm: str, **more: Choice) -> dict[str, Choice]:
    return {
        **_input(size, multiple=32),
        "scales": Choice(None, f"anchor size in pixels on each of five levels; default: {scales}"),
        "ratios": Choice(None, "anchor ratios, height/width; default: 0.5, 1, 2"),
        "norm": Choice(norm, "norm of the backbone: frozen (pretrained weights) or batch (from scratch)"),
        "epsilon": Choice(1e-5, "epsilon of the norm; torchvision's COCO weights need 0"),
        **more,
        **reporting(score=0.05, nms=0.5),
    }


FASTER_RCNN: tuple[ModelCard, ...] = (
    ModelCard(
        name="faster_rcnn_vgg16",
        address="cvbench.models.faster_rcnn:faster_rcnn_vgg16",
        summary="VGG-16, proposals at stride 16, two fully connected layers of 4096; the paper's network",
        task="detection",
        title=_TITLE,
        authors=_AUTHORS,
        year=2015,
        link=_LINK,
        input=(3, 600, 1000),
        parameters={20: 137_078_239, 80: 138_307_339, 90: 138_512_189, 91: 138_532_674, 1000: 157_153_539},
        macs=229_152_798_720,
        reference=(
            "VOC 2007 test mAP 0.699, metric voc2007, trained on VOC 2007; 0.732 with VOC 2012 (the paper)",
            "COCO test-dev AP 0.219, AP50 0.427, with twelve anchors, anchors: coco (the paper)",
        ),
        options={
            **_input("608 x 1008", multiple=16),
            "anchors": Choice(
                "voc",
                "sizes and ratios: voc (128, 256, 512 x 0.5, 1, 2), coco (and 64),"
                " or small (64, 128, 256 x 0.5, 1, 1.5)",
            ),
            "scales": Choice(None, "anchor sizes in pixels (square roots of areas), instead of `anchors`"),
            "ratios": Choice(None, "anchor ratios, height/width, instead of `anchors`"),
            "across_border": Choice(False, "also train on anchors that cross the image border"),
            "pooling": Choice(
                "pool", "region pooling to 7 x 7: pool (RoIPool, as in the paper) or align (RoIAlign)"
            ),
            "dropout": Choice(0.5, "dropout after both fully connected layers"),
            **reporting(score=0.05, nms=0.3),
        },
    ),
    ModelCard(
        name="faster_rcnn_resnet50_fpn",
        address="cvbench.models.faster_rcnn:faster_rcnn_resnet50_fpn",
        summary="ResNet-50 with a five-level FPN, two fully connected layers of 1024",
        task="detection",
        title=_TITLE,
        authors=_AUTHORS,
        year=2015,
        link=_LINK,
        input=(3, 800, 1344),
        parameters={20: 41_396_536, 80: 41_704_036, 90: 41_755_286, 91: 41_760_411, 1000: 46_419_036},
        macs=215_628_553_472,
        reference=(
            (
                "COCO val2017 AP 0.370, with torchvision's weights COCO_V1, coco91: true and epsilon: 0"
                " (torchvision, with an input size per aspect ratio)"
            ),
        ),
        options=_pyramid(
            size="800 x 1344",
            scales="32, 64, 128, 256, 512",
            norm="frozen",
            coco91=Choice(False, "keep the 91 outputs of torchvision's COCO weights, report COCO's 80"),
        ),
    ),
    ModelCard(
        name="faster_rcnn_resnet18_fpn",
        address="cvbench.models.faster_rcnn:faster_rcnn_resnet18_fpn",
        summary="ResNet-18 with FPN, fewer proposals and smaller anchors: for small machines",
        task="detection",
        title=_TITLE,
        authors=_AUTHORS,
        year=2015,
        link=_LINK,
        input=(3, 320, 320),
        parameters={20: 28_380_856, 80: 28_688_356, 90: 28_739_606, 91: 28_744_731, 1000: 33_403_356},
        macs=18_172_588_800,
        options=_pyramid(size="320 x 320", scales="16, 32, 64, 128, 256", norm="batch"),
    ),
)
