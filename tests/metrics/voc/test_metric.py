"""VOC's average precision is that of the development kit, and of its Python port by that name."""

import numpy as np
import pytest
import torch

from cvbench.metrics.voc.evaluation import (
    MATLAB_2007,
    MATLAB_2012,
    PYTHON_2007,
    PYTHON_2012,
    VocDetections,
    VocTruth,
    average_precision,
    curve,
    match_voc,
)
from cvbench.metrics.voc.metric import Voc2007, Voc2007Python, Voc2012, Voc2012Python
from cvbench.values import Detections
from tests.oracles.voc import voc_average_precision, voc_problem


@pytest.mark.parametrize("rule", [MATLAB_2007, MATLAB_2012, PYTHON_2007, PYTHON_2012])
def test_any_scene_is_scored_as_by_a_plain_reading_of_the_devkit(rule):
    for seed in range(150):
        true, seen, classes, images = voc_problem(seed)
        lines = match_voc(VocTruth(**true), VocDetections(**seen), classes=classes, strict=rule.strict)
        for k, line in enumerate(lines):
            expected = voc_average_precision(
                _of_class(true, k, "difficult"),
                _of_class(seen, k, "score"),
                eleven_points=rule.average == "11 points",
                strict=rule.strict,
                points=rule.points,
            )
            if expected is None:
                assert len(line.object_image) == 0
            else:
                ours = average_precision(curve(line, np.ones(images)), rule)
                assert float(ours) == pytest.approx(expected, abs=1e-12)  # sums in another order


def _of_class(side, k, last):
    here = np.flatnonzero(side["label"] == k)
    return [(side["image"][i], side["boxes"][i].tolist(), side[last][i]) for i in here]


def scored(metric, found, objects, *, difficult=None):
    """The value of a metric over one class and one image; detections come with their scores."""
    boxes = torch.tensor([box for box, _ in found]).reshape(-1, 4)
    scores = torch.tensor([score for _, score in found])
    labels = torch.zeros(len(found), dtype=torch.int64)
    truth = Detections(
        torch.tensor(objects).reshape(-1, 4),
        torch.zeros(len(objects), dtype=torch.int64),
        torch.ones(len(objects)),
        difficult=None if difficult is None else torch.tensor(difficult),
    )
    metric.update(["1"], [Detections(boxes, labels, scores)], [truth])
    return metric.compute()[0].value


TWO = [[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 60.0, 60.0]]
TRUE_FALSE_TRUE = [(TWO[0], 0.9), ([80.0, 80.0, 90.0, 90.0], 0.8), (TWO[1], 0.7)]


def test_eleven_points_worked_out_by_hand():
    # Precision 1 up to recall 0.5, which six of the points reach; then 2/3.
    assert scored(Voc2007(["a"]), TRUE_FALSE_TRUE, TWO) == pytest.approx((6 + 5 * 2 / 3) / 11)


def test_the_area_worked_out_by_hand():
    assert scored(Voc2012(["a"]), TRUE_FALSE_TRUE, TWO) == pytest.approx(0.5 + 0.5 * 2 / 3)


@pytest.mark.parametrize(
    ("metric", "value"), [(Voc2007, 1), (Voc2012, 1), (Voc2007Python, 0), (Voc2012Python, 0)]
)
def test_an_overlap_of_just_a_half_is_enough_but_for_the_python_port(metric, value):
    half = [([0.0, 0.0, 10.0, 5.0], 0.9)]
    assert scored(metric(["a"]), half, TWO[:1]) == pytest.approx(value)


def test_three_tenths_of_the_objects_are_less_than_the_recall_of_three_tenths():
    # MATLAB's 0:0.1:1 holds 3 * 0.1, which is above 0.3; so three points are reached, not four.
    objects = [[20.0 * i, 0.0, 20.0 * i + 10, 10.0] for i in range(10)]
    found = [(box, 0.9) for box in objects[:3]]
    assert scored(Voc2007(["a"]), found, objects) == pytest.approx(3 / 11)


def test_a_difficult_object_need_not_be_found_and_counts_for_nothing_however_often_it_is():
    found = [(TWO[1], 0.9), (TWO[1], 0.8), (TWO[0], 0.7)]
    assert scored(Voc2012(["a"]), found, TWO, difficult=[False, True]) == 1


def test_a_second_detection_of_an_object_is_false_even_if_another_object_is_near():
    near = [[0.0, 0.0, 10.0, 10.0], [0.0, 1.0, 10.0, 11.0]]
    found = [(near[0], 0.9), (near[0], 0.8)]
    assert scored(Voc2012(["a"]), found, near) == pytest.approx(0.5)


def test_a_class_without_objects_is_missing_and_not_in_the_mean():
    metric = Voc2012(["a", "b"])
    assert scored(metric, TRUE_FALSE_TRUE, TWO) == pytest.approx(0.5 + 0.5 * 2 / 3)
    part = metric.compute()[0].parts[1]
    assert (part.value, part.missing, part.n) == (None, "no object of this class", 0)


def test_without_detections_the_value_is_0_and_without_objects_there_is_none():
    assert scored(Voc2012(["a"]), [], TWO) == 0
    metric = Voc2012(["a"])
    assert scored(metric, TRUE_FALSE_TRUE, []) is None
    assert metric.compute()[0].missing == "no object to be found"


def test_the_interval_is_around_the_value():
    metric = Voc2012(["a"])
    for i in range(40):
        box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
        label, score = torch.zeros(1, dtype=torch.int64), torch.tensor([1 - i / 100])
        away = box + (100.0 if i % 3 == 0 else 0.0)
        metric.update([str(i)], [Detections(away, label, score)], [Detections(box, label, torch.ones(1))])
    figure = metric.compute()[0]
    assert figure.n == 40
    assert figure.interval[0] < figure.value < figure.interval[1]
