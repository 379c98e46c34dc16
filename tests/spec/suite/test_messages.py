"""What a suite's types refuse is said in a person's words, where it stands."""

import pytest

from cvbench.errors import SuiteError
from cvbench.spec.suite import parse_suite
from cvbench.spec.suite.messages import Positions, keys_at
from cvbench.spec.suite.schema import SuiteFile

SUITE = "schema: 1\ndata: fashion\ntrain: {epochs: 2}\nmodels: [resnet18]\n"


def with_model(parts):
    return f"schema: 1\ndata: fashion\ntrain: {{epochs: 2}}\nmodels:\n  - {{name: resnet18, {parts}}}\n"


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ("train: {epochs: ten}", 'train.epochs: "ten" is not a whole number.'),
        ("train: {epochs: '10'}", 'train.epochs: "10" is not a whole number.'),
        ("train: {epochs: true}", "train.epochs: true is not a whole number."),
        ("train: {epochs: 2.5}", "train.epochs: 2.5 is not a whole number."),
        ("train: {epochs: 0}", "train.epochs: 0 is too small; it must be more than 0."),
        ("train: {epochs: }", "train.epochs: null is not a whole number."),
        ("train: {workers: -1}", "train.workers: -1 is too small; it must be at least 0."),
        ("train: {momentum: 1.5}", "train.momentum: 1.5 is too large; it must be at most 1."),
        ("train: {lr: fast}", 'train.lr: "fast" is not a number.'),
        ("train: {lr: .inf}", "train.lr: Infinity is not a finite number."),
        ("train: {lr: 1e999}", "train.lr: Infinity is not a finite number."),
        ("train: {nesterov: yes}", 'train.nesterov: "yes" is not true or false.'),
        ("train: {nesterov: 1}", "train.nesterov: 1 is not true or false."),
        ("train: {milestones: 0.5}", "train.milestones: 0.5 is not a list."),
        ("train: {augment: {scale: [0.5]}}", "train.augment.scale: this list needs 2 entries."),
        ("train: {augment: {scale: [1, 2, 3]}}",
         "train.augment.scale: [1, 2, 3] is too long; list at most 2."),
        ("train: {augment: {scale: [2, 1]}}",
         "train.augment.scale: the range [2.0, 1.0] is reversed; write [1.0, 2.0]."),
        ("train: {augment: {area: [1, 0.5]}}",
         "train.augment.area: the range [1.0, 0.5] is reversed; write [0.5, 1.0]."),
        ("train: {augment: {area: [0.5, 1], shift: 0.1}}",
         "train.augment: area replaces scale and shift; remove scale and shift."),
        ("train: 3", "train: 3 is not a mapping (key: value)."),
        ("weights: 3", "weights: 3 is not text."),
        ("time: {latency: {warmup: 5 parsecs}}",
         "time.latency.warmup: '5 parsecs' is not a duration; write 30s, 5m, 1.5h or 200ms."),
        ("time: {latency: {warmup: [1]}}",
         "time.latency.warmup: [1] is not a duration; write 30s, 5m, 1.5h or 200ms."),
        ("runtime: {device: gpu}", 'runtime.device: "gpu" is not one of auto, cpu, cuda, cuda:N.'),
        ("runtime: {precision: [fp32, fp8]}",
         'runtime.precision[1]: "fp8" is not one of fp32, tf32, bf16, fp16.'),
        ("seed: -1", "seed: -1 is too small; it must be at least 0."),
        ("seed: []", "seed: [] is too short; list at least 1."),
        ("metrics: topk", 'metrics: "topk" is not a list.'),
        ("options: [64]", "options: [64] is not a mapping (key: value)."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_what_it_should_be(parts, what, problems):
    assert problems(with_model(parts)) == [(f"models[0].{what}", "")]


@pytest.mark.parametrize("value", ["null", "{a: 1}", "[1, [2]]", "[[[1]]]", "[null]"])
def test_an_option_that_is_no_plain_value_gets_one_message(value, problems):
    parts = f"name: 'my.nets:net', task: classification, options: {{depth: {value}}}"
    ((what, _),) = problems(f"schema: 1\ndata: fashion\ntrain: {{}}\nmodels: [{{{parts}}}]")
    assert what.startswith("models[0].options.depth: ")
    assert what.endswith(" is not a scalar, a list of scalars, or a list of such lists.")


def test_an_option_that_is_not_finite_is_told_so(problems):
    parts = "name: 'my.nets:net', task: classification, options: {depth: .nan}"
    text = f"schema: 1\ndata: fashion\ntrain: {{}}\nmodels: [{{{parts}}}]"
    assert problems(text) == [("models[0].options.depth: NaN is not a finite number.", "")]


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        (SUITE.replace("schema: 1\n", ""), 'the key "schema" is missing.', "Write schema: 1"),
        (SUITE.replace("schema: 1", "schema: 2"),
         "schema: 2 is not a supported version.", "Write schema: 1"),
        (SUITE.replace("schema: 1", "schema: true"),
         "schema: true is not a supported version.", "Write schema: 1"),
        (SUITE.replace("models: [resnet18]", ""), 'the key "models" is missing.', ""),
        (SUITE.replace("[resnet18]", "[]"), "models: [] is too short; list at least 1.", ""),
        (SUITE.replace("[resnet18]", "resnet18"), 'models: "resnet18" is not a list.', ""),
        (SUITE.replace("[resnet18]", "[5]"), "models[0]: 5 is not a mapping (key: value).", ""),
        (SUITE + "timeout: never",
         "timeout: 'never' is not a duration; write 30s, 5m, 1.5h or 200ms.", ""),
        (SUITE + "timeout: 0s", "timeout: 0 is too small; it must be more than 0.", ""),
        (SUITE + "expect: [resnet18]", 'expect: ["resnet18"] is not a mapping (key: value).', ""),
        (SUITE + "expect: {resnet18: {top1: 80}}",
         "expect.resnet18.top1: 80 is too large; it must be at most 1.", ""),
        (SUITE + "name: ../escape",
         'name: "../escape" is not a name of up to 64 letters, digits, dots, dashes and underscores.', ""),
        (SUITE + "runtime: {device: [gpu, cpu]}",
         'runtime.device[0]: "gpu" is not one of auto, cpu, cuda, cuda:N.', ""),
    ],
)  # fmt: skip
def test_a_wrong_top_of_the_file_is_told(text, what, remedy, problems):
    assert problems(text) == [(what, remedy)]


