"""What a suite's cells are: settings merged field by field, then the product of all lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.errors import SuiteError
from cvbench.spec.cell import DataSpec, Runtime, TimingPlan, TrainRecipe
from cvbench.spec.suite import parse_suite
from cvbench.spec.suite.expansion import merged


def cells(text):
    return parse_suite(text, path="a.yaml").cells


def one(entry, suite="data: fashion\ntrain: {epochs: 5, lr: 0.5, augment: {shift: 0.25}}\n"):
    (cell,) = cells(f"schema: 1\n{suite}models:\n  - {entry}\n")
    return cell


def test_cells_are_the_product_of_all_lists_model_by_model():
    expanded = cells(
        """
        schema: 1
        data: fashion
        train: {}
        models: [resnet18, alexnet]
        runtime: {precision: [fp32, bf16], compile: [false, true], batch: 8}
        seed: [3, 4]
        """
    )
    shown = [(c.model.name, c.runtime.precision, c.runtime.compile, c.seed) for c in expanded]
    assert len(expanded) == 2 * 2 * 2 * 2
    assert shown[:5] == [
        ("resnet18", "fp32", False, 3),
        ("resnet18", "fp32", False, 4),
        ("resnet18", "fp32", True, 3),
        ("resnet18", "fp32", True, 4),
        ("resnet18", "bf16", False, 3),
    ]
    assert shown[8][0] == "alexnet"
    assert len({cell.key for cell in expanded}) == len(expanded)
    assert {cell.runtime.batch for cell in expanded} == {8}


@pytest.mark.parametrize("settings", ["", "metrics: [coco]\n", "metrics: [coco-bbox]\n"])
def test_a_metric_has_one_stored_name_however_it_is_spelled(settings):
    cell = one("yolo_v3_tiny", f"data: fashion-scenes\ntrain: {{}}\n{settings}")
    assert cell.metrics == ("coco",)
    assert cell.key == cell.model_copy(update={"metrics": ("coco",)}).key


def test_two_spellings_of_one_metric_are_one_too_many():
    with pytest.raises(SuiteError, match=r'metrics\[1\]: "coco-bbox" is listed twice'):
        one("yolo_v3_tiny", "data: fashion-scenes\ntrain: {}\nmetrics: [coco, coco-bbox]\n")


def test_a_models_own_settings_are_merged_over_the_suites_field_by_field():
    cell = one("{name: resnet18, train: {epochs: 1, augment: {mirror: false}}, runtime: {threads: 2}}")
    assert cell.train == TrainRecipe.model_validate(
        {"epochs": 1, "lr": 0.5, "augment": {"mirror": False, "shift": 0.25}}
    )
    assert cell.runtime == Runtime(threads=2)


def test_a_default_that_is_written_out_counts_over_the_suite():
    assert one("{name: resnet18, train: {epochs: 10}}").train.epochs == 10


def test_a_models_own_list_replaces_the_suites():
    suite = "data: fashion\ntrain: {}\nseed: [0, 1]\nmetrics: []\n"
    cell = one("{name: resnet18, seed: 7, metrics: [topk]}", suite)
    assert (cell.seed, cell.metrics) == (7, ("topk",))


def test_a_models_own_data_has_the_suites_name_and_folder_where_it_says_nothing_else():
    suite = "data: {name: fashion, root: /data, split: test}\ntrain: {}\n"
    cell = one("{name: resnet18, data: {limit: 9}}", suite)
    assert cell.data == DataSpec(name="fashion", root="/data", split="test", limit=9)


@pytest.mark.parametrize("own", ["fashion-scenes", "{name: fashion-scenes}"])
def test_another_data_set_takes_over_nothing_of_the_suites(own):
    suite = "data: {name: fashion, root: /data, limit: 9}\ntrain: {}\n"
    assert one(f"{{name: unet, data: {own}}}", suite).data == DataSpec(name="fashion-scenes")


def test_a_model_with_weights_is_not_trained():
    cell = one("{name: resnet18, weights: a.safetensors}")
    assert (cell.model.weights, cell.train) == ("a.safetensors", None)


def test_a_model_without_weights_or_recipe_may_be_timed():
    cell = one("{name: resnet18, train: null, metrics: []}")
    assert (cell.train, cell.metrics) == (None, ())
    assert cell.time == TimingPlan()


@pytest.mark.parametrize(
    ("entry", "metrics"),
    [("resnet18", ("topk",)), ("{name: unet, data: fashion-scenes}", ("miou",))],
)
def test_without_metrics_those_of_the_task_are_taken(entry, metrics):
    assert set(metrics) <= set(one(entry).metrics)


def test_time_null_times_nothing_and_a_part_that_is_null_is_left_out():
    assert one("{name: resnet18, time: null}").time is None
    half = one("{name: resnet18, time: {throughput: null, latency: {warmup: 200ms}}}").time
    assert half is not None
    assert half.throughput is None
    assert half.latency is not None
    assert half.latency.warmup == 0.2


def test_a_model_by_address_keeps_its_task_and_is_not_imported():
    cell = one("{name: 'no.such.module:net', task: classification}")
    assert (cell.model.task, cell.metrics) == ("classification", ("topk",))


def test_a_catalogues_model_has_one_key_with_and_without_its_task():
    assert one("{name: resnet18, task: classification}").key == one("resnet18").key


def test_a_suites_short_forms_are_the_same_experiment_as_its_full_ones():
    short = one("resnet18", "data: fashion\ntrain: {}\nseed: 0\nruntime: {batch: 32}\n")
    full = one("{name: resnet18}", "data: {name: fashion}\ntrain: {}\nseed: [0]\nruntime: {batch: [32]}\n")
    assert short == full


_RECIPES = st.fixed_dictionaries(
    {},
    optional={
        "epochs": st.integers(1, 9),
        "lr": st.sampled_from([0.1, 0.5]),
        "clip": st.none() | st.just(1.0),
        "augment": st.fixed_dictionaries({}, optional={"mirror": st.booleans(), "shift": st.just(0.5)}),
    },
)


@given(_RECIPES, _RECIPES)
def test_merging_is_that_of_the_written_fields(base, over):
    union = {**base, **over}
    if "augment" in base and "augment" in over:
        union["augment"] = {**base["augment"], **over["augment"]}
    recipe = merged(TrainRecipe.model_validate(base), TrainRecipe.model_validate(over))
    assert recipe == TrainRecipe.model_validate(union)


def test_over_nothing_a_setting_stands_by_itself():
    recipe = TrainRecipe(epochs=3)
    assert merged(None, recipe) is recipe


def test_what_comes_to_one_experiment_is_one_cell():
    text = "schema: 1\ndata: fashion\ntrain: {}\nmodels: [resnet18]\n"
    modes = cells(f"{text}runtime: {{compile: [true, default, max-autotune]}}\n")
    assert [cell.runtime.compile for cell in modes] == [True, "max-autotune"]
    laid_out = cells(f"{text}runtime: {{layout: [contiguous, channels_last], engine: [torch, onnx]}}\n")
    shown = [(cell.runtime.layout, cell.runtime.engine) for cell in laid_out]
    assert shown == [("contiguous", None), ("contiguous", "onnx"), ("channels_last", None)]


def test_one_batch_of_a_throughput_is_a_list_of_one():
    suite = "schema: 1\ndata: fashion\ntrain: {epochs: 1}\nmodels: [resnet18]\n"
    texts = (f"{suite}time: {{throughput: {{batch: {batch}}}}}\n" for batch in ("8", "[8]"))
    one, listed = (parse_suite(text, path="a.yaml").cells for text in texts)
    assert one == listed
