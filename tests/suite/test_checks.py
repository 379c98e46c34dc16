"""Names and options that do not exist, and models, data and metrics that do not fit."""

from dataclasses import replace

import pytest

from cvbench.catalogue import DATASETS


def with_model(entry):
    return f"schema: 1\ndata: fashion\ntrain: {{epochs: 2}}\nmodels:\n  - {entry}\n"


@pytest.mark.parametrize(
    ("entry", "what", "nearest", "listing"),
    [
        ("yolo_v33", 'models[0]: there is no model "yolo_v33".', "yolo_v3", "models"),
        ("{name: resnet181}", 'models[0].name: there is no model "resnet181".', "resnet18", "models"),
        ("{name: resnet18, data: fasion}", 'models[0].data: there is no dataset "fasion".',
         "fashion", "datasets"),
        ("{name: resnet18, metrics: [topkk]}", 'models[0].metrics[0]: there is no metric "topkk".',
         "topk", "metrics"),
    ],
)  # fmt: skip
def test_an_unknown_name_gets_the_nearest_one_and_where_all_stand(entry, what, nearest, listing, problems):
    ((told, remedy),) = problems(with_model(entry))
    assert told == what
    assert remedy.startswith(f"Did you mean {nearest}")
    assert remedy.endswith(f"   See all: cvbench list {listing}")


def test_an_unknown_name_in_the_suites_own_settings_is_told_once(problems):
    text = "{schema: 1, data: fasion, train: {}, metrics: [topkk], models: [resnet18, alexnet]}"
    assert [what.partition(":")[0] for what, _ in problems(text)] == ["data", "metrics[0]"]


@pytest.mark.parametrize(
    ("parts", "what", "remedy"),
    [
        ("options: {widht: 0.5}", 'options.widht: resnet18 has no option "widht".',
         "Did you mean width?   See all: cvbench show resnet18"),
        ("options: {size: big}", 'options.size: "big" is not a whole number.',
         "size: height and width of the prepared input, at least 32; by default 224."),
        ("options: {size: true}", "options.size: true is not a whole number.",
         "size: height and width of the prepared input, at least 32; by default 224."),
        ("options: {size: 64.0}", "options.size: 64 is not a whole number.",
         "size: height and width of the prepared input, at least 32; by default 224."),
        ("options: {zero_init_residual: 1}", "options.zero_init_residual: 1 is not true or false.",
         "zero_init_residual: start each block as the identity; by default false."),
        ("data: {options: {size: 3}}", 'data.options.size: fashion has no option "size".',
         "See all: cvbench show fashion"),
        ("data: {split: tset}", 'data.split: fashion has no split "tset".', "Did you mean test?"),
        ("data: {split: zzz}", 'data.split: fashion has no split "zzz".', "train, test"),
        ("task: detection", "task: resnet18 does classification.", "Remove the task."),
        ("weights: a.safetensors, train: {epochs: 1}",
         "train: these weights are loaded, so nothing is trained.", "Keep the one that is meant."),
        ("metrics: [topk, topk]", 'metrics[1]: "topk" stands twice in this list.', ""),
        ("seed: [0, 1, 0]", "seed[2]: 0 stands twice in this list.", ""),
        ("runtime: {precision: [fp32, fp32]}",
         'runtime.precision[1]: "fp32" stands twice in this list.', ""),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_told_where_it_stands(parts, what, remedy, problems):
    assert problems(with_model(f"{{name: resnet18, {parts}}}")) == [(f"models[0].{what}", remedy)]


@pytest.mark.parametrize("value", ["1", "1.0", "0.5"])
def test_a_number_may_be_written_whole(value, problems):
    good = with_model(f"{{name: resnet18, options: {{width: {value}, widht: 1}}}}")
    assert [what for what, _ in problems(good)] == [
        'models[0].options.widht: resnet18 has no option "widht".'
    ]


@pytest.mark.parametrize(
    ("entry", "what", "remedy"),
    [
        ("{name: resnet18, data: fashion-scenes}",
         "resnet18 does classification; the data set fashion-scenes is for detection and segmentation.",
         "Datasets for classification: fashion"),
        ("{name: resnet18, metrics: [coco]}",
         "resnet18 does classification; the metric coco is for detection.",
         "Metrics for classification: topk"),
        ("{name: 'my.nets:net', task: segmentation}",
         "my.nets:net does segmentation; the data set fashion is for classification.",
         "Datasets for segmentation: fashion-scenes"),
        ("my.nets:net", "a model by address needs its task.",
         "Add task: classification, detection or segmentation"),
        ("{name: resnet18, train: null}",
         "resnet18 has no weights, and there is no recipe to train it.",
         "Add train: {epochs: 10} to the suite, or weights: FILE to the model."),
        ("{name: resnet18, train: null, metrics: [], time: null}",
         "this is neither scored nor timed.", "Remove metrics: [] or time: null"),
        ("{name: resnet18, data: null}", "resnet18 has no data.", "Add data: fashion"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_of_the_model(entry, what, remedy, problems):
    ((told, offered),) = problems(with_model(entry))
    assert told == f"models[0]: {what}"
    assert offered.startswith(remedy)


def test_a_set_without_a_train_split_trains_nothing(problems, monkeypatch):
    card = replace(DATASETS["fashion"], name="only-test", splits={"test": 9})
    monkeypatch.setitem(DATASETS._cards, "only-test", card)
    assert problems(with_model("{name: resnet18, data: only-test}")) == [
        ("models[0]: only-test has no images to train on, only test.", "Add weights: FILE to the model.")
    ]


@pytest.mark.parametrize(
    ("models", "what"),
    [
        ("[resnet18, resnet18]", "resnet18 is the same experiment as models[0]."),
        ("[resnet18, {name: resnet18, seed: 0}]", "resnet18 is the same experiment as models[0]."),
        ("[resnet18, {name: resnet18, options: {width: 1}}]",
         "resnet18 width=1 is the same experiment as models[0]."),
    ],
)  # fmt: skip
def test_two_equal_experiments_are_told(models, what, problems):
    text = f"schema: 1\ndata: fashion\ntrain: {{}}\nmodels: {models}"
    assert problems(text) == [(f"models[1]: {what}", "Remove one of the two.")]


@pytest.mark.parametrize(
    ("expect", "what", "remedy"),
    [
        ("{resnet50: {top1: 0.5}}", 'resnet50: there is no model "resnet50" in this suite.',
         "Did you mean resnet18?"),
        ("{resnet18: {top2: 0.5}}", 'resnet18.top2: resnet18 is given no figure "top2" here.',
         "Did you mean top5 or top1?"),
        ("{resnet18: {AP: 0.5}}", 'resnet18.AP: resnet18 is given no figure "AP" here.', "top1, top5"),
    ],
)  # fmt: skip
def test_an_expectation_that_nothing_can_meet_is_told(expect, what, remedy, problems):
    text = f"schema: 1\ndata: fashion\ntrain: {{}}\nmetrics: [topk]\nmodels: [resnet18]\nexpect: {expect}"
    assert problems(text) == [(f"expect.{what}", remedy)]


def test_what_a_metric_of_ones_own_yields_is_not_guessed(problems):
    text = (
        "schema: 1\ndata: fashion\ntrain: {}\nmetrics: ['my.metrics:mine']\nmodels: [resnet18]\n"
        "expect: {resnet18: {mine: 0.5}, alexnet: {mine: 0.5}}"
    )
    assert [what.partition(":")[0] for what, _ in problems(text)] == ["expect.alexnet"]
