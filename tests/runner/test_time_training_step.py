"""A timed step of training is the engine's, trains something, and leaves the model as it was."""

import pytest
import torch
from torch import nn

from cvbench.errors import CellError
from cvbench.models.building import build_model
from cvbench.runner.fingerprint import fingerprint
from cvbench.runner.time_training_step import time_training_step
from cvbench.spec.cell import ModelSpec, TrainRecipe, TrainStepPlan
from cvbench.timing.figures import figures_of
from cvbench.timing.instruments import Instruments
from tests.training.toys import Net, Shades, Squares

PLAN = TrainStepPlan(batch=4, warmup=0.01, window=0.01, windows=3)
CPU = torch.device("cpu")


def timed(model, data, plan=PLAN, **recipe):
    series, peaks = time_training_step(
        model, data, plan, TrainRecipe(**recipe), device=CPU, memory_format=torch.contiguous_format,
        instruments=Instruments(),
    )  # fmt: skip
    return {figure.name: figure for figure in (*figures_of(series), *peaks)}


def test_it_tells_images_a_second_the_parts_and_the_memory():
    figures = timed(Net().eval(), Shades())
    names = {"train_throughput", "train_forward_p50", "train_backward_p50", "train_update_p50"}
    assert figures.keys() == {*names, "train_peak_memory"}
    assert all(figures[name].value > 0 for name in names)
    assert figures["train_throughput"].protocol == "train-step/windows/no-step-sync/1-process"


@pytest.mark.full
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_model_is_left_bit_for_bit_as_it_was_found(optimizer):
    model = Net().eval()
    before = fingerprint(model)
    timed(model, Shades(), optimizer=optimizer, lr=0.1)
    assert fingerprint(model) == before
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.full
def test_that_would_not_be_so_if_nothing_were_put_back(monkeypatch):
    from contextlib import nullcontext

    monkeypatch.setattr("cvbench.runner.time_training_step._borrowed", lambda *_: nullcontext())
    model = Net().eval()
    before = fingerprint(model)
    timed(model, Shades())
    assert fingerprint(model) != before


class Frozen(Net):
    """A model whose loss does not depend on what it learns with."""

    def loss(self, outputs, truths):
        return {"nothing": 0 * outputs.sum()}


def test_steps_without_a_gradient_are_no_training():
    with pytest.raises(CellError, match="every gradient is zero after three steps: nothing is trained"):
        timed(Frozen().eval(), Shades(), weight_decay=0.0)


def test_steps_that_move_no_weight_are_no_training():
    with pytest.raises(CellError, match="no weight has moved in three steps: nothing is trained"):
        timed(Net().eval(), Shades(), lr=1e-60, weight_decay=0.0, momentum=0.0)


class Greedy(Net):
    def loss(self, outputs, truths):
        return {"huge": torch.empty(1 << 55).sum() + outputs.sum()}


def test_memory_that_does_not_suffice_is_an_outcome_of_its_own():
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        timed(Greedy().eval(), Shades())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("yolo_v3_tiny", {"size": 64, "width": 0.125}),
        pytest.param("faster_rcnn_resnet18_fpn", {"size": 64}, marks=pytest.mark.full),
    ],
)
def test_detectors_are_trained_on_the_boxes_of_their_data(name, options):
    torch.manual_seed(0)
    model = build_model(ModelSpec(name=name, options=options), 1)
    assert isinstance(model, nn.Module)
    model.eval()
    before = fingerprint(model)
    with torch.inference_mode():  # what is cached while scoring must not come in the way
        model(torch.zeros(1, 3, 64, 64))
    figures = timed(model, Squares(), TrainStepPlan(batch=2, warmup=0.01, window=0.01, windows=1))
    assert figures["train_throughput"].value > 0
    assert fingerprint(model) == before
