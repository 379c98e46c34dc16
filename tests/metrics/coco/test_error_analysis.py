"""Each kind of error, alone in a scene, costs what its correction would bring."""

import numpy as np
import pytest

from cvbench.boxes.masks import box_regions
from cvbench.metrics.coco.error_analysis import explain_errors
from cvbench.metrics.coco.evaluation import evaluate_coco
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.coco.summary import values
from tests.metrics.coco_problems import box_problem
from tests.oracles.errors import Thing, errors

FITS = [0, 0, 10, 10]
"""As does the only object, of class 0 …"""
SHIFTED = [0, 0, 10, 3]
"""… which this overlaps by 0.3, …"""
AWAY = [50, 50, 10, 10]
"""… and this not at all."""


def explained(*detections, objects=((0, FITS, False),), classes=2):
    """Objects are (class, box, crowd); detections are (class, box), best first."""
    truth = CocoTruth(
        np.zeros(len(objects), np.int64),
        np.array([label for label, _, _ in objects], np.int64),
        box_regions(np.array([box for _, box, _ in objects], float)),
        np.full(len(objects), 100.0),
        np.array([crowd for _, _, crowd in objects]),
    )
    found = CocoDetections(
        np.zeros(len(detections), np.int64),
        np.array([label for label, _ in detections], np.int64),
        box_regions(np.array([box for _, box in detections], float).reshape(-1, 4)),
        np.linspace(0.9, 0.1, len(detections)),
    )
    return explain_errors(truth, found, classes=classes)


def blamed(errors):
    return {kind: count for kind, count in errors.counts.items() if count}


def test_a_perfect_detection_leaves_nothing_to_explain():
    errors = explained((0, FITS))
    assert errors.ap50 == pytest.approx(1)
    assert blamed(errors) == {}
    assert set(errors.costs.values()) == {0}


@pytest.mark.parametrize(
    ("kind", "detection"),
    [("classification", (1, FITS)), ("localisation", (0, SHIFTED))],
)
def test_an_error_that_would_be_right_if_corrected_costs_the_object(kind, detection):
    errors = explained(detection)
    assert blamed(errors) == {kind: 1}
    assert errors.ap50 == 0
    assert errors.costs[kind] == pytest.approx(1)
    assert sum(errors.costs.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("kind", "detection"),
    [("both", (1, SHIFTED)), ("background", (0, AWAY))],
)
def test_an_error_that_had_better_not_be_there_costs_the_precision_behind_it(kind, detection):
    # The false one is the better, so precision is 1/2 at every recall. Class 1 has no object.
    errors = explained((0, AWAY), (0, FITS)) if kind == "background" else None
    if errors is None:
        objects = ((0, FITS, False), (1, AWAY, False))
        errors = explained(detection, (0, FITS), (1, AWAY), objects=objects)
        assert errors.costs["both"] == pytest.approx(1 / 4)  # of one class of two
    else:
        assert errors.costs["background"] == pytest.approx(1 / 2)
    assert blamed(errors) == {kind: 1}


def test_a_second_detection_of_an_object_is_a_duplicate():
    # True, duplicate, true: without the duplicate the recalls above 1/2 have precision 1, not 2/3.
    objects = ((0, FITS, False), (0, AWAY, False))
    errors = explained((0, FITS), (0, FITS), (0, AWAY), objects=objects)
    assert blamed(errors) == {"duplicate": 1}
    assert errors.costs["duplicate"] == pytest.approx(50 / 101 / 3)


def test_an_object_that_nobody_found_is_missed():
    objects = ((0, FITS, False), (0, AWAY, False))
    errors = explained((0, FITS), objects=objects)
    assert blamed(errors) == {"missed": 1}
    assert errors.costs["missed"] == pytest.approx(50 / 101)


def test_a_class_whose_objects_are_all_missed_keeps_its_0():
    objects = ((0, FITS, False), (1, AWAY, False))
    errors = explained((0, FITS), objects=objects)
    assert (errors.ap50, errors.costs["missed"]) == (pytest.approx(0.5), 0)


