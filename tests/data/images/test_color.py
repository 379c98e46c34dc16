import colorsys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvbench.data.images.augmentation import seeded_generator
from cvbench.data.images.color import _EIGENVECTORS, distorted, recolored, shift
from cvbench.spec.cell import Augment

PARTS = {"hue": 0.1, "saturation": 1.5, "exposure": 1.5, "lighting": 0.1}


def noise(height=8, width=9):
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=draw)


def column(*rgb):
    return np.array(rgb, np.float32)[:, None, None]


def test_red_turned_by_a_third_of_the_circle_is_green():
    turned = distorted(column(1, 0, 0), hue=1 / 3, saturation=1, exposure=1)
    np.testing.assert_allclose(turned[:, 0, 0], [0, 1, 0], atol=1e-6)


def test_a_colour_without_saturation_is_grey_and_stays_grey_at_any_hue():
    # (0.2, 0.4, 0.8): its value is 0.8
    grey = distorted(column(0.2, 0.4, 0.8), hue=0, saturation=0, exposure=1)
    np.testing.assert_allclose(grey[:, 0, 0], [0.8, 0.8, 0.8], atol=1e-6)
    turned = distorted(grey, hue=0.4, saturation=1.5, exposure=0.5)
    np.testing.assert_allclose(turned[:, 0, 0], [0.4, 0.4, 0.4], atol=1e-6)


@given(
    st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=9),
    st.floats(-0.5, 0.5),
    st.floats(0.5, 1),
    st.floats(0.5, 1),
)
def test_colours_are_distorted_as_pythons_own_conversion_does(colors, hue, saturation, exposure):
    # factors up to 1, where nothing leaves the range that `colorsys` knows
    pixels = np.array(colors, np.float32).T[:, None] / 255
    expected = []
    for rgb in pixels[:, 0].T.tolist():
        h, s, v = colorsys.rgb_to_hsv(*rgb)
        expected.append(colorsys.hsv_to_rgb((h + hue) % 1, s * saturation, v * exposure))
    found = distorted(pixels, hue=hue, saturation=saturation, exposure=exposure)
    np.testing.assert_allclose(found[:, 0].T, expected, atol=1e-5)


def test_the_principal_components_stand_at_right_angles():
    np.testing.assert_allclose(_EIGENVECTORS.T @ _EIGENVECTORS, np.eye(3), atol=1e-3)


def test_a_shift_goes_along_the_components_by_their_eigenvalues():
    # 0.1 * 0.2175 * (-0.5675, -0.5808, -0.5836), the way from light to dark
    np.testing.assert_allclose(shift(np.array([0.1, 0, 0])), [-0.01234313, -0.0126324, -0.0126933], atol=1e-7)


def test_alexnets_noise_is_one_shift_for_the_whole_image():
    image = torch.full((3, 4, 5), 128, dtype=torch.uint8)
    recipe = Augment(lighting=0.5)
    shifts = set()
    for index in range(20):
        seen = recolored(image, recipe, seeded_generator("test", index))
        assert (seen == seen[:, :1, :1]).all()
        shifts.add(tuple(seen[:, 0, 0].tolist()))
    assert len(shifts) > 10


@pytest.mark.parametrize("recipe", [Augment(), Augment(scale=(0.5, 2.0), shift=0.5, aspect=1.5)])
def test_an_image_for_which_no_colours_are_asked_is_handed_on(recipe):
    image = noise()
    assert recolored(image, recipe, seeded_generator("test", 0)) is image


@pytest.mark.parametrize("part", [{"hue": 0.0}, {"saturation": 1.0}, {"exposure": 1.0}, {"lighting": 0.0}])
def test_noise_of_no_size_changes_no_byte(part):
    assert torch.equal(recolored(noise(), Augment(**part), seeded_generator("test", 0)), noise())


@pytest.mark.parametrize("part", PARTS)
def test_each_part_changes_colours_and_the_same_draws_change_them_alike(part):
    recipe = Augment(**{part: PARTS[part]})
    first, again = (recolored(noise(), recipe, seeded_generator("test", 3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, noise())


def test_brightness_is_multiplied_as_often_as_divided():
    image = torch.full((3, 2, 2), 100, dtype=torch.uint8)
    recipe = Augment(exposure=1.5)
    seen = [int(recolored(image, recipe, seeded_generator("test", index))[0, 0, 0]) for index in range(400)]
    assert min(seen) >= 67  # 100 / 1.5
    assert max(seen) <= 150
    assert 140 < sum(value > 100 for value in seen) < 260


def test_switching_one_part_off_leaves_the_draws_of_the_others():
    both = recolored(noise(), Augment(hue=0.0, lighting=0.3), seeded_generator("test", 1))
    assert torch.equal(both, recolored(noise(), Augment(lighting=0.3), seeded_generator("test", 1)))
