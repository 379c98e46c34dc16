import pytest
import torch

from cvbench.data.datasets import drawn, joint, open_dataset
from cvbench.errors import DataError, InputError
from cvbench.models.yolo.yolo9000 import yolo9000
from cvbench.runner.cell import run_cell
from cvbench.runner.messages import CellJob
from cvbench.runner.progress import StageTimes
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, TrainRecipe
from cvbench.training.engine import ignore, train
from cvbench.values import ClassScores, Detections

SCENES = DataSpec(name="fashion-scenes", options={"size": 64, "train": 6})


def scenes():
    return open_dataset(SCENES, task="detection", split="train")


def garments(count):
    return open_dataset(DataSpec(name="fashion"), task="classification", split="train", limit=count)


class Backwards:
    """The garments under labels that count from the other end."""

    def __init__(self, dataset, classes=None):
        self.dataset, self.passport, self.task = dataset, dataset.passport, dataset.task
        self.classes = classes or dataset.classes[::-1]

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        sample = self.dataset[index]
        return type(sample)(sample.image, ClassScores(sample.truth.scores.flip(0)), sample.id)


@pytest.mark.parametrize("count", [1, 3, 6, 20])
def test_every_sample_of_both_is_there_once(count):
    both = joint(scenes(), garments(count))
    samples = [both[index] for index in range(6 + count)]
    assert len(both) == len(samples)
    for kind, data in ((Detections, scenes()), (ClassScores, garments(count))):
        found = [sample.id for sample in samples if isinstance(sample.truth, kind)]
        assert found == [data[index].id for index in range(len(data))]


def test_they_come_in_turn():
    both = joint(scenes(), garments(6))
    kinds = [type(both[index].truth) for index in range(12)]
    assert kinds == [Detections, ClassScores] * 6


def test_classes_are_found_by_name():
    both = joint(scenes(), Backwards(garments(6)))
    expected = garments(6)
    for index in range(6):
        assert both[2 * index + 1].truth.label == expected[index].truth.label
        assert len(both[2 * index + 1].truth.scores) == 10


def test_a_class_that_has_no_boxes_is_refused():
    with pytest.raises(DataError, match=r"fashion: the class 'Sofa' is not a class of fashion-scenes"):
        joint(scenes(), Backwards(garments(2), classes=("Sofa",)))


def test_another_second_set_is_another_passport():
    passports = [joint(scenes(), garments(count)).passport for count in (1, 2)]
    assert passports[0].sha256 != passports[1].sha256
    assert (passports[1].name, passports[1].images) == ("fashion-scenes + fashion", 8)
    assert passports[0].sha256 != scenes().passport.sha256


def test_a_detector_is_trained_on_both_at_once():
    torch.manual_seed(0)
    model = yolo9000(10, size=64, width=0.125)
    data = drawn(joint(scenes(), garments(6)), 12)
    recipe = TrainRecipe(epochs=2, batch=4, optimizer="adamw", lr=1e-3)
    curve = train(model, data, recipe, seed=0, device=torch.device("cpu"))
    assert model.seen == 24
    assert all(torch.tensor(values).isfinite().all() for values in curve.terms.values())


def test_a_detector_that_learns_from_boxes_only_is_refused_a_second_set(tmp_path):
    also = DataSpec(name="fashion", limit=2)
    cell = Cell(
        model=ModelSpec(name="yolo_v1_tiny", options={"size": 64, "width": 0.125}),
        data=SCENES,
        train=TrainRecipe(also=also),
        metrics=("coco",),
    )
    job = CellJob(cell=cell, weights=None, staged=tmp_path, checkpoints=tmp_path)
    with pytest.raises(
        InputError, match=r"yolo_v1_tiny: train.also: this model trains on images with boxes only"
    ):
        run_cell(job, times=StageTimes(ignore))
