"""The COCO rule against pycocotools, the VOC rule against a plain reading of the devkit."""

import contextlib
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor

from cvbench.boxes import NOBODY, crowd_iou, iou, match_coco, match_voc, xywh_to_xyxy

HALF = torch.tensor([0.5], dtype=torch.float64)
NO_CROWD = {"crowd": torch.tensor([False, False]), "ignored": torch.tensor([[False, False]])}


def coco(overlaps, *, thresholds=HALF, crowd=NO_CROWD["crowd"], ignored=NO_CROWD["ignored"], outside=None):
    overlaps = torch.tensor(overlaps)
    outside = torch.zeros(len(ignored), len(overlaps), dtype=torch.bool) if outside is None else outside
    matches = match_coco(overlaps, thresholds=thresholds, crowd=crowd, ignored=ignored, outside=outside)
    return matches.truth.tolist(), matches.ignored.tolist()


def test_each_detection_takes_the_best_truth_that_is_free():
    # The first takes truth 1; the second wanted it too and gets truth 0; the third finds none.
    truth, ignored = coco([[0.6, 0.9], [0.5, 0.8], [0.9, 0.9]])
    assert truth == [[[1, 0, NOBODY]]]
    assert ignored == [[[False, False, False]]]


def test_among_equal_overlaps_the_later_truth_is_taken():
    assert coco([[0.7, 0.7]])[0] == [[[1]]]


def test_an_overlap_of_exactly_the_threshold_is_enough():
    assert coco([[0.5, 0.49]])[0] == [[[0]]]


def test_a_truth_that_counts_is_preferred_to_an_ignored_one_with_more_overlap():
    one_ignored = torch.tensor([[False, True]])
    assert coco([[0.6, 0.9]], ignored=one_ignored) == ([[[0]]], [[[False]]])
    assert coco([[0.4, 0.9]], ignored=one_ignored) == ([[[1]]], [[[True]]])


def test_a_crowd_is_never_used_up_and_an_ignored_object_is():
    one_ignored = torch.tensor([[False, True]])
    rows = [[0.0, 0.9]] * 2
    assert coco(rows, ignored=one_ignored) == ([[[1, NOBODY]]], [[[True, False]]])
    assert coco(rows, ignored=one_ignored, crowd=torch.tensor([False, True])) == (
        [[[1, 1]]],
        [[[True, True]]],
    )


def test_a_false_detection_outside_the_area_range_does_not_count():
    outside = torch.tensor([[True, False]])
    assert coco([[0.0, 0.0], [0.0, 0.0]], outside=outside)[1] == [[[True, False]]]


def test_without_truths_or_detections_there_is_nobody():
    none = {"crowd": torch.zeros(0, dtype=torch.bool), "ignored": torch.zeros(2, 0, dtype=torch.bool)}
    thresholds = torch.tensor([0.5, 0.75], dtype=torch.float64)
    outside = torch.zeros(2, 3, dtype=torch.bool)
    matches = match_coco(torch.zeros(3, 0), thresholds=thresholds, outside=outside, **none)
    assert (matches.truth == NOBODY).all()
    assert matches.truth.shape == (2, 2, 3)
    matches = match_coco(torch.zeros(0, 0), thresholds=thresholds, outside=outside[:, :0], **none)
    assert matches.truth.shape == (2, 2, 0)


SIDES = st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(0, 60)] * 2)
TRUTHS = st.lists(st.tuples(SIDES, st.booleans(), st.sampled_from([100, 1024, 9216, 10000])), max_size=6)
DETECTIONS = st.lists(SIDES, max_size=8)


def reference(truths, detections) -> COCOeval:
    """What pycocotools does with one image and one category; detections stand best first."""
    sides = []
    for rows, scored in ((truths, False), (detections, True)):
        side = COCO()
        side.dataset = {
            "images": [{"id": 1}],
            "categories": [{"id": 1, "name": "thing"}],
            "annotations": [
                {
                    "id": index + 1,
                    "image_id": 1,
                    "category_id": 1,
                    "bbox": list(row if scored else row[0]),
                    "area": row[2] * row[3] if scored else row[2],
                    "iscrowd": 0 if scored else int(row[1]),
                    "score": 1 - index / 100,
                }
                for index, row in enumerate(rows)
            ],
        }
        with contextlib.redirect_stdout(io.StringIO()):
            side.createIndex()
        sides.append(side)
    evaluation = COCOeval(*sides, "bbox")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
    return evaluation


