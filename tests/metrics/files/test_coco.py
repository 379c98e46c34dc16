"""COCO's two files give the figures of pycocotools, to the bit."""

import json

import numpy as np
import pytest

from cvbench.metrics.coco.evaluation import evaluate_coco
from cvbench.metrics.coco.summary import values
from cvbench.metrics.files.coco import read_coco
from tests.metrics.coco_problems import box_problem, mask_problem
from tests.metrics.files.coco_trees import reference_stats, write_problem

pytestmark = pytest.mark.usefixtures("either_way")


def figures(results, instances, *, masks):
    files = read_coco(results, instances, masks=masks)
    evaluation = evaluate_coco(files.truth, files.detections, classes=len(files.classes))
    return [-1 if value is None else value for value in values(evaluation).values()]


def with_detections(problem_of, seeds):
    return [seed for seed in seeds if len(problem_of(seed).detections.label)]


@pytest.mark.parametrize("seed", with_detections(box_problem, range(20)))
def test_boxes_are_scored_as_the_reference_scores_the_same_files(tmp_path, seed):
    files = write_problem(box_problem(seed), tmp_path, seed)
    assert figures(*files, masks=False) == reference_stats(*files, "bbox")


@pytest.mark.parametrize("seed", with_detections(mask_problem, range(12)))
def test_masks_are_scored_as_the_reference_scores_the_same_files(tmp_path, seed):
    files = write_problem(mask_problem(seed), tmp_path, seed)
    assert figures(*files, masks=True) == reference_stats(*files, "segm")


@pytest.mark.parametrize("seed", with_detections(mask_problem, range(5)))
def test_boxes_beside_masks_give_the_sizes_as_they_do_with_the_reference(tmp_path, seed):
    files = write_problem(mask_problem(seed), tmp_path, seed, boxes_too=True)
    assert figures(*files, masks=True) == reference_stats(*files, "segm")


@pytest.mark.parametrize("seed", with_detections(mask_problem, range(5)))
def test_boxes_are_made_of_masks_where_there_are_no_others_as_with_the_reference(tmp_path, seed):
    files = write_problem(mask_problem(seed), tmp_path, seed)
    assert figures(*files, masks=False) == reference_stats(*files, "bbox")


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_a_thousand_more_pairs_of_files_are_scored_as_the_reference_does(tmp_path, block):
    for seed in range(1000 + 50 * block, 1000 + 50 * (block + 1)):
        for problem, kind in ((box_problem(seed), "bbox"), (mask_problem(seed), "segm")):
            if len(problem.detections.label):
                files = write_problem(problem, tmp_path, seed)
                assert figures(*files, masks=kind == "segm") == reference_stats(*files, kind)


def test_categories_are_named_and_images_counted(tmp_path):
    truth = {
        "images": [{"id": 9}, {"id": 3}],
        "categories": [
            {"id": 7, "name": "dog"},
            {"id": 2, "name": "cat"},
            {"id": 5, "name": "dog"},
            {"id": 8},
        ],
        "annotations": [],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text("[]")
    files = read_coco(tmp_path / "results.json", tmp_path / "truth.json", masks=False)
    assert files.classes == ("cat", "dog 5", "dog 7", "8")
    assert files.images == 2
    assert len(files.detections.score) == 0


def test_the_slow_reader_reads_what_the_fast_one_does(tmp_path):
    results, instances = write_problem(box_problem(3), tmp_path, 3)
    fast = read_coco(results, instances, masks=False)
    # With a byte order mark only the slow reader understands a file.
    for path in (results, instances):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    slow = read_coco(results, instances, masks=False)
    np.testing.assert_array_equal(slow.detections.regions.xywh, fast.detections.regions.xywh)
    np.testing.assert_array_equal(slow.detections.score, fast.detections.score)
    np.testing.assert_array_equal(slow.truth.image, fast.truth.image)
    np.testing.assert_array_equal(slow.truth.crowd, fast.truth.crowd)
