import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cvbench.statistics.distributions import wilson


def test_no_success_among_ten_leaves_room_for_a_quarter():
    # z^2 / (n + z^2) with z = 1.96.
    assert wilson(0, 10) == (0.0, pytest.approx(1.959963984540054**2 / (10 + 1.959963984540054**2)))


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_proportion_and_is_that_of_scipy(case):
    successes, n = case
    ours = wilson(successes, n)
    scipys = binomtest(successes, n).proportion_ci(method="wilson")
    assert ours == (pytest.approx(scipys.low, abs=1e-12), pytest.approx(scipys.high, abs=1e-12))
    assert 0 <= ours.low <= successes / n <= ours.high <= 1


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_what_is_no_proportion_is_refused(successes, n):
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(successes, n)
