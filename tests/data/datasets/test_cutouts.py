"""Silhouettes are what one sees, and scaling keeps them so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from cvbench.data.datasets.scene_composer import (
    HALO,
    SMALLEST,
    Cutouts,
    cut_out,
    fill_holes,
    scaled,
    without_lone_pixels,
)

masks = hnp.arrays(bool, st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(1, 9)))


def drawn(*rows: str) -> np.ndarray:
    """One mask: `#` is set."""
    return np.array([[[pixel == "#" for pixel in row] for row in rows]])


def test_a_hole_is_filled_and_a_bay_is_not():
    ring_and_cup = drawn(
        "####.#.#",
        "#..#.#.#",
        "####.###",
    )

    assert np.array_equal(
        fill_holes(ring_and_cup),
        drawn(
            "####.#.#",
            "####.#.#",
            "####.###",
        ),
    )


def test_a_gap_over_a_corner_does_not_open_a_hole():
    closed_over_corners = drawn(".#.", "#.#", ".#.")

    assert np.array_equal(fill_holes(closed_over_corners), drawn(".#.", "###", ".#."))


@given(masks)
def test_holes_are_those_of_scipy(masks):
    expected = [ndimage.binary_fill_holes(mask) for mask in masks]

    assert np.array_equal(np.array(expected).reshape(masks.shape), fill_holes(masks))


def test_only_pixels_without_neighbours_are_lone():
    masks = drawn("#..#.", "....#", "##..."), drawn("...#.", "....#", "##...")

    assert np.array_equal(without_lone_pixels(masks[0]), masks[1])


@given(masks)
def test_lone_pixels_are_those_that_a_window_sees_alone(masks):
    window = np.ones((1, 3, 3))
    together = ndimage.convolve(masks.astype(float), window, mode="constant") > 1 if masks.size else masks

    assert np.array_equal(masks & together, without_lone_pixels(masks))


def test_a_photograph_without_a_garment_is_left_out():
    images = np.zeros((3, 28, 28), np.uint8)
    images[0, 10:20, 10:20] = HALO  # the faint rim of something
    images[1, 10:20, 10:20] = HALO + 1
    images[2, 0:4, 0:7] = 255  # 28 pixels are too few

    cutouts = cut_out(images, np.array([0, 1, 2], np.uint8))

    assert SMALLEST > 28
    assert cutouts.labels.tolist() == [1]
    assert cutouts.solid.sum() == 100


def test_every_photograph_that_comes_along_shows_a_garment(embedded):
    for images, labels, _ in embedded.values():
        cutouts = cut_out(images, labels)

        assert len(labels) == len(cutouts.labels)
        assert (cutouts.grey[~cutouts.solid] == 0).all()
        assert (cutouts.grey == images)[cutouts.solid].all()


@pytest.fixture(scope="module")
def cutouts(embedded) -> Cutouts:
    return cut_out(*embedded["test"][:2])


def test_at_its_own_size_a_garment_is_only_cropped(cutouts):
    for index in range(50):
        piece = scaled(cutouts, index, side=28, mirrored=False)
        rows, columns = np.nonzero(cutouts.solid[index].any(1))[0], np.nonzero(cutouts.solid[index].any(0))[0]
        extent = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]

        assert np.array_equal(piece.solid, cutouts.solid[index][extent])
        assert np.array_equal(piece.grey * piece.solid, cutouts.grey[index][extent])
        assert piece.label == cutouts.labels[index]


@pytest.mark.parametrize("side", [25, 37, 56, 90])
def test_a_mirrored_garment_is_the_mirror_image(cutouts, side):
    for index in range(20):
        straight = scaled(cutouts, index, side=side, mirrored=False)
        mirrored = scaled(cutouts, index, side=side, mirrored=True)

        # a centre that lies between two parts of one is rounded down, seen from either side
        assert straight.solid.shape == mirrored.solid.shape
        assert (straight.solid != mirrored.solid[:, ::-1]).mean() < 0.02
        both = straight.solid & mirrored.solid[:, ::-1]
        difference = straight.grey.astype(int) - mirrored.grey[:, ::-1]
        assert np.abs(difference[both]).max() <= 2


def test_doubling_a_plain_square_gives_a_plain_square():
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 8:18, 4:16] = 200

    piece = scaled(cut_out(images, np.zeros(1, np.uint8)), 0, side=56, mirrored=False)

    # 10 x 12 pixels become 20 x 24; a corner pixel is covered by 3/4 in either direction: 9/16, above half
    assert piece.solid.shape == (20, 24)
    assert piece.solid.all()
    assert (piece.grey == 200).all()  # the rim is as bright as the rest


def test_an_area_grows_with_the_square_of_its_side(cutouts):
    for index in range(50):
        area = int(cutouts.solid[index].sum())
        for side in (25, 42, 56):
            scaled_area = int(scaled(cutouts, index, side=side, mirrored=False).solid.sum())

            assert scaled_area == pytest.approx(area * (side / 28) ** 2, rel=0.2)


@given(side=st.integers(12, 120), index=st.integers(0, 1999), mirrored=st.booleans())
def test_a_piece_touches_all_four_sides_of_its_frame(cutouts, side, index, mirrored):
    solid = scaled(cutouts, index, side=side, mirrored=mirrored).solid

    assert max(solid.shape) <= side
    assert solid[0].any()
    assert solid[-1].any()
    assert solid[:, 0].any()
    assert solid[:, -1].any()
