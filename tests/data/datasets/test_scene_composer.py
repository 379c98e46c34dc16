"""Scenes keep their promises on occlusion and place, and come out the same everywhere."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.data.datasets.scene_composer import (
    FEWEST,
    MOST,
    Canvas,
    Chance,
    Cutouts,
    Piece,
    compose,
    cut_out,
)


@pytest.fixture(scope="module")
def cutouts(embedded) -> Cutouts:
    return cut_out(*embedded["test"][:2])


def block(height: int, width: int, label: int = 0) -> Piece:
    return Piece(np.full((height, width), 200, np.uint8), np.ones((height, width), bool), label)


def empty(occlusion: float, size: int = 20) -> Canvas:
    return Canvas(np.zeros((size, size), np.uint8), occlusion=occlusion)


def test_a_garment_may_hide_exactly_the_stated_share():
    # 4 of the 16 pixels are a quarter
    lies, refused = empty(0.25), empty(0.24)

    assert lies.put(block(4, 4), 0, 0)
    assert refused.put(block(4, 4), 0, 0)
    assert lies.put(block(2, 2), 0, 0)
    assert not refused.put(block(2, 2), 0, 0)


def test_what_several_hide_of_one_is_added_up():
    canvas = empty(0.25)
    canvas.put(block(4, 4), 0, 0)

    assert canvas.put(block(1, 4), 0, 0)  # hides 4 of 16
    assert not canvas.put(block(1, 1), 0, 3)  # would hide a fifth
    assert canvas.put(block(1, 1), 0, 0)  # hides one of the second garment's four, none of the first


def test_a_refused_garment_leaves_nothing_behind():
    canvas = empty(0.0)
    canvas.put(block(4, 4), 0, 0)
    before = canvas.grey.copy(), canvas.owners.copy()

    assert not canvas.put(block(9, 9, label=5), 3, 3)
    scene = canvas.scene()
    assert np.array_equal(before[0], scene.grey)
    assert np.array_equal(before[1], scene.owners)
    assert scene.labels.tolist() == [0]


def test_boxes_and_areas_are_those_of_what_is_seen():
    canvas = empty(0.5)
    canvas.put(block(4, 4, label=3), 2, 6)
    canvas.put(block(4, 2, label=7), 1, 6)  # covers the left column of the first

    scene = canvas.scene()

    assert scene.labels.tolist() == [3, 7]
    assert scene.boxes.tolist() == [[3, 6, 6, 10], [1, 6, 3, 10]]
    assert scene.areas.tolist() == [12, 8]


def test_garments_that_find_no_room_lie_in_opposite_corners(cutouts, monkeypatch):
    monkeypatch.setattr("cvbench.data.datasets.scene_composer._TRIES", 0)

    for key in range(100):
        scene = compose(cutouts, key=str(key), size=64, occlusion=0.0)
        (left, top, *_), (*_, right, bottom) = scene.boxes.tolist()

        assert (left, top, right, bottom) == (0, 0, 64, 64)
        assert len(scene.labels) == FEWEST


@given(key=st.text(max_size=8), size=st.integers(64, 200), occlusion=st.floats(0, 0.99))
def test_every_scene_keeps_its_promises(cutouts, key, size, occlusion):
    scene = compose(cutouts, key=key, size=size, occlusion=occlusion)
    masks = scene.masks()

    assert FEWEST <= len(scene.labels) <= MOST
    assert scene.grey.shape == scene.owners.shape == (size, size)
    assert scene.areas.tolist() == masks.sum((1, 2)).tolist()
    for mask, (left, top, right, bottom) in zip(masks, scene.boxes.tolist(), strict=True):
        rows, columns = np.nonzero(mask)
        assert (left, top, right, bottom) == (
            columns.min(),
            rows.min(),
            columns.max() + 1,
            rows.max() + 1,
        )


@pytest.mark.parametrize("occlusion", [0.0, 0.2, 0.4, 0.9])
def test_no_garment_is_hidden_by_more_than_the_stated_share(cutouts, monkeypatch, occlusion):
    laid: list[tuple[Piece, int, int]] = []
    put = Canvas.put

    def watched(self, piece, x, y):
        done = put(self, piece, x, y)
        if done:
            laid.append((piece, x, y))
        return done

    monkeypatch.setattr(Canvas, "put", watched)
    shares = []
    for key in range(100):
        laid.clear()
        scene = compose(cutouts, key=str(key), size=128, occlusion=occlusion)
        assert len(laid) == len(scene.labels)
        for at, (piece, x, y) in enumerate(laid):
            whole = np.zeros((128, 128), bool)
            whole[y : y + piece.solid.shape[0], x : x + piece.solid.shape[1]] = piece.solid
            shares.append(1 - int((whole & (scene.owners == at + 1)).sum()) / int(whole.sum()))

    assert max(shares) <= occlusion
    assert max(shares) >= occlusion * 0.8  # the bound is used


def test_garments_are_drawn_evenly(cutouts):
    scenes = [compose(cutouts, key=str(key), size=128, occlusion=0.4) for key in range(400)]
    labels = np.concatenate([scene.labels for scene in scenes])
    counts = np.bincount([len(scene.labels) for scene in scenes])

    assert np.bincount(labels).min() > 0.7 * len(labels) / 10
    assert counts[FEWEST : MOST + 1].min() > 0.7 * 400 / 5


def test_the_background_is_dark_and_nearly_even(cutouts):
    for key in range(50):
        scene = compose(cutouts, key=str(key), size=96, occlusion=0.4)
        background = scene.grey[scene.owners == 0]

        assert background.max() <= 36 + 24
        assert int(background.max()) - int(background.min()) <= 2 * 24


@given(key=st.text(), low=st.integers(-9, 9), width=st.integers(0, 20))
def test_chance_stays_within_its_bounds(key, low, width):
    chance = Chance(key)

    assert all(low <= chance.between(low, low + width) <= low + width for _ in range(20))


def test_the_sequence_that_everything_rests_on_is_that_of_python():
    # if Python ever broke its promise, this says so first
    random = Random("cvbench")

    assert [random.random() for _ in range(3)] == [0.4460107234523901, 0.9516801090707666, 0.7764138403606555]
