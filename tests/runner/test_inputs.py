"""What a cell reads from the disk is known by its content."""

import os

import pytest

from cvbench.runner import inputs
from cvbench.runner.inputs import Inputs, fingerprint_of_folder
from cvbench.spec.cell import Cell, DataSpec, ModelSpec
from cvbench.spec.suite import plan_cell


@pytest.fixture
def data(tmp_path):
    for name, text in {"val/ant/0.jpg": "ant", "val/bee/0.jpg": "bee", "val/.hidden": "x"}.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(text)
    return tmp_path / "data"


def known(data, out=None):
    return fingerprint_of_folder(data, without=out or data.parent / "results")


def swapped(data):
    for old, new in (("ant", "t"), ("bee", "ant"), ("t", "bee")):
        (data / "val" / old).rename(data / "val" / new)


@pytest.mark.parametrize("most", [inputs.READ_WHOLE, 0])
@pytest.mark.parametrize(
    "change",
    [
        swapped,
        lambda data: (data / "val/ant/0.jpg").write_text("ANT"),
        lambda data: (data / "val/ant/1.jpg").write_text("ant"),
        lambda data: (data / "val/ant/0.jpg").unlink(),
    ],
)
def test_changed_data_have_another_fingerprint(data, change, most, monkeypatch):
    monkeypatch.setattr(inputs, "READ_WHOLE", most)
    before = known(data)
    change(data)
    assert known(data) != before


def test_times_hidden_files_and_results_do_not_count(data):
    before = known(data, data / "results")
    os.utime(data / "val/ant/0.jpg", (1, 1))
    (data / "val/.hidden").write_text("y")
    (data / "results").mkdir()
    (data / "results/run.json").write_text("{}")
    (data / "loop").symlink_to(data)
    os.mkfifo(data / "pipe")
    assert known(data, data / "results") == before


def test_a_cells_inputs_are_its_weights_its_data_and_files_that_options_name(data, monkeypatch):
    monkeypatch.chdir(data.parent)
    weights = data.parent / "best.pth"
    names = data.parent / "names.txt"
    names.write_text("ant\nbee\n")
    cell = Cell(
        model=ModelSpec(name="resnet18", weights=str(weights)),
        data=DataSpec(name="folder", root="data", split="val", options={"classes": "names.txt"}),
    )

    def now():
        return Inputs(without=data.parent / "results").of(plan_cell(cell, has_gpu=False))

    missing = now()
    assert set(missing) == {"data", "data.classes"}
    weights.write_bytes(b"one")
    first = now()
    assert set(first) == {"data", "data.classes", "weights"}
    weights.write_bytes(b"two")
    assert {name for name in first if now()[name] != first[name]} == {"weights"}
