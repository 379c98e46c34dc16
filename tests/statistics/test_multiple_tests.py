"""Adjusted p-values, against scipy and worked examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cvbench.statistics.verdicts import benjamini_hochberg, holm

some = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(some)
def test_benjamini_hochberg_is_scipys(p):
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


@given(some)
def test_holm_rejects_what_the_step_down_procedure_rejects(p):
    rejected, order = set(), np.argsort(p, kind="stable")
    for step, place in enumerate(order):
        if p[place] * (len(p) - step) > 0.05:
            break
        rejected.add(int(place))
    assert {i for i, q in enumerate(holm(p)) if q <= 0.05} == rejected


def test_holm_as_worked_by_hand():
    # sorted 0.005 0.01 0.03 0.04, times 4 3 2 1: 0.02 0.03 0.06 0.04, never falling
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_no_tests_are_no_trouble():
    assert len(holm([])) == 0
    assert len(benjamini_hochberg([])) == 0


def test_holm_keeps_the_family_and_single_tests_do_not():
    draw = np.random.default_rng(0)
    p = draw.random((3000, 20))
    any_alarm = np.mean([(holm(row.tolist()) < 0.05).any() for row in p])
    assert any_alarm <= 0.05 + 3 * np.sqrt(0.05 / 3000)
    assert (p < 0.05).any(axis=1).mean() > 0.5
