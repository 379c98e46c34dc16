"""A suite file becomes a Suite, or every mistake in it is told at once, with place and remedy."""

from pathlib import Path

import pytest

from cvbench.errors import SuiteError
from cvbench.suite import load_suite, parse_suite

GOOD = """
schema: 1
data: fashion
train: {epochs: 2}
models: [resnet18]
"""


def problems(text, *overrides):
    with pytest.raises(SuiteError) as error:
        parse_suite(text, path="suites/a.yaml", overrides=overrides)
    return [str(problem) for problem in error.value.problems]


def with_lines(*lines):
    return GOOD + "\n".join(lines)


def with_model(entry):
    return f"schema: 1\ndata: fashion\ntrain: {{epochs: 2}}\nmodels:\n  - {entry}\n"


def test_the_shortest_suite_has_one_cell_with_the_defaults_of_its_task():
    suite = parse_suite(GOOD, path="suites/a.yaml")
    (cell,) = suite.cells
    assert suite.name == "a"
    assert suite.timeout_s == 3600.0
    assert suite.expect == {}
    assert cell.model.name == "resnet18"
    assert cell.metrics == ("topk",)
    assert cell.train is not None
    assert cell.train.epochs == 2
    assert cell.time is not None


def test_the_shortest_suite_that_messages_show_is_one():
    with pytest.raises(SuiteError) as error:
        parse_suite("", path="a.yaml")
    (problem,) = error.value.problems
    example = problem.remedy.removeprefix("The shortest one: ")
    assert len(parse_suite(example, path="a.yaml").cells) == 1


