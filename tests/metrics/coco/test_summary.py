import numpy as np
import pytest

from cvbench.metrics.coco.evaluation import RECALLS, evaluate_coco
from cvbench.metrics.coco.summary import FIGURES, curve, value
from tests.metrics.coco_problems import box_problem


@pytest.fixture
def evaluation():
    problem = box_problem(1)
    return evaluate_coco(problem.truth, problem.detections, classes=problem.classes)


def test_a_figure_over_all_classes_is_the_mean_of_theirs(evaluation):
    classes = evaluation.precision.shape[2]
    for figure in FIGURES.values():
        own = [value(evaluation, figure, label=k) for k in range(classes)]
        known = [v for v in own if v is not None]
        overall = value(evaluation, figure)
        assert overall == (pytest.approx(np.mean(known)) if known else None)


def test_a_curve_falls_and_its_mean_is_the_average_precision(evaluation):
    drawn = curve(evaluation, 0, iou=0.5)
    assert (np.diff(drawn.precision) <= 0).all()
    assert drawn.precision.mean() == pytest.approx(value(evaluation, FIGURES["AP50"], label=0))
    assert drawn.recall is RECALLS


def test_a_class_without_objects_has_no_curve(evaluation):
    empty = np.flatnonzero(evaluation.objects[:, 0] == 0)
    assert len(empty) > 0
    assert curve(evaluation, int(empty[0])) is None


def test_an_iou_that_is_no_threshold_is_refused(evaluation):
    with pytest.raises(ValueError, match=r"IoU 0\.52 is none of the thresholds \[0\.5, 0\.55"):
        curve(evaluation, 0, iou=0.52)
