"""The Cards of the classifiers, in order of publication."""

from __future__ import annotations

from collections.abc import Mapping

from cvbench.spec.catalogue.cards import WIDTH, Choice, ModelCard

_SHORTER = Choice(
    None, "resize the shorter side to this many pixels and center-crop the input (default: stretch the image)"
)
_ALEXNET_DROPOUT = Choice(0.5, "dropout before the two hidden layers")
_VGG_DROPOUT = Choice(0.5, "dropout after the two hidden layers")
_AUXILIARY = Choice(True, "train two auxiliary heads, with a loss weight of 0.3 each")


_ILSVRC_ORDER = Choice(
    False,
    "outputs are in ILSVRC id order, as in darknet's ImageNet weights; reported by WordNet id",
)


def _dense(least: int) -> Choice:
    return Choice(
        False,
        "apply the fully connected layers as convolutions to a larger input and average the outputs;"
        f" needs a size of at least {least}",
    )


def _vgg(
    layers: int, *, normalized: bool, parameters: Mapping[int, int], macs: int, top1: str, top5: str
) -> ModelCard:
    name = f"vgg{layers}_bn" if normalized else f"vgg{layers}"
    with_norm = ", each followed by batch normalization" if normalized else ""
    return ModelCard(
        name=name,
        address=f"cvbench.models.vgg:{name}",
        summary=f"{layers - 3} 3x3 convolutions{with_norm}, and three fully connected layers",
        task="classification",
        title="Very Deep Convolutional Networks for Large-Scale Image Recognition",
        authors="Simonyan, Zisserman",
        year=2014,
        link="https://arxiv.org/abs/1409.1556",
        input=(3, 224, 224),
        parameters=parameters,
        macs=macs,
        reference=(f"ImageNet val top-1 {top1}, top-5 {top5} (torchvision IMAGENET1K_V1, shorter: 256)",),
        options={
            "size": Choice(224, "input height and width in pixels, at least 32"),
            "shorter": _SHORTER,
            "width": WIDTH,
            "dropout": _VGG_DROPOUT,
            "dense": _dense(224),
        },
    )


def _googlenet(
    name: str,
    *,
    summary: str,
    dropout: float,
    parameters: Mapping[int, int],
    macs: int,
    reference: tuple[str, ...],
    more: Mapping[str, Choice],
) -> ModelCard:
    return ModelCard(
        name=name,
        address=f"cvbench.models.googlenet:{name}",
        summary=summary,
        task="classification",
        title="Going Deeper with Convolutions",
        authors="Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich",
        year=2014,
        link="https://arxiv.org/abs/1409.4842",
        input=(3, 224, 224),
        parameters=parameters,
        macs=macs,
        reference=reference,
        options={
            "size": Choice(224, "input height and width in pixels, at least 32"),
            "shorter": _SHORTER,
            "width": WIDTH,
            "dropout": Choice(dropout, "dropout before the last layer"),
            "auxiliary": _AUXILIARY,
            **more,
        },
    )


def _resnet(
    layers: int, *, summary: str, parameters: Mapping[int, int], macs: int, top1: str, top5: str
) -> ModelCard:
    return ModelCard(
        name=f"resnet{layers}",
        address=f"cvbench.models.resnet:resnet{layers}",
        summary=summary,
        task="classification",
        title="Deep Residual Learning for Image Recognition",
        authors="He, Zhang, Ren, Sun",
        year=2015,
        link="https://arxiv.org/abs/1512.03385",
        input=(3, 224, 224),
        parameters=parameters,
        macs=macs,
        reference=(f"ImageNet val top-1 {top1}, top-5 {top5} (torchvision IMAGENET1K_V1, shorter: 256)",),
        options={
            "size": Choice(224, "input height and width in pixels, at least 32"),
            "shorter": _SHORTER,
            "width": WIDTH,
            "zero_init_residual": Choice(False, "initialize each block as the identity"),
        },
    )


