"""McNemar's mid-p and the paired intervals, against published examples and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cvbench.statistics.distributions import Interval, wilson
from cvbench.statistics.paired_accuracy import (
    Flips,
    detectable_difference,
    flips,
    mcnemar_midp,
    square_and_add,
    tango,
)

counts = st.integers(0, 60)


@pytest.mark.parametrize(
    ("lost", "gained", "published"),
    [
        (7, 1, 0.039),  # airway reactivity before and after stem cells
        (16, 6, 0.035),  # complete response before and after consolidation
    ],
)
def test_two_sided_mid_p_is_as_published(lost, gained, published):
    # Fagerland, Lydersen and Laake 2013, table 5
    assert round(2 * mcnemar_midp(lost, gained), 3) == published


@given(lost=counts, gained=counts)
def test_mid_p_is_the_exact_binomial_tail_less_half_of_what_was_seen(lost, gained):
    seen = stats.binom(lost + gained, 0.5)
    assert mcnemar_midp(lost, gained) == pytest.approx(seen.sf(lost) + seen.pmf(lost) / 2, abs=1e-12)


@given(lost=counts, gained=counts)
def test_the_two_sides_of_the_mid_p_make_a_whole(lost, gained):
    assert mcnemar_midp(lost, gained) + mcnemar_midp(gained, lost) == pytest.approx(1, abs=1e-12)


def test_tangos_interval_is_as_published():
    # 1 gained and 7 lost of 21: -0.517 to -0.026 (Fagerland, Lydersen and Laake 2014)
    assert [round(end, 3) for end in tango(Flips(lost=7, gained=1, n=21))] == [-0.517, -0.026]


@given(lost=counts, gained=counts, rest=st.integers(1, 200))
def test_tangos_interval_holds_the_difference_and_mirrors(lost, gained, rest):
    counted = Flips(lost, gained, lost + gained + rest)
    low, high = tango(counted)
    assert -1 <= low <= counted.difference <= high <= 1
    mirrored = tango(Flips(gained, lost, counted.n))
    assert (low, high) == pytest.approx((-mirrored.high, -mirrored.low), abs=1e-9)


def test_no_flip_leaves_room_for_some():
    low, high = tango(Flips(0, 0, 1000), confidence=0.99)
    # with no flips the score interval is z² / (n + z²) to either side
    z2 = stats.norm.ppf(0.995) ** 2
    assert high == pytest.approx(z2 / (1000 + z2), rel=1e-6)
    assert low == pytest.approx(-high, rel=1e-6)


def test_intervals_hold_the_truth_as_often_as_they_say():
    draw = np.random.default_rng(1)
    n, runs = 400, 1000
    lost, gained = draw.multinomial(n, [0.04, 0.03, 0.93], runs).T[:2]
    held = sum(
        low <= -0.01 <= high
        for low, high in (tango(Flips(int(b), int(c), n)) for b, c in zip(lost, gained, strict=True))
    )
    assert 0.93 < held / runs < 0.975


def planted(draw, *, n=10_000, drop=0.005, churn=0.015):
    """A model that loses `drop` of the images for good, and changes its mind on some more, evenly."""
    fate = draw.choice(4, n, p=[drop, churn / 2, churn / 2, 1 - drop - churn])
    before = draw.random(n) < 0.75
    before[fate <= 1], before[fate == 2] = True, False
    now = np.where(fate <= 1, False, np.where(fate == 2, True, before))
    return before, now


def share_found(judge, runs=300, **of):
    draw = np.random.default_rng(5)
    return np.mean([judge(*planted(draw, **of)) for _ in range(runs)])


def paired(before, now):
    counted = flips(before, now)
    return mcnemar_midp(counted.lost, counted.gained) < 0.005


def unpaired(before, now):
    """What a tool does that has two accuracies and forgot which image was which."""
    n = len(before)
    return (
        stats.norm.sf((before.mean() - now.mean()) / math.sqrt(2 * before.mean() * (1 - before.mean()) / n))
        < 0.005
    )


def test_a_planted_loss_of_half_a_point_is_found_by_pairs():
    assert share_found(paired) >= 0.8
    assert share_found(paired, drop=0.01, churn=0.04) >= 0.95


def test_without_pairs_it_is_not_found():
    assert share_found(unpaired) < 0.2


def test_churn_alone_is_no_loss():
    assert share_found(paired, runs=1000, drop=0.0) <= 0.005 + 3 * math.sqrt(0.005 / 1000)


def test_what_could_have_been_seen_is_seen_with_the_promised_power():
    # 2 % of 10,000 images flip: the smallest loss is 4.22 standard errors of 0.14 points
    least = detectable_difference(Flips(100, 99, 10_000), alpha=0.005)
    assert least == pytest.approx((2.5758 + 1.6449) * math.sqrt(0.02 / 10_000), rel=1e-4)


def test_two_wilson_intervals_make_newcombes():
    # 56/70 against 48/80: 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)
    made = square_and_add(48 / 80, wilson(48, 80), 56 / 70, wilson(56, 70))
    assert [round(end, 4) for end in made] == [0.0524, 0.3339]


def test_figures_that_are_known_exactly_differ_by_exactly_that():
    assert square_and_add(2.0, Interval(2.0, 2.0), 5.0, Interval(5.0, 5.0)) == Interval(3.0, 3.0)