@pytest.mark.parametrize(
    ("parts", "what", "remedy"),
    [
        ("train: {epoch: 3}", 'train.epoch: there is no key "epoch" here.',
         "Did you mean epochs?   See all: cvbench schema suite"),
        ("train: {augment: {flip: true}}", 'train.augment.flip: there is no key "flip" here.',
         "Valid keys: mirror, scale, shift, aspect, area, elastic, hue, saturation, exposure, lighting."),
        ("runtime: {bach: 3}", 'runtime.bach: there is no key "bach" here.',
         "Did you mean batch?   See all: cvbench schema suite"),
        ("data: {splt: test}", 'data.splt: there is no key "splt" here.',
         "Did you mean split?   See all: cvbench schema suite"),
        ("optoins: {}", 'optoins: there is no key "optoins" here.',
         "Did you mean options?   See all: cvbench schema suite"),
    ],
)  # fmt: skip
def test_an_unknown_key_gets_the_nearest_one_or_all_that_are_known(parts, what, remedy, problems):
    assert problems(with_model(parts)) == [(f"models[0].{what}", remedy)]


def test_a_key_that_is_like_no_other_gets_all_that_are_known(problems):
    ((what, remedy),) = problems(with_model('"two words": 1'))
    assert what == 'models[0]["two words"]: there is no key "two words" here.'
    assert remedy == (
        "Valid keys: name, task, options, weights, labels, preprocessing, title, data, train, metrics, time, "
        "runtime, seed, published."
    )


def test_a_key_with_a_line_break_is_told_on_one_line(problems):
    ((what, _),) = problems(SUITE + '"time\\nout": 5m')
    assert what == '["time\\nout"]: there is no key "time\\nout" here.'


def test_a_long_value_is_cut(problems):
    ((what, _),) = problems(with_model(f"train: {{epochs: {'x' * 99}}}"))
    assert what == f'models[0].train.epochs: "{"x" * 56}... is not a whole number.'


def test_no_message_speaks_of_pydantic(problems):
    broken = (
        "{schema: [], name: 3, data: 5, train: [], models: [{}, 3, [1]], metrics: 3, time: 7, seed: x, "
        "timeout: [], runtime: 4, expect: 9}"
    )
    told = str(problems(broken))
    for word in ("pydantic", "http", "Input should", "validation", "type=", "Value error"):
        assert word not in told


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        (
            ("train", "augment"),
            [
                *("mirror", "scale", "shift", "aspect", "area", "elastic"),
                *("hue", "saturation", "exposure", "lighting"),
            ],
        ),
        (
            ("models", 3, "time"),
            ["latency", "throughput", "end_to_end", "train_step", "energy", "rounds", "budget"],
        ),
        (("models", 0, "options"), []),  # free: each model has its own
    ],
)
def test_the_keys_of_a_place_are_known(path, keys):
    assert keys_at(SuiteFile, path) == keys


def test_positions_number_the_keys_of_a_mapping_once():
    class Counted(dict):
        walks = 0

        def __iter__(self):
            Counted.walks += 1
            return super().__iter__()

    tree = Counted({f"k{number}": number for number in range(1000)})
    position = Positions(tree)
    assert [position((f"k{number}",)) for number in range(1000)] == [(number,) for number in range(1000)]
    assert position(("models", 0)) == ()
    assert Counted.walks == 1


def test_many_problems_are_cut_with_their_number():
    with pytest.raises(SuiteError) as caught:
        parse_suite("schema: 1\n" + "".join(f"k{number}: 1\n" for number in range(500)), path="s.yaml")
    assert len(caught.value.problems) > 500 - 1
    assert str(caught.value).count("there is no key") <= 50
    assert "more problems" in str(caught.value).splitlines()[-1]
