"""`cvbench score`: figures of files, for people and for programs."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.metrics.files.voc_trees import DETECTIONS, OBJECTS, write_voc

TRUTH = {
    "images": [{"id": 4}],
    "categories": [{"id": 3, "name": "cat"}],
    "annotations": [
        {"id": 1, "image_id": 4, "category_id": 3, "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 0}
    ],
}
FOUND = [{"image_id": 4, "category_id": 3, "bbox": [0, 0, 9, 9], "score": 0.5}]
COCO = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]

TOO_FEW = ["too", "few", "objects", "for", "an", "interval:", "1.0", "per", "class"]

ONES = ["1.0000"] * 4


@pytest.fixture
def files(tmp_path):
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH))
    (tmp_path / "found.json").write_text(json.dumps(FOUND))
    return tmp_path / "found.json", "--truth", tmp_path / "truth.json", "--protocol"


def test_programs_get_one_document_with_the_usual_names(cvbench, files):
    done = cvbench("score", *files, "coco-bbox", "--resamples", 20, "--json")
    assert done.code == 0
    assert done.stderr == ""
    assert done.document["protocol"] == "coco-bbox"
    assert list(done.document["metrics"]) == COCO
    assert done.document["metrics"]["AP"] == {
        "value": pytest.approx(1),
        "interval": None,
        "n": 1,
        "effective_n": 1,
        "interval_missing": "too few objects for an interval: 1.0 per class",
    }
    assert done.document["metrics"]["APl"] == {
        "value": None,
        "interval": None,
        "n": 1,
        "missing": "no large object to be found",
    }


def test_people_get_tables(cvbench, files):
    done = cvbench("score", *files, "coco-bbox", "--per-class")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["AP", "1.0000", *TOO_FEW, "1"] in lines
    assert ["class", "n", *COCO] in lines
    assert [
        "cat",
        "1",
        *["1.0000", "1.0000", "1.0000", "1.0000", "-", "-", "1.0000", "1.0000", "1.0000", "1.0000", "-", "-"],
    ] in lines
    assert "missing: no large object to be found" in done.stdout


def test_no_predictions_are_an_ap_of_0_and_it_says_so(cvbench, files):
    files[0].write_text("[]")
    shown, told = cvbench("score", *files, "coco-bbox"), cvbench("score", *files, "coco-bbox", "--json")
    assert "The predictions are empty" in shown.stdout
    assert told.document["metrics"]["AP"]["value"] == 0
    assert "The predictions are empty" in told.document["notes"][0]


def test_classes_stand_in_the_document_when_asked_for(cvbench, files):
    told = cvbench("score", *files, "voc2012", "--per-class", "--json").document
    assert told["metrics"]["mAP"]["classes"] == {"cat": {"value": 1.0, "n": 1}}


def test_trees_of_voc_and_tables_of_scores_are_scored(cvbench, tmp_path):
    results, root = write_voc(tmp_path, OBJECTS, DETECTIONS)
    told = cvbench(
        "score", results, "--truth", root, "--protocol", "voc2012", "--image-set", "test", "--json"
    )
    assert told.document["metrics"]["mAP"]["value"] == pytest.approx(5 / 12)
    np.savez(tmp_path / "s.npz", scores=np.eye(6))
    np.savez(tmp_path / "l.npz", labels=np.arange(6))
    told = cvbench("score", tmp_path / "s.npz", "--truth", tmp_path / "l.npz", "--protocol", "topk", "--json")
    assert [figure["value"] for figure in told.document["metrics"].values()] == [1.0, 1.0]


def test_a_suites_spelling_of_a_metric_is_a_protocol_too(cvbench, files):
    assert (
        cvbench("score", *files, "coco", "--json").document
        == cvbench("score", *files, "coco-bbox", "--json").document
    )


def test_calibration_is_scored_from_files_as_in_runs(cvbench, tmp_path):
    np.savez(tmp_path / "s.npz", scores=[[0.75, 0.25], [0.75, 0.25]])
    np.savez(tmp_path / "l.npz", labels=[0, 1])
    told = cvbench(
        "score", tmp_path / "s.npz", "--truth", tmp_path / "l.npz", "--protocol", "calibration", "--json"
    ).document["metrics"]
    assert told["ECE"]["value"] == 0.25  # both are believed at 0.75, and half are right
    assert told["NLL"]["value"] == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["coco-bbx"], 'there is no protocol "coco-bbx".\n  Did you mean coco-bbox'),
        (["x"], "The protocols are topk, calibration, coco-bbox, coco-segm, voc2007, voc2012"),
        (["coco-bbox", "--classes", "3"], "--classes: COCO files list their images and classes"),
        (["coco-bbox", "--classes", "x"], "--classes: COCO files list their images and classes"),
        (["coco-bbox", "--classes", "x.txt"], "--classes x.txt: no such file"),
        (["coco-bbox", "--classes", "a,a"], "--classes a,a: the name 'a' is listed twice, or is empty"),
        (["coco-bbox", "--image-set", "test"], "--image-set: COCO files list their images"),
        (["topk", "--image-set", "test"], "--image-set: topk scores all labeled images"),
        (["topk", "--resamples", "9"], "--resamples: topk has no such option"),
        (["miou"], "found.json: no such folder"),
        (["coco-bbox", "--truth", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_a_mistake_is_said_without_a_traceback(cvbench, files, arguments, said):
    done = cvbench("score", *files, *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_unsound_files_get_no_figure_in_a_process_of_their_own(files):
    files[0].write_text(json.dumps([{**FOUND[0], "category_id": 5}] * 12))
    command = [sys.executable, "-m", "cvbench", "score", *map(str, files), "coco-bbox", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{files[0]}: category_id that the truth does not have (12 times)\n  [0]: 5\n" in done.stderr
    assert done.stderr.endswith("  [9]: 5\n  … and 2 more\n")


def test_another_limit_on_detections_is_another_protocol(cvbench, tmp_path):
    # 150 objects in one image, all found exactly: 100 of them count, unless more are asked for.
    boxes = [{"image_id": 4, "category_id": 3, "bbox": [10 * k, 0, 9, 9]} for k in range(150)]
    marks = [{**box, "id": k + 1, "area": 81, "iscrowd": 0} for k, box in enumerate(boxes)]
    (tmp_path / "truth.json").write_text(json.dumps({**TRUTH, "annotations": marks}))
    (tmp_path / "found.json").write_text(json.dumps([{**box, "score": 0.5} for box in boxes]))
    call = ["score", tmp_path / "found.json", "--truth", tmp_path / "truth.json", "--protocol"]
    usual = cvbench(*call, "coco-bbox", "--json", "--resamples", 0).document
    wider = cvbench(*call, "coco-bbox", "--json", "--resamples", 0, "--max-dets", 500).document
    assert usual["metrics"]["AP"]["value"] == pytest.approx(67 / 101)
    assert usual["metrics"]["AR100"]["value"] == pytest.approx(100 / 150)
    assert "--max-dets" in usual["notes"][1]
    assert wider["metrics"]["AP"]["value"] == wider["metrics"]["AR500"]["value"] == 1
    assert wider["rule"] == "coco-2017/bbox/101pt/maxdet500"
    assert wider["notes"] == ["By --max-dets, 500 detections per image and class count, not COCO's 100."]
    refused = cvbench(*call, "voc2012", "--max-dets", 500)
    assert refused.code == 2
    assert "only COCO's protocols limit the detections" in refused.stderr
