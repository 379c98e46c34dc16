"""Run lengths are those of pycocotools: encoded, parsed, measured and bounded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from cvbench.boxes.masks import area, bounds, encode, parse


def test_runs_go_down_the_columns_and_begin_with_zeros():
    masks = np.array([[[0, 1], [0, 1]], [[1, 0], [1, 1]]], bool)
    runs = encode(masks)
    assert runs.counts.tolist() == [2, 2, 0, 2, 1, 1]
    assert runs.starts.tolist() == [0, 2, 6]


@given(st.integers(0, 2**32 - 1))
def test_masks_are_encoded_measured_and_bounded_as_by_the_reference(seed):
    draw = np.random.default_rng(seed)
    shape = draw.integers(0, 4), draw.integers(1, 12), draw.integers(1, 12)
    masks = draw.random(shape) < draw.choice([0.0, 0.1, 0.5, 0.9, 1.0])
    runs = encode(masks)
    reference = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))
    texts = [entry["counts"] for entry in reference]
    starts = np.cumsum([0, *map(len, texts)])
    counts, run_starts = parse(np.frombuffer(b"".join(texts), np.uint8), starts)
    np.testing.assert_array_equal(runs.counts, counts)
    np.testing.assert_array_equal(runs.starts, run_starts)
    if len(masks):
        np.testing.assert_array_equal(area(runs), coco_mask.area(reference))
        corners = bounds(runs)
        corners[:, 2:] -= corners[:, :2]
        np.testing.assert_array_equal(corners, coco_mask.toBbox(reference))


@pytest.mark.parametrize("mask", [np.zeros((1, 3, 4), bool), np.ones((1, 3, 4), bool)])
def test_an_empty_mask_has_no_box_and_a_full_one_the_image(mask):
    full = bool(mask.any())
    assert bounds(encode(mask)).tolist() == [[0, 0, 4, 3] if full else [0, 0, 0, 0]]
    assert area(encode(mask)).tolist() == [12 if full else 0]
