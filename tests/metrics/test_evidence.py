"""Tables that explain figures: the figures can be computed from them."""

import numpy as np
import pytest
import torch

from cvbench.interfaces import Explained
from cvbench.metrics.classification import TopK
from cvbench.metrics.coco.evaluation import RECALLS, evaluate_coco
from cvbench.metrics.coco.evidence import best_score, confusion_from, explain_figures
from cvbench.metrics.coco.metric import CocoBoxAP
from cvbench.metrics.coco.summary import values
from cvbench.metrics.segmentation import MeanIoU
from cvbench.metrics.voc.evaluation import (
    MATLAB_2007,
    MATLAB_2012,
    VocDetections,
    VocTruth,
    average_precision,
    curve,
    match_voc,
)
from cvbench.metrics.voc.metric import Voc2007, Voc2012, curves
from cvbench.values import VOID, ClassScores, Detections, LabelMap
from tests.metrics.coco.test_error_analysis import AWAY, FITS, SHIFTED
from tests.metrics.coco_problems import box_problem
from tests.metrics.voc.test_metric import TRUE_FALSE_TRUE, TWO, scored
from tests.oracles.voc import voc_problem


def matrix(evidence, classes):
    counts = np.zeros((classes, classes), int)
    columns = evidence.columns
    counts[columns["true"], columns["predicted"]] = columns["count"]
    return counts


@pytest.mark.parametrize("metric", [TopK, CocoBoxAP, MeanIoU, Voc2007, Voc2012])
def test_these_metrics_explain_themselves_and_have_nothing_to_tell_of_no_images(metric):
    empty = metric(("a", "b"))
    assert isinstance(empty, Explained)
    assert all(not column for table in empty.evidence() for column in table.columns.values())


def test_answers_are_counted_by_true_and_predicted_class():
    metric = TopK(("a", "b", "c"))
    answers = [(0, 0), (0, 2), (0, 2), (1, 1)]
    metric.update(
        list("wxyz"), [ClassScores.of(p, 3) for _, p in answers], [ClassScores.of(t, 3) for t, _ in answers]
    )
    [confusion] = metric.evidence()
    assert matrix(confusion, 3).tolist() == [[1, 0, 2], [0, 1, 0], [0, 0, 0]]
    assert confusion.about == {"unit": "images"}


def test_the_mean_iou_follows_from_the_pixels_that_were_taken_for_others():
    draw, whole, parts = (
        np.random.default_rng(0),
        MeanIoU(tuple("abcd")),
        [MeanIoU(tuple("abcd")) for _ in range(2)],
    )
    for i in range(6):
        true, seen = (torch.from_numpy(draw.integers(0, 4, (5, 7)).astype(np.uint8)) for _ in range(2))
        true[0, 0] = VOID
        for metric in (whole, parts[i % 2]):
            metric.update([str(i)], [LabelMap(seen)], [LabelMap(true)])
    counts = matrix(whole.evidence()[0], 4)
    assert counts.sum() == 6 * (5 * 7 - 1)
    iou = counts.diagonal() / (counts.sum(0) + counts.sum(1) - counts.diagonal())
    assert whole.compute()[0].value == pytest.approx(iou.mean())
    parts[0].merge(parts[1])
    assert matrix(parts[0].evidence()[0], 4).tolist() == counts.tolist()


@pytest.mark.parametrize("seed", range(12))
def test_ap50_and_ap75_are_the_mean_precision_of_the_curves(seed):
    truth, detections, classes, _, _ = box_problem(seed)
    evaluation = evaluate_coco(truth, detections, classes=classes)
    tables = {
        table.kind: table.columns for table in explain_figures(truth, detections, evaluation=evaluation)
    }
    expected = values(evaluation)
    if expected["AP50"] is None:
        assert tables == {}
        return
    there = int((evaluation.objects[:, 0] > 0).sum())
    for iou, name in ((0.5, "AP50"), (0.75, "AP75")):
        at = np.array(tables["curves"]["iou"]) == iou
        total = np.array(tables["curves"]["precision"])[at].sum()
        assert total / (there * len(RECALLS)) == pytest.approx(expected[name], abs=1e-12)


