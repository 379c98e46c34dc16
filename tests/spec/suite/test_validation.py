"""Names, splits and options that do not exist, and lists that name one thing twice."""

import pytest

from cvbench.errors import SuiteError
from cvbench.spec.suite import parse_suite


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
         "size: input height and width in pixels, at least 32; by default 224."),
        ("options: {size: true}", "options.size: true is not a whole number.",
         "size: input height and width in pixels, at least 32; by default 224."),
        ("options: {size: 64.0}", "options.size: 64 is not a whole number.",
         "size: input height and width in pixels, at least 32; by default 224."),
        ("options: {zero_init_residual: 1}", "options.zero_init_residual: 1 is not true or false.",
         "zero_init_residual: initialize each block as the identity; by default false."),
        ("data: {options: {size: 3}}", 'data.options.size: fashion has no option "size".',
         "See all: cvbench show fashion"),
        ("data: {split: tset}", 'data.split: fashion has no split "tset".', "Did you mean test?"),
        ("data: {split: zzz}", 'data.split: fashion has no split "zzz".', "It has train, test."),
        ("task: detection", "task: resnet18 does classification.", "Remove task."),
        ("metrics: [topk, topk]", 'metrics[1]: "topk" is listed twice.', ""),
        ("metrics: [topk, calibration, topk]", 'metrics[2]: "topk" is listed twice.', ""),
        ("seed: [0, 1, 0]", "seed[2]: 0 is listed twice.", ""),
        ("runtime: {precision: [fp32, fp32]}",
         'runtime.precision[1]: "fp32" is listed twice.', ""),
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


def test_the_second_data_set_of_a_recipe_is_looked_up_too(problems):
    text = "{schema: 1, data: fashion-scenes, train: {also: {name: fasion}}, models: [yolo9000]}"
    ((told, remedy),) = problems(text)
    assert told == 'train.also.name: there is no dataset "fasion".'
    assert remedy.startswith("Did you mean fashion")


def test_a_misspelt_model_of_torchvision_with_weights_is_one_clear_mistake():
    weights = "ResNet50_Weights.IMAGENET1K_V2"
    text = f"schema: 1\ndata: fashion\nmodels: [{{name: torchvision/resnet5O, weights: {weights}}}]"
    with pytest.raises(SuiteError) as caught:
        parse_suite(text, path="s.yaml")
    assert 'there is no model "torchvision/resnet5O"' in str(caught.value)
    assert "Did you mean torchvision/resnet50" in str(caught.value)
