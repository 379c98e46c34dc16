"""The architectures in order of publication, and the models of other libraries."""

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
        summary="encoder-decoder with skip connections; padded: the output has the input's size",
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
            "dice": Choice(False, "add the Dice loss to cross entropy: small classes are learned faster"),
            "upsampling": Choice("transposed", "transposed (convolutions) or bilinear (interpolation)"),
        },
    ),
    ModelCard(
        name="unet_original",
        address="cvbench.models.unet:unet_original",
        summary="as in the paper: valid convolutions and cropped skip connections, 572 in, 388 out",
        task="segmentation",
        title="U-Net: Convolutional Networks for Biomedical Image Segmentation",
        authors="Ronneberger, Fischer, Brox",
        year=2015,
        link="https://arxiv.org/abs/1505.04597",
        input=(3, 572, 572),
        parameters={1: 31_031_745, 2: 31_031_810, 21: 31_033_045},
        macs=150_793_074_432,
        reference=(
            "mean IoU 0.920 on PhC-U373, 0.776 on DIC-HeLa (paper; its Caffe weights cannot be loaded)",
        ),
        options={
            "size": Choice(
                388,
                "output size: 100, 116, 132 …; the input is 184 larger, with mirrored borders",
            ),
            "width": WIDTH,
            "tile": Choice(None, "predict in overlapping tiles of this output size, to save memory"),
            "dice": Choice(False, "add the Dice loss to cross entropy: small classes are learned faster"),
            "boundary": Choice(
                10.0, "w0 of the paper's weight map: extra loss weight of pixels between two touching objects"
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
    """The task of a model: the spec's, else its Card's; None for an unknown model.

    If the spec has a task, no other library is imported for a Card.
    """
    if model.task is not None:
        return model.task
    card = MODELS.get(model.name)
    return None if card is None else card.task


def task_of(spec: ModelSpec) -> TaskName:
    """The task of a model: its Card's, or the spec's for an import path.

    Raises UnknownName for an unknown name, and InputError for an import path without a task, or for a spec
    whose task differs from the Card's.
    """
    if not is_address(spec.name):
        card = MODELS.find(spec.name)
        if spec.task not in (None, card.task):
            raise InputError(f"{spec.name} is a {card.task} model, not for {spec.task}.\n  Remove `task`.")
    task = known_task(spec)
    if task is None:
        raise InputError(
            f"{spec.name}: the task of this model is unknown.\n"
            f"  Add `task:` with one of {', '.join(get_args(TaskName))}."
        )
    return task
