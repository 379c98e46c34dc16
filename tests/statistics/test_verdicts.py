"""Every region of the plane of effect and doubt has its word."""

import pytest

from cvbench.statistics.distributions import Interval
from cvbench.statistics.verdicts import VerdictRule, Worsening, decide, is_no_worse

RULE = VerdictRule(margin=0.01, gate=0.03, equal=0.05, alpha=0.005)


def loss(estimate, low, high, p_worse=1.0, p_better=1.0):
    return Worsening(estimate, Interval(low, high), p_worse, p_better)


@pytest.mark.parametrize(
    ("seen", "word", "passes"),
    [
        (loss(0.08, 0.06, 0.10, p_worse=0.001), "worse", False),
        (loss(0.08, 0.06, 0.10, p_worse=0.006), "inconclusive", False),  # one of many tests
        (loss(0.025, 0.015, 0.035, p_worse=0.001), "same", True),  # beyond doubt, and of no interest
        (loss(0.03, 0.015, 0.045, p_worse=0.001), "worse", False),
        (loss(-0.08, -0.10, -0.06, p_better=0.001), "better", True),
        (loss(0.0, -0.02, 0.02), "same", True),
        (loss(0.0, -0.2, 0.2), "inconclusive", False),
        (loss(-0.05, -0.09, -0.01), "inconclusive", True),  # cannot tell whether better, but no loss
        (loss(0.02, -0.02, 0.05), "inconclusive", False),  # the limit itself is not within
    ],
)
def test_words(seen, word, passes):
    assert decide(seen, RULE) == word
    assert is_no_worse(seen, RULE) == passes
