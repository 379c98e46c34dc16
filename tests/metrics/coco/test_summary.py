import numpy as np
import pytest

from cvbench.metrics.coco.evaluation import evaluate_coco
from cvbench.metrics.coco.summary import FIGURES, threshold, value
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


def test_an_iou_that_is_no_threshold_is_refused():
    with pytest.raises(ValueError, match=r"IoU 0\.52 is not one of the thresholds \[0\.5, 0\.55"):
        threshold(0.52)
