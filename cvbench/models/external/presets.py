"""The preprocessing that belongs to torchvision's weights, read from their own configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torchvision.transforms import InterpolationMode

from cvbench.errors import InputError
from cvbench.values import Preprocessing

_GREY = 114
"""The mean of ImageNet's images; what it leaves after normalisation is near zero, torchvision's filling."""


PYRAMID = Preprocessing((800, 1066), "scale", fill=_GREY, shorter=800, longer=1333, antialias=False)
"""What torchvision's detectors on a pyramid do by default."""


def of_classifier(title: str, preset: Any, side: int | None) -> Preprocessing:
    """That of a classifier's weights; with another `side`, the shorter side grows or shrinks along."""
    (shorter,), (crop,) = preset.resize_size, preset.crop_size
    if side is not None:
        crop, shorter = side, round(shorter * side / crop)
    return Preprocessing(
        (crop, crop),
        "crop",
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        shorter=shorter,
        interpolation=_interpolation(title, preset),
        antialias=preset.antialias,
    )


def of_segmenter(title: str, preset: Any) -> Preprocessing:
    """That of a segmenter's weights: the shorter side is resized, and each image keeps its aspect."""
    (shorter,) = preset.resize_size
    return Preprocessing(
        (shorter, _wide(shorter)),
        "scale",
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        shorter=shorter,
        interpolation=_interpolation(title, preset),
        antialias=preset.antialias,
    )


def of_detector(transform: Any) -> Preprocessing:
    """That of a detector, from its `GeneralizedRCNNTransform`, which normalises and fills up by itself."""
    if transform.fixed_size is not None:
        width, height = transform.fixed_size
        return Preprocessing((height, width), antialias=False)
    shorter, longer = transform.min_size[-1], transform.max_size
    return Preprocessing(
        (shorter, min(longer, _wide(shorter))),
        "scale",
        fill=_GREY,
        shorter=shorter,
        longer=longer,
        antialias=False,
    )


def with_geometry(own: Preprocessing, theirs: Preprocessing, *, multiple: int) -> Preprocessing:
    """Our net's normalisation, and where torchvision's puts the pixels: for a net that takes its weights."""
    return replace(
        theirs,
        mean=own.mean,
        std=own.std,
        fill=own.fill,
        multiple=multiple if theirs.resize == "scale" else 1,
    )


def _interpolation(title: str, preset: Any) -> Any:
    if preset.interpolation not in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC):
        raise InputError(f"{title}: it resizes images by {preset.interpolation}, which is not supported.")
    return preset.interpolation.value


def _wide(shorter: int) -> int:
    """The longer side of an image of 4 : 3, which most photographs in COCO and VOC are."""
    return shorter * 4 // 3
