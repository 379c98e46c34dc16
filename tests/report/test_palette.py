"""The colours stay apart for everyone, measured and not believed."""

from itertools import combinations

import numpy as np
import pytest

from cvbench.report.palette import COLORS, color, ink_on

# severity 1.0 of Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color
# Vision Deficiency, 2009; on linear RGB
SIGHT = {
    "full": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
    ],
}


def oklab(linear: np.ndarray) -> np.ndarray:
    """Ottosson: A perceptual color space for image processing, 2020."""
    to_lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.cbrt(linear.clip(0, 1) @ np.transpose(to_lms)) @ np.transpose(to_lab)


def seen_with(sight: str) -> np.ndarray:
    share = np.array(COLORS) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return oklab(linear @ np.transpose(SIGHT[sight]))


def nearest_pair(colors: np.ndarray) -> float:
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(colors, 2))


@pytest.mark.parametrize("sight", SIGHT)
def test_no_two_colours_are_taken_for_one_another(sight):
    # 0.02 is a just noticeable difference of large areas
    assert nearest_pair(seen_with(sight)) > 0.06


def test_the_measure_finds_colours_that_are_taken_for_one_another():
    red_and_green = np.array([[0.4, 0.05, 0.02], [0.12, 0.16, 0.02]])

    assert nearest_pair(oklab(red_and_green)) > 0.15
    assert nearest_pair(oklab(red_and_green @ np.transpose(SIGHT["no green"]))) < 0.06


def test_ten_garments_have_ten_colours_and_a_thirteenth_class_the_first_again():
    assert len(set(COLORS)) == len(COLORS) == 12
    assert color(12) == color(0)


def test_captions_are_black_on_light_and_white_on_dark():
    assert ink_on((240, 228, 66)) == (0, 0, 0)
    assert ink_on((150, 30, 75)) == (255, 255, 255)
