"""Any timm classifier, with the preprocessing of its weights.

PyTorch Image Models. Wightman, 2019. https://github.com/huggingface/pytorch-image-models

As in timm's validation, the shorter side is resized to `size / crop_pct`, rounded down, and the central
`size` pixels are cropped. Models are built without weights; timm's `.pth` and safetensors files load by
tensor name.
"""

from __future__ import annotations

import math
from typing import Any

from cvbench.errors import InputError
from cvbench.models.building import refusal
from cvbench.models.classification import softmax_loss, softmax_scores
from cvbench.models.external.preprocessing import OF_WHOLE_IMAGES, side_of, with_members, with_options
from cvbench.values import Preprocessing


def build(name: str, classes: int, *, size: object = None, **given: Any) -> Any:
    """The timm model of this name with random weights; `given` overrides its preprocessing.

    Raises InputError for a model whose input is not RGB, or whose input size or crop is not supported.
    """
    import timm
    from timm.data.config import resolve_model_data_config

    title, side = f"timm/{name}", side_of(f"timm/{name}", size)
    pretrained = timm.models.get_pretrained_cfg(name)
    fixed = side is not None and pretrained is not None and pretrained.fixed_input_size
    sized: dict[str, Any] = {"img_size": side} if fixed else {}
    net = timm.create_model(name, num_classes=classes, **sized)
    _check_patches(title, net, side)
    config = resolve_model_data_config(net)  # type: ignore[no-untyped-call]
    channels, height, width = config["input_size"]
    if channels != 3 or config["crop_mode"] != "center":
        raise InputError(
            f"{title}: it needs {channels} input channels and a {config['crop_mode']} crop; "
            "supported are 3 channels and a center crop."
        )
    if side is not None:
        height = width = side
    own = _preprocessing(title, config, (height, width))
    preprocessing = with_options(title, own, given, ways=OF_WHOLE_IMAGES)
    return with_members(net, preprocessing, loss=softmax_loss, decode=softmax_scores)


def _check_patches(title: str, net: Any, side: int | None) -> None:
    patch = getattr(getattr(net, "patch_embed", None), "patch_size", None)
    if side is not None and patch is not None and any(side % length for length in patch):
        raise refusal(title, "size", side, wanted=f"a multiple of {patch[0]}, the side of its patches")


def _preprocessing(title: str, config: dict[str, Any], size: tuple[int, int]) -> Preprocessing:
    interpolation = config["interpolation"]
    if interpolation not in ("bilinear", "bicubic"):
        raise InputError(
            f"{title}: {interpolation} interpolation is not supported, only bilinear and bicubic."
        )
    return Preprocessing(
        size,
        "crop",
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        shorter=math.floor(min(size) / config["crop_pct"]),
        interpolation=interpolation,
    )
