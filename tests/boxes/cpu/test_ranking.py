import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cvbench.boxes.cpu.sorting import ranked


def test_ranks_worked_by_hand():
    scores = np.array([0.5, np.nan, -1.0, np.inf, 0.5, -np.inf, -0.0, 0.0])
    assert ranked(scores).tolist() == [3, 0, 4, 6, 7, 2, 5]


@pytest.mark.parametrize("width", [32, 64])
@settings(deadline=None)
@given(data=st.data())
def test_ranks_are_those_of_a_stable_sort(width, data):
    values = st.one_of(st.floats(width=width), st.sampled_from([0.0, -0.0, 1.0, np.nan]))
    dtype = np.dtype(f"float{width}")
    scores = data.draw(arrays.arrays(dtype, st.integers(0, 60), elements=values))
    numbers = np.flatnonzero(~np.isnan(scores))
    expected = numbers[np.argsort(-scores[numbers], kind="stable")]
    assert expected.tolist() == ranked(scores).tolist()


def test_many_scores_are_ranked_as_few_are():
    scores = np.random.default_rng(0).standard_normal(100_000).astype(np.float32)
    assert np.array_equal(np.argsort(-scores, kind="stable"), ranked(scores))
