"""The overlap of arrays is that of tensors, to the bit, and their matching is COCO's rule without ties."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cvbench.boxes import arrays as boxes_of_arrays
from cvbench.boxes import iou, match_coco
from cvbench.boxes.arrays import intersection, match_in_turn
from tests.test_start import modules_of

COORDINATES = st.one_of(
    st.integers(-3, 12).map(float),
    st.sampled_from([np.nan, np.inf, -np.inf, -0.0, 1e-200, 1e300, -1e300]),
    st.floats(0, 50),
)
BOXES = arrays.arrays(np.float64, st.tuples(st.integers(0, 6), st.just(4)), elements=COORDINATES)


def test_an_intersection_worked_by_hand():
    # 2 x 1 shared; touching edges; a box that is inside out.
    a = np.array([[0.0, 0.0, 2.0, 2.0]])
    b = np.array([[0.0, 1.0, 5.0, 5.0], [2.0, 0.0, 4.0, 2.0], [2.0, 2.0, 0.0, 0.0]])
    assert intersection(a, b).tolist() == [[2.0, 0.0, 0.0]]


@given(a=BOXES, b=BOXES)
def test_the_overlap_of_arrays_has_the_bits_of_the_overlap_of_tensors(a, b):
    expected = iou(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    assert np.array_equal(expected, boxes_of_arrays.iou(a, b))


def test_each_row_takes_the_best_column_that_is_free():
    # The second row wants the column that the first one took; the third finds its best at the threshold.
    overlaps = np.array([[0.6, 0.7, 0.0], [0.5, 0.9, 0.4], [0.1, 0.8, 0.5], [0.9, 0.9, 0.9]])
    assert match_in_turn(overlaps, least=0.5).tolist() == [1, 0, 2, -1]
    assert match_in_turn(np.array([[0.5, 0.5]]), least=0.5).tolist() == [0]
    assert match_in_turn(np.empty((2, 0)), least=0.5).tolist() == [-1, -1]


@given(st.data(), st.integers(0, 6), st.integers(1, 6))
def test_without_ties_rows_take_the_columns_that_the_coco_rule_gives_them(data, rows, columns):
    ranks = data.draw(st.permutations(range(rows * columns)))
    overlaps = np.array(ranks, float).reshape(rows, columns) / max(rows * columns, 1)
    none = torch.zeros(1, columns, dtype=torch.bool)
    expected = match_coco(
        torch.from_numpy(overlaps),
        thresholds=torch.tensor([0.5]),
        crowd=none[0],
        ignored=none,
        outside=torch.zeros(1, rows, dtype=torch.bool),
    )
    assert match_in_turn(overlaps, least=0.5).tolist() == expected.truth[0, 0].tolist()


def test_the_overlap_of_arrays_needs_neither_torch_nor_a_compiler():
    assert not {"torch", "numba", "jaxtyping"} & modules_of("import cvbench.boxes.arrays")