@settings(deadline=None)
@given(truths=TRUTHS, detections=DETECTIONS)
def test_the_coco_rule_is_that_of_pycocotools(truths, detections):
    evaluation = reference(truths, detections)
    found = xywh_to_xyxy(torch.tensor(detections, dtype=torch.float64).reshape(-1, 4))
    boxes = xywh_to_xyxy(torch.tensor([row[0] for row in truths], dtype=torch.float64).reshape(-1, 4))
    crowd = torch.tensor([row[1] for row in truths], dtype=torch.bool)
    ranges = torch.tensor(evaluation.params.areaRng)[..., None]  # a 2 1

    def outside(areas: Tensor) -> Tensor:
        return (areas < ranges[:, 0]) | (areas > ranges[:, 1])

    ours = match_coco(
        torch.where(crowd, crowd_iou(found, boxes), iou(found, boxes)),
        thresholds=torch.from_numpy(evaluation.params.iouThrs),
        crowd=crowd,
        ignored=crowd | outside(torch.tensor([row[2] for row in truths], dtype=torch.float64)),
        outside=outside(torch.tensor([w * h for _, _, w, h in detections], dtype=torch.float64)),
    )
    for index, image in enumerate(evaluation.evalImgs):
        if image is not None:  # neither a truth nor a detection
            assert (image["dtMatches"] - 1).astype(int).tolist() == ours.truth[index].tolist()
            assert image["dtIgnore"].astype(bool).tolist() == ours.ignored[index].tolist()


def voc(overlaps, difficult=(False, False), **rule):
    matches = match_voc(torch.tensor(overlaps), difficult=torch.tensor(difficult), **rule)
    return matches.truth.tolist(), matches.ignored.tolist()


def test_the_voc_rule_has_no_second_choice():
    # The second detection's best truth is taken: that truth 0 would do for it does not help.
    assert voc([[0.6, 0.9], [0.6, 0.8]]) == ([1, NOBODY], [False, False])


def test_a_difficult_object_is_found_again_and_again_and_never_counts():
    assert voc([[0.9, 0.1], [0.8, 0.1]], difficult=(True, False)) == ([NOBODY] * 2, [True] * 2)


def test_among_equal_overlaps_the_voc_rule_takes_the_first():
    assert voc([[0.7, 0.7], [0.7, 0.7]]) == ([0, NOBODY], [False, False])


@pytest.mark.parametrize(("strict", "truth"), [(False, [0]), (True, [NOBODY])])
def test_exactly_the_threshold_is_enough_for_the_devkit_and_not_for_its_python_port(strict, truth):
    assert voc([[0.5, 0.2]], strict=strict)[0] == truth


def test_without_truths_every_detection_is_false():
    matches = match_voc(torch.zeros(2, 0), difficult=torch.zeros(0, dtype=torch.bool))
    assert matches.truth.tolist() == [NOBODY] * 2
    assert not matches.ignored.any()


def one_after_the_other(overlaps, difficult, threshold, *, strict):
    """The devkit's rule as it reads: each detection in turn looks at its best object."""
    truth, ignored, taken = [], [], set()
    for row in overlaps.tolist():
        best = row.index(max(row))
        reaches = row[best] > threshold if strict else row[best] >= threshold
        free = reaches and not difficult[best] and best not in taken
        truth.append(best if free else NOBODY)
        ignored.append(reaches and bool(difficult[best]))
        taken |= {best} if free else set()
    return truth, ignored


TENTHS = st.integers(0, 10).map(lambda tenth: tenth / 10)


@given(
    images=st.lists(st.lists(st.lists(TENTHS, min_size=3, max_size=3), min_size=5, max_size=5), max_size=3),
    difficult=st.lists(st.booleans(), min_size=3, max_size=3),
    threshold=TENTHS,
    strict=st.booleans(),
)
def test_the_voc_rule_at_once_is_the_voc_rule_one_after_the_other(images, difficult, threshold, strict):
    overlaps = torch.tensor(images, dtype=torch.float64).reshape(-1, 5, 3)
    hard = torch.tensor(difficult)
    together = match_voc(
        overlaps, difficult=hard.expand(len(overlaps), 3), threshold=threshold, strict=strict
    )
    for index, rows in enumerate(overlaps):
        truth, ignored = one_after_the_other(rows, hard, threshold, strict=strict)
        assert together.truth[index].tolist() == truth
        assert together.ignored[index].tolist() == ignored
