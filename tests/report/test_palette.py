"""The colors stay apart with every kind of color vision."""

from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

from cvbench.report.palette import COLORS, LINES, LINES_ON_DARK, as_hex, color, ink_on, line_styles, map_color

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
def test_no_two_colors_are_taken_for_one_another(sight):
    # 0.02 is a just noticeable difference of large areas
    assert nearest_pair(seen_with(sight)) > 0.06


def test_the_measure_finds_colors_that_are_taken_for_one_another():
    red_and_green = np.array([[0.4, 0.05, 0.02], [0.12, 0.16, 0.02]])

    assert nearest_pair(oklab(red_and_green)) > 0.15
    assert nearest_pair(oklab(red_and_green @ np.transpose(SIGHT["no green"]))) < 0.06


def test_ten_garments_have_ten_colors_and_a_thirteenth_class_the_first_again():
    assert len(set(COLORS)) == len(COLORS) == 12
    assert color(12) == color(0)


def luminance(code: str) -> float:
    """Relative luminance by WCAG 2."""
    share = np.array([int(code[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize(("colors", "paper"), [(LINES, "#ffffff"), (LINES_ON_DARK, "#14171b")])
def test_lines_have_contrast_with_their_paper(colors, paper):
    for one in colors:
        low, high = sorted((luminance(one), luminance(paper)))
        assert (high + 0.05) / (low + 0.05) >= 3, "WCAG 2.1, 1.4.11"


def test_the_page_has_the_line_colors_of_the_palette_and_no_others():
    assert f"--c7:{LINES[7]}" in line_styles()
    assert f"--c7:{LINES_ON_DARK[7]}" in line_styles()
    style = (files("cvbench.report.page") / "templates/style.css").read_text()
    assert "--c0:" not in style


def test_label_maps_have_the_colors_of_the_classes_of_detection():
    assert [map_color(label) for label in (1, 13)] == [color(0), color(0)]
    assert len({map_color(0), map_color(255), *COLORS}) == 14
    assert as_hex(map_color(255)) == "#e0e0e0"


def test_captions_are_black_on_light_and_white_on_dark():
    assert ink_on((240, 228, 66)) == (0, 0, 0)
    assert ink_on((150, 30, 75)) == (255, 255, 255)
