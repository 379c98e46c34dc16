"""What is timed of a model: on what inputs, and what makes a record say that it could not be."""

import pytest
import torch

from cvbench.errors import CellError
from cvbench.runner import time_model
from cvbench.runner.inference import POOL, Inference, input_pool
from cvbench.runner.time_model import Timed, monitoring, time_inference
from cvbench.spec.cell import (
    EnergyPlan,
    LatencyPlan,
    Runtime,
    ThroughputPlan,
    TimingPlan,
    TrainRecipe,
    TrainStepPlan,
)
from cvbench.timing.figures import figures_of
from tests.training.toys import Net, Shades

CPU = torch.device("cpu")
QUICK = LatencyPlan(warmup=0.01, duration=0.05, iterations=20)
PLAN = TimingPlan(latency=QUICK, throughput=None)


def of(model):
    return Inference.of(model, Runtime(), CPU)


def timed(model, plan=PLAN, data=None, **options):
    return time_inference(of(model), data or Shades(), plan, on_step=lambda _: None, **options)


def figures(found: Timed):
    return {figure.name: figure for figure in (*figures_of(found.series), *found.readings)}


def assert_sound(pool):
    """Inputs whose values decide neither power nor branches: different, and none of them constant."""
    assert len(pool) == POOL >= 8
    assert all(batch.std() > 0.01 for batch in pool)
    assert len({batch.sum().item() for batch in pool}) == POOL


def test_inputs_are_eight_different_batches_of_real_images():
    assert_sound(input_pool(of(Net()), Shades(count=16), batch=2))


@pytest.mark.parametrize("constant", [torch.zeros, torch.ones])
def test_a_harness_that_gives_zeros_is_found_out_by_the_test_above(constant):
    with pytest.raises(AssertionError):
        assert_sound([constant(2, 3, 8, 8) for _ in range(POOL)])


def test_a_small_data_set_comes_round_again():
    pool = input_pool(of(Net()), Shades(count=3), batch=2)
    assert [len(batch) for batch in pool] == [2] * POOL


class Broken(Net):
    """Returns NaN for bright images."""

    def forward(self, images):
        found = super().forward(images)
        return torch.where(images.mean() > 0, torch.nan, found)


def test_outputs_that_are_no_numbers_are_not_timed():
    with pytest.raises(CellError, match=r"the outputs for input \d of 8 have NaN values"):
        timed(Broken())


class Growing(Net):
    """Gives one more value at each call."""

    calls = 2

    def forward(self, images):
        self.calls += 1
        return super().forward(images)[:, :1].expand(-1, self.calls)


def test_outputs_that_change_their_shape_are_not_timed():
    with pytest.raises(CellError, match="two calls with one input gave outputs of different shapes") as error:
        timed(Growing())
    assert "must return the same shapes for the same input" in str(error.value)


class Greedy(Net):
    """Wants more memory than there is, for more than two images."""

    def forward(self, images):
        if len(images) > 2:
            torch.empty(1 << 55)
        return super().forward(images)


def test_a_batch_that_does_not_fit_is_a_result_and_the_others_are_measured():
    plan = ThroughputPlan(batch=(1, 2, 4, 8), warmup=0.01, window=0.01, windows=3)
    found = timed(Greedy(), TimingPlan(latency=None, throughput=plan))
    rates = {figure.at: figure for figure in figures_of(found.series) if figure.name == "throughput"}
    assert rates["batch=1"].value > 0
    assert rates["batch=2"].value > 0
    for at in ("batch=4", "batch=8"):
        assert rates[at].missing.startswith("out of memory: ")
    assert found.worn


def test_where_no_image_fits_it_is_an_error():
    plan = ThroughputPlan(batch=(4,), warmup=0.01, window=0.01, windows=3)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        timed(Greedy(), TimingPlan(latency=None, throughput=plan))


def test_a_gpu_that_nobody_can_follow_is_said(monkeypatch):
    monkeypatch.setattr(time_model, "why_not", lambda: "NVML: Driver Not Loaded")
    found = Timed()
    with monitoring(torch.device("cuda"), found) as monitor:
        monitor.begin()
        monitor.end()
    assert found.cautions == ["the GPU was not monitored: NVML: Driver Not Loaded"]


def test_where_no_counter_of_energy_is_the_figure_is_missing_with_the_reason(monkeypatch):
    monkeypatch.setattr(time_model, "counter_of", lambda device: "no energy counter: none here")
    found = timed(Net(), TimingPlan(latency=None, throughput=None, energy=EnergyPlan(batch=2)))
    figure = figures(found)["energy_per_image"]
    assert (figure.value, figure.missing, figure.at) == (None, "no energy counter: none here", "batch=2")


def test_energy_is_measured_where_there_is_a_counter(monkeypatch):
    class FakeCounter:
        covers = "a counter"
        joules_so_far = 0.0

        def joules(self):
            self.joules_so_far += 10.0
            return self.joules_so_far

    monkeypatch.setattr(time_model, "counter_of", lambda device: FakeCounter())
    plan = EnergyPlan(batch=2, warmup=0.01, window=1.0, windows=1)
    found = figures(timed(Net(), TimingPlan(latency=None, throughput=None, energy=plan)))
    assert found["power"].value > found["energy_per_image"].value > 0


def test_a_step_of_training_is_timed_by_the_cells_recipe():
    plan = TimingPlan(
        latency=None,
        throughput=None,
        train_step=TrainStepPlan(batch=4, warmup=0.01, window=0.01, windows=3),
    )
    found = figures(timed(Net(), plan, recipe=TrainRecipe(optimizer="adamw")))
    assert found["train_throughput"].value > 0
    assert found["train_peak_memory"].at == "batch=4"


class Insatiable(Net):
    def loss(self, outputs, truths):
        return {"huge": torch.empty(1 << 55).sum()}


def test_a_step_of_training_that_does_not_fit_is_a_result():
    found = timed(Insatiable(), TimingPlan(latency=None, throughput=None, train_step=TrainStepPlan(batch=4)))
    assert figures(found)["train_throughput"].missing.startswith("out of memory: ")
    assert found.worn
