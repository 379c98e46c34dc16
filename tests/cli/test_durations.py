import pytest

from cvbench.cli.durations import Forecast, expected, forecast, planned_s
from cvbench.spec.cell import TimingPlan, TrainRecipe
from tests.records import NOWHERE, bad, cell, good

HERE = NOWHERE.hard
SUM = (
    "about 3.00 s for what ran before, and at least 9.00 s for 1 cell that never ran here "
    "(timing and starting processes); scoring: unknown"
)


def test_the_same_cell_is_told_by_the_median_of_its_records():
    records = [good(cell()).model_copy(update={"wall_s": wall_s}) for wall_s in (10.0, 12.0, 50.0)]
    assert forecast(cell(), records, HERE) == Forecast(12.0, "this cell before")


def test_failures_and_other_machines_tell_nothing():
    assert forecast(cell(), [bad(cell())], HERE).wall_s is None
    assert forecast(cell(), [good(cell())], {"cpu": "another"}).by == "never run here"


def test_another_number_of_epochs_scales_the_training_alone():
    longer = cell().model_copy(update={"train": TrainRecipe(epochs=20)})  # twice; 9 of 12 s were training
    assert forecast(longer, [good(cell())], HERE) == Forecast(21.0, "this model with other settings")


def test_more_rounds_scale_timing_and_imports_alone():
    once, thrice = cell(time=TimingPlan(rounds=1)), cell(time=TimingPlan(rounds=3))
    record = good(once).model_copy(update={"spent": {"import": 2.0, "time": 3.0, "train": 7.0}})
    assert forecast(thrice, [record], HERE).wall_s == 12.0 + 2 * 5.0


def test_another_model_tells_nothing():
    assert forecast(cell("vgg16"), [good(cell())], HERE).wall_s is None


def test_a_part_of_the_images_scales_the_training():
    part = cell().model_copy(update={"train": TrainRecipe(epochs=10, limit=2500)})  # half of 5,000
    assert forecast(part, [good(cell())], HERE).wall_s == 12.0 - 4.5


@pytest.mark.parametrize(
    ("plan", "seconds"),
    [
        (None, 5),
        ({"latency": {"warmup": 1, "duration": 4}, "throughput": None}, 5 + 3 + 4),
        ({"latency": None, "throughput": {"batch": [1, 2], "warmup": 1, "window": 2, "windows": 3}}, 5 + 14),
        ({"latency": {"warmup": 1, "duration": 4}, "throughput": None, "rounds": 3}, 4 * 5 + 3 * 7),
        ({"latency": None, "throughput": None, "end_to_end": {"window": 1, "windows": 5}}, 5 + 20),
        ({"latency": {}, "throughput": None, "budget": 30}, 5 + 30),
    ],
)
def test_a_plan_says_the_least_that_a_cell_takes(plan, seconds):
    timing = None if plan is None else TimingPlan.model_validate(plan)
    assert planned_s(cell(time=timing)) == seconds


def test_a_cell_that_never_ran_says_what_is_known_and_what_is_not():
    told = forecast(cell(), [], HERE)
    assert (told.wall_s, told.least_s, told.shown) == (None, 5.0, "≥ 5.00 s")
    assert told.unknown == "training of 10 epochs x 5,000 images and scoring of 2,000 images"
    assert forecast(cell(data="pkg:own"), [], HERE).unknown == "training of 10 epochs and scoring"


@pytest.mark.parametrize(
    ("forecasts", "told"),
    [
        ([Forecast(150.0, ""), Forecast(0.0, "")], "about 2 min 30 s"),
        ([Forecast(0.0, "")], "nothing to do"),
        (
            [Forecast(3.0, ""), Forecast(None, "", 9.0, "scoring")],
            SUM,
        ),
    ],
)
def test_the_sum_is_told_before_a_run(forecasts, told):
    assert expected(forecasts) == told
