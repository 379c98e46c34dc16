from cvbench.cli.plan import Forecast, forecast, total
from cvbench.spec.cell import TimingPlan, TrainRecipe
from tests.records import NOWHERE, bad, cell, good

HERE = NOWHERE.hard


def test_the_same_cell_is_told_by_the_median_of_its_records():
    records = [good(cell()).model_copy(update={"wall_s": wall_s}) for wall_s in (10.0, 12.0, 50.0)]
    assert forecast(cell(), records, HERE) == Forecast(12.0, "this cell before")


def test_failures_and_other_machines_tell_nothing():
    assert forecast(cell(), [bad(cell())], HERE).wall_s is None
    assert forecast(cell(), [good(cell())], {"cpu": "another"}) == Forecast(None, "never run here")


def test_another_number_of_epochs_scales_the_training_alone():
    longer = cell().model_copy(update={"train": TrainRecipe(epochs=20)})  # twice; 9 of 12 s were training
    assert forecast(longer, [good(cell())], HERE) == Forecast(21.0, "this model with other settings")


def test_more_rounds_scale_timing_and_imports_alone():
    once, thrice = cell(time=TimingPlan(rounds=1)), cell(time=TimingPlan(rounds=3))
    record = good(once).model_copy(update={"spent": {"import": 2.0, "time": 3.0, "train": 7.0}})
    assert forecast(thrice, [record], HERE).wall_s == 12.0 + 2 * 5.0


def test_another_model_tells_nothing():
    assert forecast(cell("vgg16"), [good(cell())], HERE).wall_s is None


def test_what_is_unknown_is_counted():
    assert total([Forecast(3.0, ""), Forecast(None, ""), Forecast(4.0, "")]) == (7.0, 1)
