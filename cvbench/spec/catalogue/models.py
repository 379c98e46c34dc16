"""The architectures, in the order of their publication, and those of other libraries."""

from __future__ import annotations

from typing import get_args

from cvbench.errors import InputError
from cvbench.spec.catalogue.cards import WIDTH, Catalogue, Choice, ModelCard, is_address
from cvbench.spec.catalogue.classifiers import CLASSIFIERS
from cvbench.spec.catalogue.external_models import ONNX, TIMM, TORCHVISION
from cvbench.spec.catalogue.faster_rcnn import FASTER_RCNN
from cvbench.spec.catalogue.yolo import YOLO
from cvbench.spec.cell import ModelSpec, TaskName

SEGMENTERS: tuple[ModelCard, ...] = (
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
        macs=192_669_548_544,
        options={
            "size": Choice(512, "height and width of the prepared input, a multiple of 16"),
            "width": WIDTH,
            "dice": Choice(False, "add the Dice loss to the cross entropy: small classes are learnt sooner"),
            "upsampling": Choice("transposed", "transposed convolutions, or bilinear interpolation"),
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
        parameters={1: 31_031_745, 2: 31_031_810, 21: 31_033_045},
        macs=150_793_074_432,
        reference=(
            "mean IoU 0.920 on PhC-U373, 0.776 on DIC-HeLa (the paper; its weights are Caffe's, none load)",
        ),
        options={
            "size": Choice(
                388,
                "height and width of the labelled output, 100, 116, 132 …; the net sees 184 more, mirrored",
            ),
            "width": WIDTH,
            "tile": Choice(
                None, "label an image in overlapping tiles of so many labelled pixels a side: less memory"
            ),
            "dice": Choice(False, "add the Dice loss to the cross entropy: small classes are learnt sooner"),
            "boundary": Choice(
                10.0, "how much more a pixel in the narrowest gap between two cells counts in the loss"
            ),
        },
    ),
)


DETECTORS: tuple[ModelCard, ...] = (*FASTER_RCNN, *YOLO)


MODELS: Catalogue[ModelCard] = Catalogue(
    "model",
    *sorted((*CLASSIFIERS, *DETECTORS, *SEGMENTERS), key=lambda card: card.year),
    families=(TIMM, TORCHVISION, ONNX),
)


def known_task(model: ModelSpec) -> TaskName | None:
    """The task of a model: what the spec says, else its Card's; None for a model that is not known here.

    No other library is asked for a Card whose spec says the task.
    """
    if model.task is not None:
        return model.task
    card = MODELS.get(model.name)
    return None if card is None else card.task


def task_of(spec: ModelSpec) -> TaskName:
    """The task of a model: its Card's, or what the spec says of an address.

    Raises UnknownName for a name that is not in the catalogue, and InputError for an address without
    a task or a catalogue's model with another.
    """
    if not is_address(spec.name):
        card = MODELS.find(spec.name)
        if spec.task not in (None, card.task):
            raise InputError(
                f"{spec.name}: it is a {card.task} model, not one for {spec.task}.\n  Leave `task` out."
            )
    task = known_task(spec)
    if task is None:
        raise InputError(
            f"{spec.name}: nothing says what this model is for.\n"
            f"  Add `task:` with one of {', '.join(get_args(TaskName))}."
        )
    return task
