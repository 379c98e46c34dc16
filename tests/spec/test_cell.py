"""Cells: equal ones are the same experiment, and their keys are for ever."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cvbench.spec.canonical import canonical, digest
from cvbench.spec.cell import Augment, Cell, DataSpec, LatencyPlan, ModelSpec, Runtime, TrainRecipe

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/keys.json").read_text(encoding="utf-8"))
CELL = Cell(model=ModelSpec(name="resnet18"), data=DataSpec(name="fashion"))


@pytest.mark.parametrize("entry", GOLDEN, ids=lambda entry: entry["what"])
def test_a_key_is_for_ever(entry):
    assert Cell.model_validate(entry["cell"]).key == entry["key"]


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_a_key_depends_on_no_process(seed):
    code = (
        "import json, sys; from cvbench.spec.cell import Cell;"
        "print(json.dumps([Cell.model_validate(e['cell']).key for e in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(GOLDEN),
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [entry["key"] for entry in GOLDEN]


@given(
    st.permutations(sorted(GOLDEN[2]["cell"])), st.permutations(sorted(GOLDEN[2]["cell"]["model"]["options"]))
)
def test_a_key_does_not_depend_on_the_order_of_writing(names, options):
    written = GOLDEN[2]["cell"]
    model = {**written["model"], "options": {name: written["model"]["options"][name] for name in options}}
    shuffled = {name: model if name == "model" else written[name] for name in names}
    assert Cell.model_validate(shuffled).key == GOLDEN[2]["key"]


def test_a_key_survives_being_written_and_read():
    for entry in GOLDEN:
        cell = Cell.model_validate(entry["cell"])
        assert Cell.model_validate_json(cell.model_dump_json()) == cell


@pytest.mark.parametrize(
    "changed",
    [
        CELL.model_copy(update={"seed": 1}),
        CELL.model_copy(update={"metrics": ("topk",)}),
        CELL.model_copy(update={"train": TrainRecipe()}),
        CELL.model_copy(update={"runtime": Runtime(precision="bf16")}),
        CELL.model_copy(update={"model": ModelSpec(name="resnet18", options={"width": 0.5})}),
        CELL.model_copy(update={"data": DataSpec(name="fashion", limit=5)}),
    ],
)
def test_another_experiment_has_another_key(changed):
    assert changed.key != CELL.key


def test_where_the_data_lie_is_no_part_of_a_key():
    assert CELL.model_copy(update={"data": DataSpec(name="fashion", root="/data")}).key == CELL.key


def test_where_a_second_data_set_lies_is_no_part_of_a_key_and_that_there_is_one_is():
    def key(also):
        return CELL.model_copy(update={"train": TrainRecipe(also=also)}).key

    assert key(DataSpec(name="fashion", root="/data")) == key(DataSpec(name="fashion"))
    assert key(DataSpec(name="fashion")) != key(None)
    here = TrainRecipe(also=DataSpec(name="fashion", root="/a"), workers=2)
    assert here.identity == TrainRecipe(also=DataSpec(name="fashion")).identity


def test_one_and_one_point_nought_are_one_value():
    keys = {
        CELL.model_copy(update={"model": ModelSpec(name="resnet18", options={"width": w})}).key
        for w in (1, 1.0)
    }
    assert len(keys) == 1


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON)
def test_canonical_is_json_that_reads_back_to_itself(content):
    assert canonical(json.loads(canonical(content))) == canonical(content)


def test_a_digest_is_the_head_of_a_sha_256():
    # printf '{"a":1}' | sha256sum
    assert digest({"a": 1.0}) == "015abd7f5cc57a2d"


@pytest.mark.parametrize(
    ("options", "title"),
    [
        ({}, "resnet18"),
        ({"size": 64, "width": 0.5}, "resnet18 size=64 width=0.5"),
        ({"size": 64, "anchors": [[1, 2]]}, "resnet18 size=64"),
    ],
)
def test_a_title_is_the_model_and_what_was_asked_of_it(options, title):
    spec = ModelSpec.model_validate({"name": "resnet18", "options": options})
    assert CELL.model_copy(update={"model": spec}).title == title


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (TrainRecipe, {"epochs": 0}),
        (TrainRecipe, {"epoch": 3}),
        (TrainRecipe, {"lr": float("nan")}),
        (TrainRecipe, {"lr": float("inf")}),
        (TrainRecipe, {"momentum": 1.01}),
        (TrainRecipe, {"milestones": (0.5, 1.5)}),
        (Augment, {"scale": (2.0, 1.0)}),
        (Augment, {"scale": (0.0, 1.0)}),
        (Augment, {"hue": 0.6}),
        (Augment, {"saturation": 0.5}),
        (Augment, {"exposure": 0.0}),
        (Augment, {"aspect": 0.5}),
        (Augment, {"lighting": -0.1}),
        (LatencyPlan, {"warmup": "soon"}),
        (Runtime, {"device": "cuda:x"}),
        (Runtime, {"device": "cuda:0\n"}),
        (ModelSpec, {"name": "a", "options": {"x": {"y": 1}}}),
    ],
)
def test_what_makes_no_sense_is_refused(kind, values):
    with pytest.raises(ValidationError):
        kind(**values)


def test_a_range_that_runs_backwards_is_told_the_right_way():
    with pytest.raises(ValidationError, match=r"the range \[2\.0, 1\.0\] is reversed; write \[1\.0, 2\.0\]"):
        Augment(scale=(2.0, 1.0))


def test_a_spec_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        CELL.seed = 3


def test_a_mode_an_engine_and_graphs_have_one_spelling_where_they_are_the_usual_ones():
    usual = Runtime(compile="default", engine="torch", cuda_graphs=False)
    assert (usual.compile, usual.engine, usual.cuda_graphs) == (True, None, None)
    assert Runtime(compile="max-autotune").compile == "max-autotune"


def test_what_an_engine_is_given_is_contiguous_whatever_is_said():
    assert Runtime(engine="onnx").layout == "contiguous"
    assert Runtime(engine="openvino", layout="channels_last").layout == "contiguous"
    assert Runtime(engine="torch").layout == "channels_last"
