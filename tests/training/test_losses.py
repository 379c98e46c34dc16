import pytest
import torch

from cvbench.errors import Diverged
from cvbench.spec.cell import TrainRecipe
from cvbench.training.batches import Order
from cvbench.training.losses import POINTS, Losses

HOST, GPU = torch.device("cpu"), torch.device("cuda")


def losses_of(steps, *, device=HOST, **recipe):
    return Losses(TrainRecipe(lr=0.1, **recipe), Order(2 * steps, 2, epochs=1, seed=0), device)


def term(value):
    return torch.tensor(float(value))


def test_a_short_training_has_a_point_for_each_step():
    losses = losses_of(2)
    losses.add(0, 0.1, {"box": term(1), "class": term(4)})
    losses.add(1, 0.05, {"box": term(2), "class": term(6)})
    curve = losses.curve()
    assert curve.step == (1, 2)
    assert curve.epoch == (0.5, 1.0)
    assert curve.lr == (0.1, 0.05)
    assert curve.terms == {"box": (1, 2), "class": (4, 6)}


def test_a_point_is_the_mean_since_the_point_before():
    losses = losses_of(2 * POINTS + 1)  # three steps a point, and two for the last
    for step in range(2 * POINTS + 1):
        losses.add(step, 0.1, {"loss": term(step)})
    curve = losses.curve()
    assert len(curve.step) == 134 <= POINTS
    assert curve.step[:2] == (3, 6)
    assert curve.step[-1] == 2 * POINTS + 1
    assert curve.terms["loss"][:2] == (1, 4)  # of 0 1 2 and of 3 4 5
    assert curve.terms["loss"][-1] == 399.5  # of 399 and 400


def test_a_loss_that_is_no_number_names_step_terms_and_remedy():
    losses = losses_of(3)
    losses.add(0, 0.1, {"box": term(1), "class": term(2)})
    with pytest.raises(Diverged) as caught:
        losses.add(1, 0.1, {"box": term("nan"), "class": term(2)})
    assert str(caught.value) == (
        "the loss became NaN or infinite at step 2 of 3 (epoch 1 of 1): box=nan, class=2.\n"
        "  Lower train.lr (it is 0.1), lengthen train.warmup (it is 0), or set train.clip, such as 1.0."
    )


def test_half_precision_is_a_suspect_of_its_own():
    losses = losses_of(3, precision="fp16", clip=1.0)
    with pytest.raises(Diverged, match="Train in bf16 or fp32 instead of fp16, or lower") as caught:
        losses.add(0, 0.1, {"loss": term("inf")})
    assert "train.clip" not in str(caught.value)


def test_losses_on_a_gpu_are_looked_at_together_and_the_first_bad_step_is_named():
    losses = losses_of(100, device=GPU)
    for step in range(31):
        losses.add(step, 0.1, {"loss": term("nan" if step >= 7 else 1)})
    assert losses.smoothed is None
    with pytest.raises(Diverged, match="at step 8 of 100"):
        losses.add(31, 0.1, {"loss": term(1)})


def test_the_curve_does_not_depend_on_when_one_looks():
    curves = []
    for device in (HOST, GPU):
        losses = losses_of(50, device=device)
        for step in range(50):
            losses.add(step, 0.1, {"loss": term(step) / 7})
        losses.look()
        curves.append((losses.curve(), losses.smoothed))
    assert curves[0] == curves[1]


def test_the_smoothed_loss_starts_at_the_first_and_follows():
    losses = losses_of(3)
    assert losses.smoothed is None
    losses.add(0, 0.1, {"a": term(3), "b": term(1)})
    assert losses.smoothed == pytest.approx(4)
    losses.add(1, 0.1, {"a": term(1), "b": term(1)})
    assert losses.smoothed == pytest.approx((0.95 * 4 + 2) / 1.95)


def test_a_term_that_comes_and_goes_is_a_mistake():
    losses = losses_of(2)
    losses.add(0, 0.1, {"a": term(1)})
    with pytest.raises(ValueError, match="had the terms"):
        losses.add(1, 0.1, {"b": term(1)})