def test_a_suite_is_read_from_its_file_and_keeps_its_text(tmp_path):
    file = tmp_path / "quick.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())  # an editor's byte order mark
    suite = load_suite(file, ["seed=3"])
    assert suite.name == "quick"
    assert suite.source == str(file)
    assert suite.text == GOOD
    assert suite.overrides == ("seed=3",)
    assert [cell.seed for cell in suite.cells] == [3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # names
        (
            with_model("{name: resnet18, options: {widht: 0.5}}"),
            'suites/a.yaml: models[0].options.widht: resnet18 has no option "widht".\n'
            "  Did you mean width?   See all: cvbench show resnet18",
        ),
        (
            with_model("{name: resnet18, data: {split: tset}}"),
            'suites/a.yaml: models[0].data.split: fashion has no split "tset".\n  Did you mean test?',
        ),
        (
            with_model("{name: resnet18, data: {options: {size: 3}}}"),
            'suites/a.yaml: models[0].data.options.size: fashion has no option "size".\n'
            "  See all: cvbench show fashion",
        ),
        # keys
        (
            with_lines("timeuot: 5m"),
            'suites/a.yaml: timeuot: there is no key "timeuot" here.\n'
            "  Did you mean timeout or time?   See all: cvbench schema suite",
        ),
        (
            with_model("{name: resnet18, train: {augment: {flip: true}}}"),
            'suites/a.yaml: models[0].train.augment.flip: there is no key "flip" here.\n'
            "  Known here: mirror, scale, shift.",
        ),
        (
            with_lines('"timeout\\n": 5m'),
            'suites/a.yaml: ["timeout\\n"]: there is no key "timeout\\n" here.\n'
            "  Did you mean timeout or time?   See all: cvbench schema suite",
        ),
        # types and ranges
        (with_lines("train: {epochs: ten}").replace("train: {epochs: 2}\n", ""),
         'suites/a.yaml: train.epochs: "ten" is not a whole number.'),
        (with_model("{name: resnet18, train: {epochs: true}}"),
         "suites/a.yaml: models[0].train.epochs: true is not a whole number."),
        (with_model("{name: resnet18, train: {epochs: 2.5}}"),
         "suites/a.yaml: models[0].train.epochs: 2.5 is not a whole number."),
        (with_model("{name: resnet18, train: {epochs: 0}}"),
         "suites/a.yaml: models[0].train.epochs: 0 is too small; it must be more than 0."),
        (with_model("{name: resnet18, train: {momentum: 1.5}}"),
         "suites/a.yaml: models[0].train.momentum: 1.5 is too large; it must be at most 1."),
        (with_model("{name: resnet18, train: {lr: fast}}"),
         'suites/a.yaml: models[0].train.lr: "fast" is not a number.'),
        (with_model("{name: resnet18, train: {lr: .inf}}"),
         "suites/a.yaml: models[0].train.lr: Infinity is not a finite number."),
        (with_model("{name: resnet18, train: {nesterov: yes}}"),
         'suites/a.yaml: models[0].train.nesterov: "yes" is not true or false.'),
        (with_model("{name: resnet18, train: {optimizer: sdg}}"),
         'suites/a.yaml: models[0].train.optimizer: "sdg" is none of sgd, adamw.\n  Did you mean sgd?'),
        (with_model("{name: resnet18, train: {milestones: 0.5}}"),
         "suites/a.yaml: models[0].train.milestones: 0.5 is not a list."),
        (with_model("{name: resnet18, train: {augment: {scale: [0.5]}}}"),
         "suites/a.yaml: models[0].train.augment.scale: this list needs 2 entries."),
        (with_model("{name: resnet18, train: {augment: {scale: [1, 2, 3]}}}"),
         "suites/a.yaml: models[0].train.augment.scale: [1, 2, 3] is too long; at most 2 may be listed."),
        (with_model("{name: resnet18, train: {augment: {scale: [2, 1]}}}"),
         "suites/a.yaml: models[0].train.augment.scale: the range [2.0, 1.0] runs backwards; write [1.0, 2.0]."),
        (with_model("{name: resnet18, train: 3}"),
         "suites/a.yaml: models[0].train: 3 is not a mapping (key: value)."),
        (with_model("{name: resnet18, weights: 3}"), "suites/a.yaml: models[0].weights: 3 is not text."),
        (with_lines("expect: [resnet18]"), 'suites/a.yaml: expect: ["resnet18"] is not a mapping (key: value).'),
        (with_lines("timeout: never"),
         "suites/a.yaml: timeout: 'never' is not a duration; write 30s, 5m, 1.5h or 200ms."),
        (with_lines("timeout: 0s"), 'suites/a.yaml: timeout: 0 is too small; it must be more than 0.'),
        (with_lines("seed: -1"), "suites/a.yaml: seed: -1 is too small; it must be at least 0."),
        (with_lines("seed: []"), "suites/a.yaml: seed: [] is too short; at least 1 must be listed."),
        (with_lines("runtime: {device: gpu}"),
         'suites/a.yaml: runtime.device: "gpu" is not one of auto, cpu, cuda, cuda:N.'),
        (with_lines("runtime: {precision: [fp32, fp8]}"),
         'suites/a.yaml: runtime.precision[1]: "fp8" is none of fp32, tf32, bf16, fp16.'),
        (with_lines("name: ../escape"),
         'suites/a.yaml: name: "../escape" is not a name of up to 64 letters, digits, dots, dashes '
         "and underscores."),
        (with_model("{name: resnet18, options: {size: big}}"),
         'suites/a.yaml: models[0].options.size: "big" is not a whole number.\n'
         "  size: height and width of the prepared input, at least 32; by default 224."),
        (with_model("{name: resnet18, options: {size: true}}"),
         "suites/a.yaml: models[0].options.size: true is not a whole number.\n"
         "  size: height and width of the prepared input, at least 32; by default 224."),
        (with_model("{name: 'my.nets:net', task: classification, options: {depth: null}}"),
         "suites/a.yaml: models[0].options.depth: null is not a plain value, a list of them, or a list of "
         "such lists."),
        (with_model("{name: 'my.nets:net', task: classification, options: {depth: .nan}}"),
         "suites/a.yaml: models[0].options.depth: NaN is not a finite number."),
        (GOOD.replace("schema: 1", "schema: 2"),
         "suites/a.yaml: schema: 2 is not a version that this program reads.\n  Write schema: 1"),
        (GOOD.replace("schema: 1", "schema: true"),
         "suites/a.yaml: schema: true is not a version that this program reads.\n  Write schema: 1"),
        (GOOD.replace("schema: 1\n", ""), 'suites/a.yaml: the key "schema" is missing.\n  Write schema: 1'),
        (GOOD.replace("[resnet18]", "[]"), "suites/a.yaml: models: [] is too short; at least 1 must be listed."),
        (GOOD.replace("[resnet18]", "resnet18"), 'suites/a.yaml: models: "resnet18" is not a list.'),
        (GOOD.replace("models: [resnet18]", ""), 'suites/a.yaml: the key "models" is missing.'),
        (with_model("5"), "suites/a.yaml: models[0]: 5 is not a mapping (key: value)."),
        # combinations
        (GOOD.replace("resnet18", "yolo_v3_tiny"),
         "suites/a.yaml: models[0]: yolo_v3_tiny does detection; the data set fashion is for classification.\n"
         "  Datasets for detection: fashion-scenes"),
        (with_lines("metrics: [coco]"),
         "suites/a.yaml: models[0]: resnet18 does classification; the metric coco is for detection.\n"
         "  Metrics for classification: topk"),
        (with_model("{name: resnet18, task: detection}"),
         "suites/a.yaml: models[0].task: resnet18 does classification.\n  Remove the task."),
        (with_model("my.nets:net"),
         "suites/a.yaml: models[0]: a model by address needs its task.\n"
         "  Add task: classification, detection or segmentation"),
        (with_model("{name: resnet18, train: null}"),
         "suites/a.yaml: models[0]: resnet18 has no weights, and there is no recipe to train it.\n"
         "  Add train: {epochs: 10} to the suite, or weights: FILE to the model."),
        (with_model("{name: resnet18, weights: a.safetensors, train: {epochs: 1}}"),
         "suites/a.yaml: models[0].train: these weights are loaded, so nothing is trained.\n"
         "  Keep the one that is meant."),
        (with_model("{name: resnet18, train: null, metrics: [], time: null}"),
         "suites/a.yaml: models[0]: this is neither scored nor timed.\n  Remove metrics: [] or time: null"),
        (GOOD.replace("data: fashion\n", ""),
         "suites/a.yaml: models[0]: resnet18 has no data.\n  Add data: fashion"),
        (GOOD.replace("[resnet18]", "[resnet18, {name: resnet18, seed: 0}]"),
         "suites/a.yaml: models[1]: resnet18 is the same experiment as models[0].\n  Remove one of the two."),
        (GOOD.replace("[resnet18]", "[resnet18, {name: resnet18, options: {width: 1}}]"),
         "suites/a.yaml: models[1]: resnet18 width=1 is the same experiment as models[0].\n"
         "  Remove one of the two."),
        (with_lines("seed: [0, 1, 0]"), "suites/a.yaml: seed[2]: 0 stands twice in this list."),
        (with_lines("runtime: {precision: [fp32, fp32]}"),
         'suites/a.yaml: runtime.precision[1]: "fp32" stands twice in this list.'),
        (with_lines("metrics: [topk, topk]"), 'suites/a.yaml: metrics[1]: "topk" stands twice in this list.'),
        # expectations
        (with_lines("expect: {resnet50: {top1: 0.5}}"),
         'suites/a.yaml: expect.resnet50: there is no model "resnet50" in this suite.\n'
         "  Did you mean resnet18?"),
        (with_lines("expect: {resnet18: {top2: 0.5}}"),
         'suites/a.yaml: expect.resnet18.top2: resnet18 is given no figure "top2" here.\n'
         "  Did you mean top5 or top1?"),
        (with_lines("expect: {resnet18: {top1: 80}}"),
         "suites/a.yaml: expect.resnet18.top1: 80 is too large; it must be at most 1."),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place_and_its_remedy(text, expected):
    assert problems(text) == [expected]


@pytest.mark.parametrize(
    ("entry", "place", "nearest", "listing"),
    [
        ("yolo_v33", 'models[0]: there is no model "yolo_v33".', "yolo_v3", "models"),
        ("{name: resnet181}", 'models[0].name: there is no model "resnet181".', "resnet18", "models"),
        (
            "{name: resnet18, data: fasion}",
            'models[0].data: there is no dataset "fasion".',
            "fashion",
            "datasets",
        ),
        (
            "{name: resnet18, metrics: [topkk]}",
            'models[0].metrics[0]: there is no metric "topkk".',
            "topk",
            "metrics",
        ),
    ],
)
def test_an_unknown_name_gets_the_nearest_one_and_where_all_stand(entry, place, nearest, listing):
    (problem,) = problems(with_model(entry))
    what, remedy = problem.splitlines()
    assert what == f"suites/a.yaml: {place}"
    assert remedy.startswith(f"  Did you mean {nearest}")
    assert remedy.endswith(f"   See all: cvbench list {listing}")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    text = """
    schema: 1
    data: {name: fashion, splt: test}
    train: {epochs: ten}
    models:
      - yolo_v33
      - {name: resnet18, options: {widht: 0.5}, train: {lr: 0}}
      - {name: unet, data: fashion-scenes, metrics: [topk]}
    seed: -1
    seed: -1
    """
    places = [
        one.partition(": ")[2].splitlines()[0] for one in problems(text, "trian.epochs=1", "models.7=x")
    ]
    assert places == [
        'line 10, column 5: the key "seed" stands twice in one mapping.',
        "models is a list of 3, from 0 to 2; it has no 7.",
        'data.splt: there is no key "splt" here.',
        'train.epochs: "ten" is not a whole number.',
        'models[0]: there is no model "yolo_v33".',
        'models[1].options.widht: resnet18 has no option "widht".',
        "models[1].train.lr: 0 is too small; it must be more than 0.",
        "models[2]: unet does segmentation; the metric topk is for classification.",
        "seed: -1 is too small; it must be at least 0.",
        'there is no key "trian" here.',
    ]


@pytest.mark.parametrize("text", ["", "[1]", "3", "null", "- schema: 1"])
def test_a_file_that_holds_no_mapping_is_refused(text):
    assert problems(text)[0].startswith("suites/a.yaml: a suite is a mapping (key: value).")


def test_no_message_speaks_of_pydantic():
    broken = "{schema: [], name: 3, data: 5, train: [], models: [{}, 3, [1]], metrics: 3, time: 7, seed: x, timeout: []}"
    told = "\n".join(problems(broken))
    for word in ("pydantic", "http", "Input should", "validation", "type=", "Value error"):
        assert word not in told


def test_a_file_name_that_cannot_name_results_asks_for_a_name():
    with pytest.raises(SuiteError, match=r'my suite\.yaml: "my suite" is not a name of up to 64 letters'):
        parse_suite(GOOD, path="my suite.yaml")


def test_too_many_cells_are_refused_before_they_are_made():
    (problem,) = problems(with_lines(f"seed: {list(range(10_001))}"))
    assert problem == "suites/a.yaml: these are 10001 cells; a suite has 10000 at most."


def test_a_missing_file_gets_the_nearest_name(tmp_path):
    (tmp_path / "detection.yaml").write_text(GOOD)
    with pytest.raises(SuiteError) as error:
        load_suite(tmp_path / "detecton.yaml")
    assert str(error.value) == (
        f"{tmp_path}/detecton.yaml: there is no such file.\n"
        "  Did you mean detection.yaml?   See all: cvbench list suites"
    )


def test_a_folder_is_no_suite(tmp_path):
    with pytest.raises(SuiteError) as error:
        load_suite(tmp_path)
    assert str(error.value) == f"{tmp_path}: this cannot be read: Is a directory."


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"schema: \xff")
    with pytest.raises(SuiteError) as error:
        load_suite(file)
    assert str(error.value) == f"{file}: this is not UTF-8 text: byte 8 cannot be read."


def test_a_huge_file_is_not_read(tmp_path):
    file = tmp_path / "a.yaml"
    with file.open("wb") as opened:
        opened.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(SuiteError, match="too large for a suite"):
        load_suite(file)


@pytest.mark.parametrize("file", sorted(Path("suites").glob("*.yaml")), ids=str)
def test_every_suite_that_comes_along_is_sound(file):
    assert load_suite(file).cells
