"""What classifiers share: preprocessing, loss, scores, dense evaluation."""

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
"""Per channel, RGB in 0 … 1, over ImageNet's training images; torchvision's weights expect it."""
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
    """Preprocessing to an input of `size` x `size` pixels: the image is stretched, or center-cropped.

    With `shorter`, the shorter side is first resized to that many pixels, keeping the aspect ratio: 256
    before a crop of 224 is the usual evaluation on ImageNet. Raises InputError if `shorter` is below
    `size`.
    """
    if shorter is None:
        return Preprocessing(size=(size, size), mean=mean, std=std, interpolation=interpolation)
    if not isinstance(shorter, int) or isinstance(shorter, bool) or shorter < size:
        raise refusal(model, "shorter", shorter, wanted=f"at least {size}, the value of size")
    return Preprocessing(
        size=(size, size), resize="crop", shorter=shorter, mean=mean, std=std, interpolation=interpolation
    )


def softmax_loss(logits: Float[Tensor, "b classes"], truths: Sequence[ClassScores]) -> dict[str, Tensor]:
    """Softmax cross entropy against each image's class, averaged over the batch.

    Ground truth with several nonzero scores (smoothed or mixed labels) is used as a distribution.
    """
    target = torch.stack([truth.scores for truth in truths]).to(logits.device, torch.float32)
    return {"cross_entropy": F.cross_entropy(logits.float(), target)}


def softmax_scores(logits: Float[Tensor, "b classes"]) -> list[ClassScores]:
    """Softmax of each image's logits, in fp32 on their device."""
    return [ClassScores(scores) for scores in logits.float().softmax(dim=1).unbind()]


def at_every_position(
    layers: nn.Sequential, features: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b classes i j"]:
    """Applies fully connected layers at every position of a feature map larger than they were built for.

    Each linear layer runs as the convolution with the same weights: the first one spans the positions
    that it flattens, the others span one. On a map of exactly that size, the result equals the layers'
    output on the flattened map.

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
