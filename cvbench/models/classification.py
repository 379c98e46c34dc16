"""What classifiers share: prepared images, the loss they descend, their scores, dense evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.building import refusal
from cvbench.spec.cell import Option
from cvbench.values import ClassScores, Preprocessing

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Of the training images by channel, RGB in 0 … 1; torchvision's weights expect it."""
IMAGENET_STD = (0.229, 0.224, 0.225)


def prepared(
    model: str,
    size: int,
    shorter: Option | None,
    *,
    mean: tuple[float, float, float] = IMAGENET_MEAN,
    std: tuple[float, float, float] = IMAGENET_STD,
    interpolation: Literal["bilinear", "darknet"] = "bilinear",
) -> Preprocessing:
    """An input of `size` x `size`: the whole image stretched to it, or the middle cut out.

    With `shorter`, the shorter side becomes so many pixels first, and the aspect is kept: 256 before
    a cut of 224 is how published figures on ImageNet came about. Raises InputError for a shorter
    side that is not at least `size`.
    """
    if shorter is None:
        return Preprocessing(size=(size, size), mean=mean, std=std, interpolation=interpolation)
    if not isinstance(shorter, int) or isinstance(shorter, bool) or shorter < size:
        raise refusal(model, "shorter", shorter, wanted=f"{size} pixels, its size, or more")
    return Preprocessing(
        size=(size, size), resize="crop", shorter=shorter, mean=mean, std=std, interpolation=interpolation
    )


def softmax_loss(logits: Float[Tensor, "b classes"], truths: Sequence[ClassScores]) -> dict[str, Tensor]:
    """Cross entropy of the softmax against each image's class, as the mean over the batch.

    A truth that spreads its score over several classes (smoothed or mixed labels) counts as the
    distribution it is.
    """
    target = torch.stack([truth.scores for truth in truths]).to(logits.device, torch.float32)
    return {"cross_entropy": F.cross_entropy(logits.float(), target)}


def softmax_scores(logits: Float[Tensor, "b classes"]) -> list[ClassScores]:
    """The softmax of each image's logits, in fp32 on the logits' device."""
    return [ClassScores(scores) for scores in logits.float().softmax(dim=1).unbind()]


def at_every_place(
    layers: nn.Sequential, features: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b classes i j"]:
    """What fully connected layers say at every place of a map that is larger than the one they know.

    Each linear layer is run as the convolution with the same weights: the first over the square of
    places that its weights span, the others over one. On a map of just that square this is what the
    layers say of it, flattened.

    Source: Very Deep Convolutional Networks (Simonyan and Zisserman 2014), section 3.2.
    """
    x = features
    for layer in layers:
        if isinstance(layer, nn.Linear):
            channels = x.shape[1]
            side = math.isqrt(layer.in_features // channels)
            kernels = layer.weight.reshape(layer.out_features, channels, side, side)
            x = F.conv2d(x, kernels, layer.bias)
        else:
            x = layer(x)
    return x
