"""Models, data, metrics and recipes that do not fit, and expectations that nothing can meet."""

from dataclasses import replace

import pytest

from cvbench.spec.catalogue import DATASETS


def with_model(entry):
    return f"schema: 1\ndata: fashion\ntrain: {{epochs: 2}}\nmodels:\n  - {entry}\n"


@pytest.mark.parametrize(
    ("entry", "what", "remedy"),
    [
        ("{name: resnet18, data: fashion-scenes}",
         "resnet18 does classification; the dataset fashion-scenes is for detection and segmentation.",
         "Datasets for classification: fashion"),
        ("{name: resnet18, metrics: [coco]}",
         "resnet18 does classification; the metric coco is for detection.",
         "Metrics for classification: topk"),
        ("{name: 'my.nets:net', task: segmentation}",
         "my.nets:net does segmentation; the dataset fashion is for classification.",
         "Datasets for segmentation: fashion-scenes"),
        ("my.nets:net", "a model by import path needs its task.",
         "Add task: classification, detection or segmentation"),
        ("{name: resnet18, train: null}",
         "resnet18 has no weights, and there is no recipe to train it.",
         "Add train: {epochs: 10} to the suite, or weights: FILE to the model."),
        ("{name: resnet18, train: null, metrics: [], time: null}",
         "the model is neither scored nor timed.", "Remove metrics: [] or time: null"),
        ("{name: resnet18, data: null}", "resnet18 has no data.", "Add data: fashion"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_of_the_model(entry, what, remedy, problems):
    ((told, offered),) = problems(with_model(entry))
    assert told == f"models[0]: {what}"
    assert offered.startswith(remedy)


def test_weights_that_are_loaded_are_not_trained(problems):
    assert problems(with_model("{name: resnet18, weights: a.safetensors, train: {epochs: 1}}")) == [
        ("models[0].train: the model has weights, so it is not trained.", "Remove train or weights.")
    ]


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
        ("{resnet18: {top2: 0.5}}", 'resnet18.top2: resnet18 has no metric "top2" here.',
         "Did you mean top5 or top1?"),
        ("{resnet18: {AP: 0.5}}", 'resnet18.AP: resnet18 has no metric "AP" here.', "It has top1, top5."),
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
