"""A model that gives NaN or infinity is reported, whatever its task."""

import pytest
import torch

from cvbench.errors import CellError
from cvbench.runner.cell import run_cell
from cvbench.runner.messages import CellJob
from cvbench.runner.progress import StageTimes
from cvbench.runner.unsound import Unsound
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, Runtime
from cvbench.training.engine import ignore
from cvbench.values import ClassScores, Detections, LabelMap

NAN, INF = float("nan"), float("inf")


def scored(tmp_path, *, broken: int, value: float = NAN, metrics: tuple[str, ...] = ("topk",)):
    """A cell of the tests' shades, whose model gives `value` for the first `broken` of 16 images."""
    options = {"broken": broken, "value": str(value)}
    cell = Cell(
        model=ModelSpec(name="tests.runner.toys:unsound", task="classification", options=options),
        data=DataSpec(name="tests.runner.toys:Shades"),
        metrics=metrics,
        runtime=Runtime(device="cpu", batch=4),
    )
    job = CellJob(cell=cell, weights=None, staged=tmp_path, checkpoints=tmp_path)
    return run_cell(job, times=StageTimes(ignore))


def test_some_images_of_nan_are_a_warning_with_their_number(tmp_path):
    said = "accuracy: the model's output is NaN for 3 of 16 images, scored as usual"
    assert scored(tmp_path, broken=3).cautions == (said,)


def test_infinity_is_counted_too_and_a_sound_model_has_no_warning(tmp_path):
    assert "infinite for 2 of 16" in scored(tmp_path, broken=2, value=INF).cautions[0]
    assert scored(tmp_path, broken=0).cautions == ()


def test_nan_for_every_image_fails_the_cell_with_a_remedy(tmp_path):
    with pytest.raises(CellError, match=r"NaN for each of the 16 images(.|\n)*runtime\.precision: fp32"):
        scored(tmp_path, broken=16)


def test_without_metrics_nothing_is_scored(tmp_path):
    result = scored(tmp_path, broken=16, metrics=())
    assert result.measurements == ()
    assert result.attachments == ()


@pytest.mark.parametrize(
    ("outputs", "predictions"),
    [
        ({"boxes": torch.tensor([[[0.0]], [[NAN]]])}, [Detections.none(), Detections.none()]),
        (torch.tensor([0.0, NAN]).reshape(2, 1, 1, 1), [LabelMap(torch.zeros(1, 1).byte())] * 2),
        ((torch.zeros(2, 3),), [ClassScores(torch.zeros(3)), ClassScores(torch.tensor([0.0, NAN, 0.0]))]),
    ],
)
def test_an_image_is_found_in_raw_outputs_and_in_predictions(outputs, predictions):
    unsound = Unsound()
    unsound.see(outputs, predictions, images=2)
    assert "NaN for 1 of 2 images" in unsound.warnings()[0]
