"""Candidates are in one order, however many there are and however many are equal."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.boxes.cpu.coco_overlap import FEW, put_best_first


@given(st.lists(st.sampled_from([0.5, 0.6, 0.75, 1.0]), max_size=3 * FEW))
def test_the_best_stand_first_and_the_later_one_first_among_equals(overlaps):
    ious, partners = np.array([9.0, *overlaps, 9.0]), np.arange(-1, len(overlaps) + 1)
    put_best_first(partners, ious, 1, len(overlaps) + 1)
    expected = sorted(range(len(overlaps)), key=lambda g: (-overlaps[g], -g))
    assert partners.tolist() == [-1, *expected, len(overlaps)]
    assert ious.tolist() == [9.0, *sorted(overlaps, reverse=True), 9.0]


@pytest.mark.full
def test_equal_boxes_take_no_quadratic_time():
    def seconds(n):
        partners, ious = np.arange(n), np.full(n, 0.75)
        began = time.process_time()
        put_best_first(partners, ious, 0, n)
        return time.process_time() - began

    seconds(100)
    assert seconds(1 << 21) < 60  # one by one it would be a quarter of an hour