def test_of_two_errors_about_one_object_only_the_better_would_be_right():
    errors = explained((1, FITS), (1, FITS), objects=((0, FITS, False), (1, AWAY, False)))
    assert errors.counts["classification"] == 2
    assert errors.costs["classification"] == pytest.approx(0.5)  # class 0 whole, class 1 still nothing


def test_of_a_poor_box_and_a_wrong_class_about_one_object_the_better_would_be_right():
    # TIDE keeps one best detection per object over both kinds (BestGTMatch), so one error pays for it.
    objects = ((0, FITS, False), (1, AWAY, False))
    errors = explained((0, SHIFTED), (1, FITS), objects=objects)
    assert blamed(errors) == {"localisation": 1, "classification": 1, "missed": 1}
    assert (errors.costs["localisation"], errors.costs["classification"]) == (pytest.approx(0.5), 0)
    errors = explained((1, FITS), (0, SHIFTED), objects=objects)
    assert (errors.costs["localisation"], errors.costs["classification"]) == (0, pytest.approx(0.5))


def test_an_error_about_an_object_that_is_found_anyway_would_be_taken_away():
    objects = ((0, FITS, False), (1, AWAY, False))
    errors = explained((1, FITS), (0, FITS), (1, AWAY), objects=objects)
    assert blamed(errors) == {"classification": 1}
    assert errors.costs["classification"] == pytest.approx(1 / 4)


def test_a_crowd_is_nobodys_error():
    objects = ((0, FITS, False), (0, AWAY, True))
    errors = explained((0, FITS), (0, AWAY), (0, AWAY), objects=objects)
    assert blamed(errors) == {}
    # Under another name it is an error like any other, but none about the crowd.
    assert blamed(explained((0, FITS), (1, AWAY), objects=objects)) == {"background": 1}


def test_without_an_object_to_be_found_there_is_nothing_to_explain():
    assert explained((0, FITS), objects=((0, FITS, True),)) is None


@pytest.mark.parametrize("seed", range(30))
def test_the_ap_explained_is_cocos_and_every_false_detection_is_blamed(seed):
    problem = box_problem(seed)._replace(max_dets=(1, 10, 100))
    truth = CocoTruth(**{**vars(problem.truth), "id": None})
    errors = explain_errors(truth, problem.detections, classes=problem.classes)
    plain = values(evaluate_coco(truth, problem.detections, classes=problem.classes))["AP50"]
    assert (errors.ap50 if errors else None) == (None if plain is None else pytest.approx(plain, abs=1e-12))


def things(side, labels, images, **more):
    columns = zip(images.tolist(), labels.tolist(), side.xywh.tolist(), *more.values(), strict=True)
    return [
        Thing(place, image, label, box, **dict(zip(more, rest, strict=True)))
        for place, (image, label, box, *rest) in enumerate(columns)
    ]


@pytest.mark.parametrize("seed", range(200))
def test_errors_are_counted_and_priced_as_by_a_slow_reading_of_the_rule(seed):
    problem = box_problem(1000 + seed)
    t, d = problem.truth, problem.detections
    scores = np.random.default_rng(seed).permutation(len(d.score)) / 1000.0  # that all differ
    ours = explain_errors(
        CocoTruth(t.image, t.label, t.regions, t.area, t.crowd),
        CocoDetections(d.image, d.label, d.regions, scores),
        classes=problem.classes,
    )
    objects = things(t.regions, t.label, t.image, crowd=t.crowd.tolist())
    if all(thing.crowd for thing in objects):
        assert ours is None
        return
    ap50, costs, counts = errors(objects, things(d.regions, d.label, d.image, score=scores.tolist()))
    assert ours.counts == counts
    assert ours.ap50 == pytest.approx(ap50, abs=1e-12)
    assert ours.costs == pytest.approx(costs, abs=1e-12)
