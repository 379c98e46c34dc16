"""A suite file becomes a Suite, or every mistake in it is told at once, with place and remedy."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.errors import SuiteError
from cvbench.spec.expectations import Expectations
from cvbench.spec.suite import load_suite, parse_suite

GOOD = """
schema: 1
data: fashion
train: {epochs: 2}
models: [resnet18]
"""


def test_the_shortest_suite_has_one_cell_with_the_defaults_of_its_task():
    suite = parse_suite(GOOD, path="a.yaml")
    (cell,) = suite.cells
    assert suite.name == "a"
    assert suite.timeout_s == 3600.0
    assert suite.expectations == Expectations()
    assert cell.model.name == "resnet18"
    assert cell.metrics == ("topk",)
    assert cell.train is not None
    assert cell.train.epochs == 2
    assert cell.time is not None


def test_the_shortest_suite_that_messages_show_is_one():
    with pytest.raises(SuiteError) as error:
        parse_suite("", path="a.yaml")
    (problem,) = error.value.problems
    example = problem.remedy.removeprefix("The shortest suite: ")
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


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(problems):
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
    assert [what for what, _ in problems(text, "trian.epochs=1", "models.7=x")] == [
        'line 10, column 5: the key "seed" is repeated in this mapping.',
        "override models.7=x: models has items 0 to 2; it has no 7.",
        'data.splt: there is no key "splt" here.',
        'train.epochs: "ten" is not a whole number.',
        'models[0]: there is no model "yolo_v33".',
        'models[1].options.widht: resnet18 has no option "widht".',
        "models[1].train.lr: 0 is too small; it must be more than 0.",
        "models[2]: unet does segmentation; the metric topk is for classification.",
        "seed: -1 is too small; it must be at least 0.",
        'override trian.epochs=1: there is no key "trian" here.',
    ]


@pytest.mark.parametrize("text", ["", "[1]", "3", "null", "- schema: 1"])
def test_a_file_that_holds_no_mapping_is_refused(text, problems):
    assert [what for what, _ in problems(text)] == ["a suite must be a mapping (key: value)."]


def test_a_file_name_that_cannot_name_results_asks_for_a_name():
    with pytest.raises(SuiteError, match=r'my suite\.yaml: "my suite" is not a name of up to 64 letters'):
        parse_suite(GOOD, path="my suite.yaml")


def test_too_many_cells_are_refused_before_they_are_made(problems):
    text = f"{GOOD}\nseed: {list(range(10_001))}"
    assert problems(text) == [("10001 cells; a suite may have at most 10000.", "")]


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
    assert str(error.value) == f"{tmp_path}: cannot read this file: Is a directory."


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"schema: \xff")
    with pytest.raises(SuiteError) as error:
        load_suite(file)
    assert str(error.value) == f"{file}: not UTF-8 text: byte 8 is invalid."


def test_a_huge_file_is_not_read(tmp_path):
    file = tmp_path / "a.yaml"
    with file.open("wb") as opened:
        opened.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(SuiteError, match="too large for a suite"):
        load_suite(file)


@pytest.mark.parametrize("file", sorted(Path("suites").glob("*.yaml")), ids=str)
def test_every_suite_that_comes_along_is_sound(file):
    assert load_suite(file).cells


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
    | st.sampled_from(["resnet18", "fashion", "topk", "train", "my.nets:net", "5m", "cuda"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "epochs", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
_PLACES = st.sampled_from(
    [
        "schema",
        "name",
        "data",
        "data.name",
        "data.options.x",
        "train",
        "train.epochs",
        "train.augment.scale",
        "models",
        "models.0",
        "models.0.name",
        "models.0.options",
        "models.0.data",
        "models.0.runtime",
        "metrics",
        "time",
        "time.latency",
        "runtime",
        "runtime.device",
        "seed",
        "timeout",
        "expect",
        "expect.resnet18",
    ]
)


@given(st.lists(st.tuples(_PLACES, _VALUES), max_size=4))
def test_whatever_is_written_becomes_a_suite_or_a_suite_error(written):
    overrides = [f"{place}={json.dumps(value).replace('Infinity', '.inf')}" for place, value in written]
    with suppress(SuiteError):
        assert parse_suite(GOOD, path="a.yaml", overrides=overrides).cells
