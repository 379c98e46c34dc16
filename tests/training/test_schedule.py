import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvbench.spec.cell import TrainRecipe
from cvbench.training.step import rate


def recipe(**fields):
    return TrainRecipe(lr=1.0, **fields)


@pytest.mark.parametrize(("progress", "expected"), [(0, 1), (1 / 3, 0.75), (0.5, 0.5), (2 / 3, 0.25), (1, 0)])
def test_a_cosine_falls_along_half_a_wave(progress, expected):
    assert rate(recipe(schedule="cosine"), progress) == pytest.approx(expected)


@pytest.mark.parametrize(("progress", "expected"), [(0, 0), (0.05, 0.25), (0.2, 1), (0.6, 0.5), (1, 0)])
def test_a_cosine_begins_where_the_warm_up_ends(progress, expected):
    assert rate(recipe(schedule="cosine", warmup=0.2), progress) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("progress", "expected"), [(0, 1), (0.49, 1), (0.5, 0.1), (0.74, 0.1), (0.75, 0.01), (1, 0.01)]
)
def test_steps_fall_at_their_milestones(progress, expected):
    assert rate(recipe(schedule="step"), progress) == pytest.approx(expected)


def test_milestones_are_shares_of_the_whole_training():
    stepped = recipe(schedule="step", warmup=0.5, milestones=(0.6,), gamma=0.5)
    assert [rate(stepped, p) for p in (0.25, 0.5, 0.6)] == [0.5, 1, 0.5]


def test_constant_stays():
    assert [rate(recipe(schedule="constant"), p) for p in (0, 0.5, 1)] == [1, 1, 1]


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine"])
def test_a_warm_up_may_last_for_the_whole_training(schedule):
    assert [rate(recipe(schedule=schedule, warmup=1.0), p) for p in (0.25, 0.999)] == [0.25, 0.999]


@given(
    st.sampled_from(["constant", "step", "cosine"]),
    st.floats(0, 1),
    st.floats(0, 1, exclude_max=True),
)
def test_no_rate_is_negative_or_above_the_peak(schedule, warmup, progress):
    assert 0 <= rate(recipe(schedule=schedule, warmup=warmup), progress) <= 1


def test_a_cosine_is_torchs():
    steps = 20
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        assert rate(recipe(schedule="cosine"), step / steps) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
