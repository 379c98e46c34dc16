"""Every array of the evaluation has the reference's bits."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.boxes.masks import box_regions
from cvbench.metrics.coco.evaluation import CocoEvaluation, evaluate_coco, match_coco
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.coco.summary import values
from tests.metrics.coco_problems import Problem, box_problem, mask_problem
from tests.oracles.coco import coco_reference


def assert_is_the_reference(problem: Problem) -> None:
    truth, detections, classes, size, max_dets = problem
    ours = evaluate_coco(truth, detections, classes=classes, max_dets=max_dets)
    reference = coco_reference(truth, detections, classes=classes, size=size, max_dets=max_dets)
    for name in ("precision", "recall", "scores"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(reference, name), err_msg=name)
    if len(reference.stats):
        assert [-1 if v is None else v for v in values(ours).values()] == reference.stats.tolist()


@pytest.mark.parametrize("block", range(4))
def test_boxes_are_evaluated_as_the_reference_does(block):
    for seed in range(40 * block, 40 * (block + 1)):
        assert_is_the_reference(box_problem(seed))


@pytest.mark.parametrize("block", range(2))
def test_masks_are_evaluated_as_the_reference_does(block):
    for seed in range(40 * block, 40 * (block + 1)):
        assert_is_the_reference(mask_problem(seed))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(34))
def test_boxes_of_two_thousand_more_scenes_are_evaluated_as_the_reference_does(block):
    for seed in range(1000 + 60 * block, 1000 + 60 * (block + 1)):
        assert_is_the_reference(box_problem(seed))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(34))
def test_masks_of_two_thousand_more_scenes_are_evaluated_as_the_reference_does(block):
    for seed in range(1000 + 60 * block, 1000 + 60 * (block + 1)):
        assert_is_the_reference(mask_problem(seed))


def scene(
    objects: list[list[float]],
    detections: list[list[float]],
    scores: list[float],
    *,
    crowd: list[bool] | None = None,
    area: list[float] | None = None,
    image: list[int] | None = None,
    found_image: list[int] | None = None,
) -> Problem:
    """One class; boxes as (x, y, width, height)."""
    true, found = (np.array(boxes, float).reshape(-1, 4) for boxes in (objects, detections))
    truth = CocoTruth(
        image=np.array([0] * len(true) if image is None else image, np.int64),
        label=np.zeros(len(true), np.int64),
        regions=box_regions(true),
        area=true[:, 2] * true[:, 3] if area is None else np.array(area, float),
        crowd=np.array([False] * len(true) if crowd is None else crowd, bool),
    )
    numbers = np.array([0] * len(found) if found_image is None else found_image, np.int64)
    results = CocoDetections(
        numbers, np.zeros(len(found), np.int64), box_regions(found), np.array(scores, float)
    )
    return Problem(truth, results, 1, None, (1, 10, 100))


def evaluated(problem: Problem) -> CocoEvaluation:
    return evaluate_coco(problem.truth, problem.detections, classes=problem.classes)


def test_a_curve_worked_out_by_hand():
    # Two objects; true, false, true by score. The recalls 0.00 to 0.50 are reached with precision 1,
    # those to 1.00 with 2 of 3 right: (51 * 1 + 50 * 2/3) / 101.
    problem = scene(
        [[0, 0, 10, 10], [50, 50, 10, 10]],
        [[0, 0, 10, 10], [80, 80, 10, 10], [50, 50, 10, 10]],
        [0.9, 0.8, 0.7],
    )
    assert values(evaluated(problem))["AP"] == pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-15)
    assert evaluated(problem).scores[0, [0, 50, 51, 100], 0, 0, 2].tolist() == [0.9, 0.9, 0.7, 0.7]
    assert_is_the_reference(problem)


def test_a_threshold_is_reached_by_an_iou_that_equals_it():
    assert values(evaluated(scene([[0, 0, 10, 10]], [[0, 0, 10, 5]], [0.5])))["AP50"] == pytest.approx(1)


def test_an_object_on_the_limit_of_two_ranges_is_in_both():
    of = values(evaluated(scene([[0, 0, 32, 32]], [[0, 0, 32, 32]], [0.5])))
    assert (of["APs"], of["APm"], of["APl"]) == (pytest.approx(1), pytest.approx(1), None)


def test_a_crowd_is_found_again_and_again_and_at_no_cost():
    crowd = scene(
        [[0, 0, 10, 10], [40, 40, 40, 40]],
        [[45, 45, 9, 9], [50, 50, 9, 9], [0, 0, 10, 10]],
        [0.9, 0.8, 0.7],
        crowd=[False, True],
    )
    assert values(evaluated(crowd))["AP"] == pytest.approx(1)
    assert_is_the_reference(crowd)


def test_a_box_without_area_finds_nothing():
    flat = scene([[0, 0, 10, 10], [5, 5, 0, 10]], [[0, 0, 10, 0], [5, 5, 0, 10]], [0.9, 0.8])
    assert values(evaluated(flat))["AP"] == 0
    assert_is_the_reference(flat)


def test_an_object_with_the_id_0_counts_as_not_found_as_it_does_with_the_reference():
    problem = scene([[0, 0, 10, 10]], [[0, 0, 10, 10]], [0.9])
    named = problem._replace(truth=dataclasses.replace(problem.truth, id=np.array([0])))
    assert values(evaluated(named))["AP"] == 0
    assert values(evaluated(problem))["AP"] == pytest.approx(1)
    assert_is_the_reference(named)


def test_detections_without_objects_and_objects_without_detections():
    assert set(values(evaluated(scene([], [[0, 0, 9, 9]], [0.5]))).values()) == {None}
    assert values(evaluated(scene([[0, 0, 9, 9]], [], [])))["AP"] == 0
    assert set(values(evaluated(scene([], [], []))).values()) == {None}


def test_only_the_best_hundred_of_an_image_and_class_count():
    boxes = [[200, 200, 5, 5]] * 100 + [[0, 0, 10, 10]]
    problem = scene([[0, 0, 10, 10]], boxes, [0.9] * 101)
    assert values(evaluated(problem))["AP"] == 0
    assert_is_the_reference(problem)


@pytest.mark.parametrize("spread", [1, 1 << 26])
def test_images_with_any_numbers_rank_ties_by_them(spread):
    # Of two equal scores that of the image with the lower number comes first; here the false one.
    problem = scene(
        [[0, 0, 10, 10]], [[0, 0, 10, 10], [0, 0, 10, 10]], [0.5, 0.5], image=[7], found_image=[7, 7 - spread]
    )
    assert values(evaluated(problem))["AP"] == pytest.approx(0.5)
    assert_is_the_reference(problem)


lattice = st.integers(0, 4).map(float)
boxes = st.lists(st.tuples(lattice, lattice, lattice, lattice).map(list), max_size=6)


@given(objects=boxes, found=boxes, data=st.data())
def test_any_small_scene_is_evaluated_as_the_reference_does(objects, found, data):
    scores = data.draw(
        st.lists(st.sampled_from([-0.0, 0.0, 0.5, 1.0]), min_size=len(found), max_size=len(found))
    )
    crowd = data.draw(st.lists(st.booleans(), min_size=len(objects), max_size=len(objects)))
    assert_is_the_reference(scene(objects, found, scores, crowd=crowd))


@pytest.mark.parametrize("seed", range(34))
def test_weights_of_1_give_the_plain_arrays_to_the_bit(seed):
    problem = box_problem(seed)
    matches = match_coco(problem.truth, problem.detections, classes=problem.classes)
    plain, weighted = matches.evaluate(), matches.evaluate(np.ones(len(matches.numbers)))
    for name in ("precision", "recall", "scores", "objects"):
        np.testing.assert_array_equal(getattr(weighted, name), getattr(plain, name))


@pytest.mark.parametrize("seed", range(34))
def test_a_weight_of_0_takes_the_image_away(seed):
    problem = box_problem(seed)
    truth, detections = problem.truth, problem.detections
    matches = match_coco(truth, detections, classes=problem.classes)
    weights = np.ones(len(matches.numbers))
    weights[:1] = 0
    gone = matches.numbers[:1]
    without = evaluate_coco(_without(truth, gone), _without(detections, gone), classes=problem.classes)
    weighted = matches.evaluate(weights)
    np.testing.assert_array_equal(weighted.precision, without.precision)
    np.testing.assert_array_equal(weighted.recall, without.recall)


@pytest.mark.parametrize("seed", range(34))
def test_weights_count_by_their_shares_only(seed):
    problem = box_problem(seed)
    matches = match_coco(problem.truth, problem.detections, classes=problem.classes)
    weights = np.random.default_rng(seed).integers(1, 9, len(matches.numbers)).astype(float)
    once, often = matches.evaluate(weights), matches.evaluate(1000 * weights)
    np.testing.assert_allclose(often.precision, once.precision, rtol=1e-15)  # the reference adds an epsilon
    np.testing.assert_array_equal(often.recall, once.recall)


def _without(side, numbers):
    keep = ~np.isin(side.image, numbers)
    fields = {f.name: getattr(side, f.name) for f in dataclasses.fields(side) if f.name != "regions"}
    kept = {name: None if column is None else column[keep] for name, column in fields.items()}
    return dataclasses.replace(side, regions=box_regions(side.regions.xywh[keep]), **kept)
