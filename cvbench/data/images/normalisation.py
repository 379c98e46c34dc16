"""From pixels to numbers: the last step before the network."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cvbench.values import Preprocessing


def normalise(images: UInt8[Tensor, "b 3 h w"], preprocessing: Preprocessing) -> Float[Tensor, "b 3 h w"]:
    """`(value / 255 - mean) / std` by channel, in float32, where the images lie and in their layout.

    The whole batch at once, on the device: a byte a value travels there instead of four.
    """
    scale = [1 / (255 * std) for std in preprocessing.std]
    offset = [-mean / std for mean, std in zip(preprocessing.mean, preprocessing.std, strict=True)]
    values = images.float()
    if len(set(scale)) == len(set(offset)) == 1:
        values.mul_(scale[0])
        return values.add_(offset[0]) if offset[0] else values
    # Not waited for: a plain copy of the six numbers would stall the device at every batch.
    factors = torch.tensor([scale, offset]).to(images.device, non_blocking=True)[:, None, :, None, None]
    return values.mul_(factors[0]).add_(factors[1])
