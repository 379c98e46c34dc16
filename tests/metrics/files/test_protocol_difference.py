"""The steps from one protocol to another begin and end at the figures of the two."""

import itertools

import pytest

from cvbench.errors import InputError
from cvbench.metrics.files.coco import read_coco
from cvbench.metrics.files.protocol_difference import RULES, explain_difference
from cvbench.metrics.files.score import score_detections
from cvbench.metrics.files.voc import read_voc
from cvbench.spec.catalogue import METRICS
from tests.metrics.coco_problems import box_problem
from tests.metrics.files.coco_trees import write_problem
from tests.metrics.files.voc_trees import DETECTIONS, OBJECTS, write_voc


def figure(files, name):
    return score_detections(METRICS[name], files, draws=0)[0].value


def assert_explained(files, start, end):
    told = explain_difference(files, start, end)
    assert told.start == pytest.approx(figure(files, start), abs=1e-14)
    assert told.end == pytest.approx(figure(files, end), abs=1e-14)
    assert sum(step.change for step in told.steps) == pytest.approx(told.end - told.start, abs=1e-14)


@pytest.mark.parametrize("seed", [s for s in range(16) if len(box_problem(s).truth.label) > 1])
def test_random_scenes_are_explained_from_figure_to_figure(tmp_path, seed):
    files = read_coco(*write_problem(box_problem(seed), tmp_path, seed), masks=False)
    if figure(files, "coco-bbox") is None:
        return
    assert_explained(files, "coco-bbox", "voc2012")
    assert_explained(files, "voc2007-python", "coco-bbox")


def test_every_pair_of_protocols_is_explained(tmp_path):
    files = read_voc(*write_voc(tmp_path, OBJECTS, DETECTIONS))
    for start, end in itertools.permutations(RULES, 2):
        assert_explained(files, start, end)


def test_one_rule_between_two_protocols_is_one_step(tmp_path):
    # At exactly half an overlap the last dog is found by the devkit's rule, not by the port's.
    files = read_voc(*write_voc(tmp_path, OBJECTS, DETECTIONS))
    told = explain_difference(files, "voc2012", "voc2012-python")
    [step] = told.steps
    assert (step.what, step.before, step.after) == (
        "required IoU",
        "at least the threshold",
        "above the threshold",
    )
    assert step.change == pytest.approx((1 / 2 - 5 / 6) / 2, abs=1e-15)


def test_without_objects_there_is_nothing_to_explain(tmp_path):
    files = read_voc(*write_voc(tmp_path, {"a": [("dog", 1, 1, 1, 2, 2)]}, {"dog": []}))
    with pytest.raises(InputError, match="the truth has no objects to be found"):
        explain_difference(files, "voc2007", "voc2012")
