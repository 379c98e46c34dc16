"""The colour noise of trainings: darknet's turned hues and scaled saturations, AlexNet's shift."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from cvbench.spec.cell import Augment
from cvbench.values import Preprocessing

# Of the colours of ImageNet's training images in 0 … 1: what Krizhevsky et al. (2012, section 4.1) call
# lambda and p, a column each. The figures are those of cuda-convnet, which fb.resnet.torch hands on.
_EIGENVALUES: Final = np.array([0.2175, 0.0188, 0.0045])
_EIGENVECTORS: Final = np.array(
    [
        [-0.5675, 0.7192, 0.4009],
        [-0.5808, -0.0045, -0.8140],
        [-0.5836, -0.6948, 0.4203],
    ]
)


def recolored(
    image: UInt8[Tensor, "3 h w"], recipe: Augment, generator: torch.Generator
) -> UInt8[Tensor, "3 h w"]:
    """The image with the colour noise that the recipe asks for; itself where it asks for none.

    The same numbers are drawn whatever is asked for, as long as anything is: one part changes no other.
    """
    asked = (recipe.hue, recipe.saturation, recipe.exposure, recipe.lighting)
    if all(part is None for part in asked):
        return image
    turn, *factors, up, down = torch.rand(5, generator=generator, dtype=torch.float64).tolist()
    noise = torch.randn(3, generator=generator, dtype=torch.float64).numpy()
    pixels = (image.numpy() / np.float32(255)).astype(np.float32)
    if asked[:3] != (None, None, None):
        pixels = distorted(
            pixels,
            hue=(2 * turn - 1) * (recipe.hue or 0.0),
            saturation=_factor(recipe.saturation, factors[0], inverse=up < 0.5),
            exposure=_factor(recipe.exposure, factors[1], inverse=down < 0.5),
        )
    if recipe.lighting is not None:
        pixels = pixels + shift(noise * recipe.lighting)[:, None, None]
    return torch.from_numpy(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))


def shift(alphas: np.ndarray) -> Float32[np.ndarray, "3"]:
    """What is added to red, green and blue: the sum of p_i alpha_i lambda_i.

    Source: ImageNet Classification with Deep Convolutional Neural Networks, section 4.1.
    """
    added: np.ndarray = _EIGENVECTORS @ (alphas * _EIGENVALUES)
    return added.astype(np.float32)


def distorted(
    pixels: Float32[np.ndarray, "3 h w"], *, hue: float, saturation: float, exposure: float
) -> Float32[np.ndarray, "3 h w"]:
    """Colours in 0 … 1, their hue turned by a share of the circle, saturation and value multiplied.

    What leaves 0 … 1 is for the caller to cut, and not before: so a colour keeps its hue.

    Source: `distort_image` of darknet, `src/image.c`.
    """
    value = pixels.max(axis=0)
    spread = value - pixels.min(axis=0)
    red, green, blue = pixels
    # The sextant of the colour circle, counted from red; grey has no hue, and any will do.
    some = np.where(spread == 0, 1, spread)
    sextant = np.where(
        value == red,
        (green - blue) / some,
        np.where(value == green, 2 + (blue - red) / some, 4 + (red - green) / some),
    )
    places = (np.array([5, 3, 1], np.float32)[:, None, None] + sextant + np.float32(6 * hue)) % 6
    share = np.minimum(np.minimum(places, 4 - places), 1).clip(min=0)
    # spread is value x saturation
    turned: np.ndarray = (value - spread * np.float32(saturation) * share) * np.float32(exposure)
    return turned.astype(np.float32)


def _factor(most: float | None, share: float, *, inverse: bool) -> float:
    """Drawn evenly from 1 to `most`, and turned upside down in half of the cases, as darknet does."""
    factor = 1 + share * ((most or 1.0) - 1)
    return 1 / factor if inverse else factor


def normalize(images: UInt8[Tensor, "b 3 h w"], preprocessing: Preprocessing) -> Float[Tensor, "b 3 h w"]:
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
