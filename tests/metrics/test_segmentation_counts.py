"""Pixels are counted as one by one, however many go at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.metrics.segmentation_counts import confusion
from cvbench.values import VOID


def one_by_one(true, predicted, classes):
    table = np.zeros((classes + 1, classes + 1), np.int64)
    for t, p in zip(true.tolist(), predicted.tolist(), strict=True):
        if t != VOID:
            table[min(t, classes), min(p, classes)] += 1
    return table


def test_a_table_worked_out_by_hand():
    true = np.array([0, 0, 1, VOID, 7], np.uint8)
    predicted = np.array([0, 1, 9, 0, 1], np.uint8)
    assert confusion(true, predicted, 2).tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]


labels = st.sampled_from([0, 1, 2, 5, VOID])
runs = st.lists(st.tuples(labels, labels, st.integers(1, 20)), max_size=12)


@given(runs=runs, shift=st.integers(0, 8))
def test_runs_of_any_length_are_counted_as_one_by_one_wherever_they_begin(runs, shift):
    true, predicted = (
        np.array([label[side] for label in runs for _ in range(label[2])], np.uint8)[shift:]
        for side in (0, 1)
    )
    np.testing.assert_array_equal(confusion(true, predicted, 3), one_by_one(true, predicted, 3))


def test_all_labels_but_void_can_be_classes():
    every = np.arange(256, dtype=np.uint8)
    table = confusion(every, every, 255)
    assert table.diagonal().tolist() == [1] * 255 + [0]
    assert table.sum() == 255


@pytest.mark.parametrize("width", [8, 16, 29])
def test_rows_with_edges_at_every_place_are_counted_pixel_by_pixel(width):
    """Words of one label, of two, and of two whose edges lie apart in truth and prediction."""
    place = np.arange(width)
    edges = [(i, j) for i in range(width + 1) for j in range(width + 1)]
    true = np.concatenate([np.where(place < i, 1, 3) for i, _ in edges]).astype(np.uint8)
    predicted = np.concatenate([np.where(place < j, 3, 2) for _, j in edges]).astype(np.uint8)
    np.testing.assert_array_equal(confusion(true, predicted, 4), one_by_one(true, predicted, 4))
