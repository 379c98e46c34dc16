"""What a reader of the metrics has to know of the images is in the record's notes."""

from types import SimpleNamespace

import pytest

from cvbench.errors import DataError, InputError
from cvbench.runner.cell import load_metrics, run_cell
from cvbench.runner.messages import CellJob
from cvbench.runner.progress import StageTimes
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, TrainRecipe
from tests.data.datasets.trees.pixels import jpeg, pixels


def result(root, tmp_path, **fields):
    cell = Cell(
        model=ModelSpec(name="resnet18", options={"size": 32, "width": 0.125}),
        data=DataSpec(name="folder", root=str(root), split="val", **fields),
        train=TrainRecipe(epochs=1, batch=4),
        metrics=("topk",),
        seed=3,
    )
    (tmp_path / "staged").mkdir()
    job = CellJob(cell=cell, weights=None, staged=tmp_path / "staged", checkpoints=tmp_path / "checkpoints")
    return run_cell(job, times=StageTimes(lambda _: None))


@pytest.fixture
def root(tmp_path):
    for number, path in enumerate(["train/a/1", "train/b/2", "val/a/3", "val/b/4", "val/b/5"]):
        file = tmp_path / "data" / f"{path}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(jpeg(pixels(number % 4)))  # val/b/4 is another, val/b/5 is train/a/1
    return tmp_path / "data"


def test_images_that_were_trained_on_are_counted_in_the_notes(root, tmp_path):
    found = result(root, tmp_path, limit=3)

    (note,) = found.notes
    assert note.startswith(
        f"1 of 3 images of the scored split are in the training split: {root}/val/b/5.jpg. A model"
    )


def test_a_record_says_how_its_images_were_drawn(root, tmp_path):
    found = result(root, tmp_path, limit=2)

    assert found.passports["val"].drawn == "2 of 3 images, evenly over their order, seed 3"
    assert found.passports["train"].drawn is None


def test_training_on_other_labels_is_refused_before_it_begins(root, tmp_path, monkeypatch):
    from cvbench.runner import cell

    monkeypatch.setattr(cell, "trained", None)
    own = cell.open_dataset

    def other(spec, *, split=None, **given):
        dataset = own(spec, split=split, **given)
        object.__setattr__(dataset, "classes", ("b", "a"))
        return dataset

    monkeypatch.setattr(cell, "open_dataset", other)
    with pytest.raises(
        DataError,
        match=r"(?s)training and scored images have different classes.*train  2: b, a.*val    2: a, b",
    ):
        result(root, tmp_path)


def test_what_is_no_metric_is_never_called(tmp_path):
    began = tmp_path / "began"
    classes = SimpleNamespace(classes=("touch", str(began)))
    cell = Cell(model=ModelSpec(name="resnet18"), data=DataSpec(name="fashion"), metrics=("subprocess:call",))
    with pytest.raises(InputError, match=r"subprocess:call: not a metric: it has no update, merge, compute"):
        load_metrics(cell, classes)
    assert not began.exists()
