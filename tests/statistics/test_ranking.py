"""Ranks and fronts that claim no more than is known."""

import numpy as np

from cvbench.statistics.verdicts import front, ranks


def beats(values, doubt):
    """Better by more than the doubt; more is better."""
    v = np.array(values)
    return v[:, None] - v[None, :] > doubt


def test_without_doubt_ranks_are_plain():
    assert ranks(beats([3, 9, 5], 0)).tolist() == [3, 1, 2]


def test_what_nothing_separates_shares_a_rank():
    assert ranks(beats([0.80, 0.79, 0.70, 0.69], 0.05)).tolist() == [1, 1, 3, 3]


def test_a_chain_of_neighbours_is_not_one_group():
    # the second cannot be told from either neighbour; the first and the third can be told apart
    assert ranks(beats([0.80, 0.77, 0.74], 0.05)).tolist() == [1, 1, 2]


def same(values):
    v = np.array(values)
    return v[:, None] == v[None, :]


def test_who_is_worse_on_both_axes_is_dominated():
    accuracy, speed = [0.8, 0.7, 0.6], [10, 20, 15]
    axes, equal = [beats(accuracy, 0), beats(speed, 0)], [same(accuracy), same(speed)]
    assert front(axes, equal).tolist() == [True, True, False]


def test_in_doubt_nobody_is_dominated():
    accuracy, speed = [0.61, 0.60], [10, 5]
    axes, equal = [beats(accuracy, 0.05), beats(speed, 0)], [same(accuracy), same(speed)]
    assert front(axes, equal).tolist() == [True, True]


def test_an_exact_tie_on_one_axis_leaves_the_other_to_decide():
    accuracy, memory = [0.8, 0.6], [-100, -100]
    axes, equal = [beats(accuracy, 0.1), beats(memory, 0)], [same(accuracy), same(memory)]
    assert front(axes, equal).tolist() == [True, False]
