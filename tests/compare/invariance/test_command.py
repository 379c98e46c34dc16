"""`cvbench invariance` from end to end, on a net with a fault and one without."""

import json
from pathlib import Path

import pytest

from tests.runner.launching import cvbench

SUITE = """
schema: 1
name: strips
data: {name: "faults:Strips"}
metrics: [topk]
time: null
train: {epochs: 1, lr: 1e-6}
models:
  - {name: "faults:leaky", task: classification}
  - {name: "faults:sound", task: classification}
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.runner.launching.HERE", Path(__file__).parent)
    (tmp_path / "strips.yaml").write_text(SUITE)
    return tmp_path / "strips.yaml"


def findings(done):
    return {(one["model"], one["setting"]): one for one in json.loads(done.stdout)["findings"]}


@pytest.mark.full
def test_padding_that_leaks_into_results_is_found_and_the_first_image_is_named(suite, tmp_path):
    done = cvbench("invariance", suite, "--vary", "batch", "--batch", 4, "--out", tmp_path / "r", "--json")

    found = findings(done)
    assert done.returncode == 1, done.stderr
    leaky, sound = found["faults:leaky", "batch=4"], found["faults:sound", "batch=4"]
    assert leaky["verdict"] == "differs"
    assert leaky["first"]["id"] == "strip-00"  # 4 columns of light, averaged over 24
    assert leaky["first"]["amount"] > 0.01
    assert leaky["differing"] == 9  # all but those that are the longest of their batch
    assert leaky["flipped"] > 0
    assert leaky["figures"]["top1"][1] < leaky["figures"]["top1"][0]
    assert sound["verdict"] in ("identical", "agrees")
    assert sound["figures"] == {}


@pytest.mark.slow
def test_a_sound_net_agrees_in_every_way(suite, tmp_path):
    done = cvbench("invariance", suite, "--only", "faults:sound", "--out", tmp_path / "r", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert {one["verdict"] for one in findings(done).values()} <= {"identical", "agrees"}
    assert [setting for _, setting in findings(done)] == [
        "batch=8",
        "layout=channels_last",
        "workers=2",
        "compile=true",
        "precision=bf16",
    ]


def test_what_cannot_be_varied_is_refused(suite, tmp_path):
    done = cvbench("invariance", suite, "--vary", "batch,colour")
    assert done.returncode == 2
    assert 'there is no setting "colour" to vary' in done.stderr
    assert "Traceback" not in done.stderr
