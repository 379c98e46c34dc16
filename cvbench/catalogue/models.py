"""The architectures: one Card each, in the order of their publication."""

from __future__ import annotations

from cvbench.catalogue.cards import Catalogue, Choice, ModelCard

_WIDTH = Choice(1.0, "multiplies the channels of every layer; rounded to a multiple of 8")

MODELS: Catalogue[ModelCard] = Catalogue(
    "model",
    ModelCard(
        name="alexnet",
        address="cvbench.models.alexnet:alexnet",
        summary="five convolutions and three fully connected layers; the single-stream form",
        task="classification",
        title="ImageNet Classification with Deep Convolutional Neural Networks",
        authors="Krizhevsky, Sutskever, Hinton",
        year=2012,
        link="https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html",
        input=(3, 224, 224),
        parameters={1000: 61_100_840, 91: 57_376_667, 80: 57_331_600, 20: 57_085_780},
        reference=("ImageNet val top-1 0.56522, top-5 0.79066 (torchvision IMAGENET1K_V1, 1 crop)",),
        options={
            "size": Choice(224, "height and width of the prepared input, at least 63"),
            "width": _WIDTH,
            "dropout": Choice(0.5, "share of activations dropped before the two hidden layers"),
        },
    ),
    ModelCard(
        name="resnet18",
        address="cvbench.models.resnet:resnet18",
        summary="eight residual blocks of two 3x3 convolutions",
        task="classification",
        title="Deep Residual Learning for Image Recognition",
        authors="He, Zhang, Ren, Sun",
        year=2015,
        link="https://arxiv.org/abs/1512.03385",
        input=(3, 224, 224),
        parameters={1000: 11_689_512, 91: 11_223_195, 80: 11_217_552, 20: 11_186_772},
        reference=("ImageNet val top-1 0.69758, top-5 0.89078 (torchvision IMAGENET1K_V1, 1 crop)",),
        options={
            "size": Choice(224, "height and width of the prepared input, at least 32"),
            "width": _WIDTH,
            "zero_init_residual": Choice(False, "start each block as the identity"),
        },
    ),
    ModelCard(
        name="unet",
        address="cvbench.models.unet:unet",
        summary="encoder, decoder and cross connections; padded, so the output has the input's size",
        task="segmentation",
        title="U-Net: Convolutional Networks for Biomedical Image Segmentation",
        authors="Ronneberger, Fischer, Brox",
        year=2015,
        link="https://arxiv.org/abs/1505.04597",
        input=(3, 512, 512),
        parameters={1: 31_037_633, 2: 31_037_698, 21: 31_038_933},
        options={
            "size": Choice(512, "height and width of the prepared input, a multiple of 16"),
            "width": _WIDTH,
        },
    ),
    ModelCard(
        name="unet_original",
        address="cvbench.models.unet:unet_original",
        summary="the paper's form: valid convolutions and cropped cross connections, 572 in, 388 out",
        task="segmentation",
        title="U-Net: Convolutional Networks for Biomedical Image Segmentation",
        authors="Ronneberger, Fischer, Brox",
        year=2015,
        link="https://arxiv.org/abs/1505.04597",
        input=(3, 572, 572),
        parameters={21: 31_033_045, 1000: 31_096_680},
        options={
            "size": Choice(388, "height and width of the labelled output; the net sees 184 more, mirrored"),
            "width": _WIDTH,
        },
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
        reference=("COCO test-dev AP50 0.331 at 416 px (the authors' release)",),
        options={
            "size": Choice(416, "height and width of the prepared input, a multiple of 32"),
            "width": _WIDTH,
            "anchors": Choice(
                None,
                "six priors [width, height] in pixels, small to large; by default those of 416 px scaled to `size`",
            ),
            "score_threshold": Choice(0.005, "detections below it are not reported"),
            "nms_threshold": Choice(0.45, "of two boxes of one class that overlap more, the weaker goes"),
        },
    ),
)