def test_a_voc_curve_worked_out_by_hand():
    # Precision 1 up to recall 0.5, reached at score 0.9; then 2/3, reached at 0.7. No "b" is detected.
    metric = Voc2012(["a", "b", "c"])
    scored(metric, TRUE_FALSE_TRUE, TWO)
    other = Detections(torch.tensor([TWO[0]]), torch.ones(1, dtype=torch.int64), torch.ones(1))
    metric.update(["2"], [Detections.none()], [other])
    [table] = metric.evidence()
    assert table.kind == "curves"
    columns = {name: np.array(column) for name, column in table.columns.items()}
    assert columns["label"].tolist() == [0] * 101 + [1]
    assert columns["recall"].tolist() == [*RECALLS, 0]
    assert columns["precision"].tolist() == [1] * 51 + [2 / 3] * 50 + [0]
    assert columns["score"].astype(np.float32).tolist() == np.float32([0.9] * 51 + [0.7] * 50 + [0]).tolist()
    assert set(columns["iou"]) == {0.5}


def test_the_eleven_points_of_2007_follow_from_the_curves_and_the_area_of_2012_nearly():
    compared = 0
    for seed in range(60):
        true, seen, classes, images = voc_problem(seed)
        lines = match_voc(VocTruth(**true), VocDetections(**seen), classes=classes)
        columns = curves(lines, images=images).columns
        label, recall, precision = (np.array(columns[name]) for name in ("label", "recall", "precision"))
        for k, line in enumerate(lines):
            if len(line.object_image) % 10 and len(line.score):  # else 0.3 is reached, and 3 * 0.1 is not
                own, at = precision[label == k], np.round(100 * recall[label == k]).astype(int)
                plain = curve(line, np.ones(images))
                assert own[at % 10 == 0].sum() / 11 == pytest.approx(average_precision(plain, MATLAB_2007))
                assert own.sum() / 101 == pytest.approx(average_precision(plain, MATLAB_2012), abs=0.02)
                compared += 1
    assert compared > 20


@pytest.mark.parametrize("seed", range(12))
def test_every_object_that_is_no_crowd_stands_in_one_cell_of_the_confusion(seed):
    truth, detections, classes, _, _ = box_problem(seed)
    counts = confusion_from(truth, detections, float("-inf"), classes=classes)
    to_find = np.bincount(truth.label[~truth.crowd], minlength=classes)
    assert counts[:classes].sum(1).tolist() == to_find.tolist()
    assert (counts[:, :classes].sum(0) <= np.bincount(detections.label, minlength=classes)).all()


def scene(*detections, objects=((0, FITS),)):
    """(class, box, score) against (class, box), as the arrays of one image."""
    from tests.metrics.coco_problems import CocoDetections, CocoTruth, box_regions

    truth = CocoTruth(
        np.zeros(len(objects), np.int64),
        np.array([label for label, _ in objects], np.int64),
        box_regions(np.array([box for _, box in objects], float)),
        np.full(len(objects), 100.0),
        np.zeros(len(objects), bool),
    )
    found = CocoDetections(
        np.zeros(len(detections), np.int64),
        np.array([label for label, _, _ in detections], np.int64),
        box_regions(np.array([box for _, box, _ in detections], float).reshape(-1, 4)),
        np.array([score for *_, score in detections], float),
    )
    return truth, found


def test_what_is_found_as_another_class_missed_or_found_for_nothing():
    #            taken for class 1, nothing there, overlaps by 0.3 only, below the score
    found = [(1, FITS, 0.9), (0, AWAY, 0.8), (0, SHIFTED, 0.7), (0, FITS, 0.1)]
    truth, detections = scene(*found, objects=((0, FITS), (1, [80, 80, 5, 5])))
    counts = confusion_from(truth, detections, 0.5, classes=2)
    assert counts.tolist() == [[0, 1, 0], [0, 0, 1], [2, 0, 0]]


def test_the_best_score_is_the_highest_with_the_best_balance():
    # At 0.9: 1 of 1 right, 1 of 2 objects: F1 2/3. At 0.6: 2 of 3 right, 2 of 2: F1 4/5. At 0.2: 2 of 4: 2/3.
    objects = ((0, FITS), (0, AWAY))
    truth, detections = scene(
        (0, FITS, 0.9), (0, [20, 20, 5, 5], 0.6), (0, AWAY, 0.6), (0, SHIFTED, 0.2), objects=objects
    )
    best = best_score(truth, detections, classes=1)
    assert (best.score, best.f1) == (0.6, pytest.approx(0.8))


def test_where_nothing_is_found_there_is_no_best_score():
    assert tuple(best_score(*scene((0, AWAY, 0.9)), classes=1)) == (0.0, 0.0)
    assert tuple(best_score(*scene(), classes=1)) == (0.0, 0.0)