CLASSIFIERS: tuple[ModelCard, ...] = (
    ModelCard(
        name="alexnet",
        address="cvbench.models.alexnet:alexnet",
        summary="five convolutions and three fully connected layers; the single-stream variant",
        task="classification",
        title="ImageNet Classification with Deep Convolutional Neural Networks",
        authors="Krizhevsky, Sutskever, Hinton",
        year=2012,
        link="https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html",
        input=(3, 224, 224),
        parameters={1000: 61_100_840, 91: 57_376_667, 80: 57_331_600, 20: 57_085_780},
        macs=714_188_480,
        reference=("ImageNet val top-1 0.56522, top-5 0.79066 (torchvision IMAGENET1K_V1, shorter: 256)",),
        options={
            "size": Choice(224, "input height and width in pixels, at least 63"),
            "shorter": _SHORTER,
            "width": WIDTH,
            "dropout": _ALEXNET_DROPOUT,
            "dense": _dense(223),
        },
    ),
    ModelCard(
        name="alexnet_original",
        address="cvbench.models.alexnet:alexnet_original",
        summary="as in the paper: two streams as groups, response normalization, 227 pixels",
        task="classification",
        title="ImageNet Classification with Deep Convolutional Neural Networks",
        authors="Krizhevsky, Sutskever, Hinton",
        year=2012,
        link="https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html",
        input=(3, 227, 227),
        parameters={1000: 60_965_224, 91: 57_241_051, 80: 57_195_984, 20: 56_950_164},
        macs=724_406_816,
        reference=("ILSVRC-2012 val top-1 0.593, top-5 0.818 (the paper's single network, 10 crops)",),
        options={
            "size": Choice(227, "input height and width in pixels, at least 67"),
            "shorter": _SHORTER,
            "width": WIDTH,
            "dropout": _ALEXNET_DROPOUT,
            "dense": _dense(227),
        },
    ),
    _vgg(
        11,
        normalized=False,
        parameters={1000: 132_863_336, 91: 129_139_163, 80: 129_094_096, 20: 128_848_276},
        macs=7_609_090_048,
        top1="0.69020",
        top5="0.88628",
    ),
    _vgg(
        11,
        normalized=True,
        parameters={1000: 132_868_840, 91: 129_144_667, 80: 129_099_600, 20: 128_853_780},
        macs=7_609_090_048,
        top1="0.70370",
        top5="0.89810",
    ),
    _vgg(
        13,
        normalized=False,
        parameters={1000: 133_047_848, 91: 129_323_675, 80: 129_278_608, 20: 129_032_788},
        macs=11_308_466_176,
        top1="0.69928",
        top5="0.89246",
    ),
    _vgg(
        13,
        normalized=True,
        parameters={1000: 133_053_736, 91: 129_329_563, 80: 129_284_496, 20: 129_038_676},
        macs=11_308_466_176,
        top1="0.71586",
        top5="0.90374",
    ),
    _vgg(
        16,
        normalized=False,
        parameters={1000: 138_357_544, 91: 134_633_371, 80: 134_588_304, 20: 134_342_484},
        macs=15_470_264_320,
        top1="0.71592",
        top5="0.90382",
    ),
    _vgg(
        16,
        normalized=True,
        parameters={1000: 138_365_992, 91: 134_641_819, 80: 134_596_752, 20: 134_350_932},
        macs=15_470_264_320,
        top1="0.73360",
        top5="0.91516",
    ),
    _vgg(
        19,
        normalized=False,
        parameters={1000: 143_667_240, 91: 139_943_067, 80: 139_898_000, 20: 139_652_180},
        macs=19_632_062_464,
        top1="0.72376",
        top5="0.90876",
    ),
    _vgg(
        19,
        normalized=True,
        parameters={1000: 143_678_248, 91: 139_954_075, 80: 139_909_008, 20: 139_663_188},
        macs=19_632_062_464,
        top1="0.74218",
        top5="0.91842",
    ),
    _googlenet(
        "googlenet",
        summary="nine inception modules with batch norm; without auxiliary heads 6,624,904 parameters",
        dropout=0.2,
        parameters={1000: 13_004_888, 91: 10_209_713, 80: 10_175_888, 20: 9_991_388},
        macs=1_498_376_192,
        reference=("ImageNet val top-1 0.69778, top-5 0.89530 (torchvision IMAGENET1K_V1, shorter: 256)",),
        more={"true_5x5": Choice(False, "5x5 convolutions in the third branch, as published, not 3x3")},
    ),
    _googlenet(
        "googlenet_original",
        summary="as in the paper: 5x5 convolutions, response normalization; without heads 6,998,552",
        dropout=0.4,
        parameters={1000: 13_378_280, 91: 10_583_105, 80: 10_549_280, 20: 10_364_780},
        macs=1_582_671_872,
        reference=("ILSVRC-2014 val top-5 0.8993 (the paper's single network, 1 crop)",),
        more={},
    ),
    _resnet(
        18,
        summary="eight residual blocks of two 3x3 convolutions",
        parameters={1000: 11_689_512, 91: 11_223_195, 80: 11_217_552, 20: 11_186_772},
        macs=1_814_073_344,
        top1="0.69758",
        top5="0.89078",
    ),
    _resnet(
        34,
        summary="sixteen residual blocks of two 3x3 convolutions",
        parameters={1000: 21_797_672, 91: 21_331_355, 80: 21_325_712, 20: 21_294_932},
        macs=3_663_761_408,
        top1="0.73314",
        top5="0.91420",
    ),
    _resnet(
        50,
        summary="sixteen residual blocks of 1x1, 3x3 and 1x1 convolutions",
        parameters={1000: 25_557_032, 91: 23_694_491, 80: 23_671_952, 20: 23_549_012},
        macs=4_089_184_256,
        top1="0.76130",
        top5="0.92862",
    ),
    _resnet(
        101,
        summary="33 residual blocks of 1x1, 3x3 and 1x1 convolutions",
        parameters={1000: 44_549_160, 91: 42_686_619, 80: 42_664_080, 20: 42_541_140},
        macs=7_801_405_440,
        top1="0.77374",
        top5="0.93546",
    ),
    _resnet(
        152,
        summary="fifty residual blocks of 1x1, 3x3 and 1x1 convolutions",
        parameters={1000: 60_192_808, 91: 58_330_267, 80: 58_307_728, 20: 58_184_788},
        macs=11_513_626_624,
        top1="0.78312",
        top5="0.94046",
    ),
    ModelCard(
        name="darknet19",
        address="cvbench.models.darknet:darknet19",
        summary="nineteen convolutions, alternating 3x3 and 1x1, and five max poolings",
        task="classification",
        title="YOLO9000: Better, Faster, Stronger",
        authors="Redmon, Farhadi",
        year=2016,
        link="https://arxiv.org/abs/1612.08242",
        input=(3, 224, 224),
        parameters={1000: 20_842_376, 91: 19_910_651, 80: 19_899_376, 20: 19_837_876},
        macs=2_741_837_824,
        reference=(
            "ImageNet val top-1 0.729, top-5 0.912 (the paper; darknet19.weights, ilsvrc_order, shorter 224)",
            "ImageNet val top-1 0.765, top-5 0.933 at 448 px, after ten more epochs at it (the paper)",
        ),
        options={
            "size": Choice(224, "input height and width in pixels, at least 32"),
            "shorter": _SHORTER,
            "width": WIDTH,
            "ilsvrc_order": _ILSVRC_ORDER,
        },
    ),
    ModelCard(
        name="darknet53",
        address="cvbench.models.darknet:darknet53",
        summary="53 convolutions in residual blocks, with strides instead of pooling",
        task="classification",
        title="YOLOv3: An Incremental Improvement",
        authors="Redmon, Farhadi",
        year=2018,
        link="https://arxiv.org/abs/1804.02767",
        input=(3, 256, 256),
        parameters={1000: 41_609_928, 91: 40_678_203, 80: 40_666_928, 20: 40_605_428},
        macs=9_285_115_904,
        reference=(
            "ImageNet val top-1 0.772, top-5 0.938 (the paper; darknet53.weights, ilsvrc_order, shorter 256)",
        ),
        options={
            "size": Choice(256, "input height and width in pixels, at least 32"),
            "shorter": _SHORTER,
            "width": WIDTH,
            "ilsvrc_order": _ILSVRC_ORDER,
        },
    ),
)
