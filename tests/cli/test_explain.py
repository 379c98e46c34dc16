"""`cvbench explain`: the way from one protocol to another, and what errors cost."""

import pytest

from tests.metrics.files.voc_trees import DETECTIONS, OBJECTS, write_voc


@pytest.fixture
def files(tmp_path):
    results, root = write_voc(tmp_path, OBJECTS, DETECTIONS)
    return results, "--truth", root, "--protocol"


def test_the_steps_add_up_to_the_difference(cvbench, files):
    told = cvbench("explain", *files, "coco-bbox", "--against", "voc2012", "--json").document
    assert told["against_value"] == pytest.approx(5 / 12)
    assert told["difference"] == told["against_value"] - told["value"]
    assert sum(step["change"] for step in told["steps"]) == pytest.approx(told["difference"], abs=1e-14)
    assert told["steps"][0]["rule"] == "IoU thresholds"
    assert told["steps"][-1] == {
        "rule": "AP from the curve",
        "before": "101 points",
        "after": "area under the curve",
        "change": pytest.approx(told["steps"][-1]["value"] - told["steps"][-2]["value"]),
        "value": told["against_value"],
    }


def test_people_get_a_table_from_figure_to_figure(cvbench, files):
    lines = cvbench("explain", *files, "voc2012", "--against", "voc2012-python").stdout.splitlines()
    assert lines[1].split() == ["voc2012", "0.4167"]
    assert lines[2].split()[-2:] == ["-0.1667", "0.2500"]
    assert lines[3].split() == ["voc2012-python", "-0.1667", "0.2500"]


def test_errors_are_told_by_kind(cvbench, files):
    told = cvbench("explain", *files, "coco-bbox", "--json").document
    assert told["errors"]["missed"]["count"] == 1
    assert set(told["errors"]) == {
        "classification",
        "localisation",
        "both",
        "duplicate",
        "background",
        "missed",
    }
    assert "missed" in cvbench("explain", *files, "coco-bbox").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["voc2012"],
            "voc2012: errors by kind need coco-bbox or coco-segm; or use --against",
        ),
        (["topk", "--against", "miou"], "topk: only protocols for boxes can be explained"),
        (
            ["coco-bbox", "--against", "coco-segm"],
            "coco-segm: only protocols for boxes can be explained",
        ),
        (["coco-bbox", "--against", "voc"], 'there is no protocol "voc"'),
    ],
)
def test_a_mistake_is_said_without_a_traceback(cvbench, files, arguments, said):
    done = cvbench("explain", *files, *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr
