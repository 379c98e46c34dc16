"""Color augmentation: darknet's hue, saturation and exposure, AlexNet's PCA lighting; and normalization."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from cvbench.spec.cell import Augment
from cvbench.values import Preprocessing

# Principal components of the colors of ImageNet's training images in [0, 1]: lambda and p in Krizhevsky et
# al. (2012, section 4.1), one column per component. Values from cuda-convnet, as in fb.resnet.torch.
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
    """The image with the recipe's color augmentation; unchanged if the recipe has none.

    All random numbers are drawn if any part is enabled, so that the parts do not change each other.
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
    """The offset of red, green and blue: the sum of p_i alpha_i lambda_i.

    Source: ImageNet Classification with Deep Convolutional Neural Networks, section 4.1.
    """
    added: np.ndarray = _EIGENVECTORS @ (alphas * _EIGENVALUES)
    return added.astype(np.float32)


def distorted(
    pixels: Float32[np.ndarray, "3 h w"], *, hue: float, saturation: float, exposure: float
) -> Float32[np.ndarray, "3 h w"]:
    """Shift the hue of colors in [0, 1] by a fraction of the circle, and scale saturation and value.

    The caller clips the result to [0, 1]. Clipping earlier would change the hue.

    Source: `distort_image` of darknet, `src/image.c`.
    """
    value = pixels.max(axis=0)
    spread = value - pixels.min(axis=0)
    red, green, blue = pixels
    # The sextant of the color circle, from red; gray has no hue, so any sextant is right.
    some = np.where(spread == 0, 1, spread)
    sextant = np.where(
        value == red,
        (green - blue) / some,
        np.where(value == green, 2 + (blue - red) / some, 4 + (red - green) / some),
    )
    places = (np.array([5, 3, 1], np.float32)[:, None, None] + sextant + np.float32(6 * hue)) % 6
    share = np.minimum(np.minimum(places, 4 - places), 1).clip(min=0)
    # spread = value * saturation
    turned: np.ndarray = (value - spread * np.float32(saturation) * share) * np.float32(exposure)
    return turned.astype(np.float32)


def _factor(most: float | None, share: float, *, inverse: bool) -> float:
    """Uniform in [1, `most`], inverted with probability 0.5, as in darknet."""
    factor = 1 + share * ((most or 1.0) - 1)
    return 1 / factor if inverse else factor


def normalize(images: UInt8[Tensor, "b 3 h w"], preprocessing: Preprocessing) -> Float[Tensor, "b 3 h w"]:
    """`(value / 255 - mean) / std` per channel in float32, on the images' device and in their layout.

    The batch is normalized on the device, so that one byte per value is transferred instead of four.
    """
    scale = [1 / (255 * std) for std in preprocessing.std]
    offset = [-mean / std for mean, std in zip(preprocessing.mean, preprocessing.std, strict=True)]
    values = images.float()
    if len(set(scale)) == len(set(offset)) == 1:
        values.mul_(scale[0])
        return values.add_(offset[0]) if offset[0] else values
    # Asynchronous: a synchronous copy of these six numbers would stall the device at every batch.
    factors = torch.tensor([scale, offset]).to(images.device, non_blocking=True)[:, None, :, None, None]
    return values.mul_(factors[0]).add_(factors[1])
