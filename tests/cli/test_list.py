"""`cvbench list`: what can be named, and what is kept."""

import json
import shutil
from pathlib import Path

import pytest

from cvbench.spec.catalogue import DATASETS, METRICS, MODELS

GOLDEN = Path(__file__).parents[1] / "golden/records-1"


@pytest.fixture
def results(tmp_path):
    """A results folder with one run of two cells, one of which is finished, and one broken run."""
    run = tmp_path / "results/small/20260102-030405"
    (run / "cells").mkdir(parents=True)
    record = json.loads((GOLDEN / "ok.json").read_text(encoding="utf-8"))
    about = {
        "schema": 1,
        "created": "2026-01-02T03:04:05+00:00",
        "cells": [{"key": record["key"]}, {"key": "f" * 16}],
    }
    (run / "run.json").write_text(json.dumps(about))
    shutil.copy(GOLDEN / "ok.json", run / f"cells/{record['key']}.json")
    broken = tmp_path / "results/torn/20260102-030406"
    broken.mkdir(parents=True)
    (broken / "run.json").write_text("{")
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("kind", "catalogue"), [("models", MODELS), ("datasets", DATASETS), ("metrics", METRICS)]
)
def test_every_card_is_a_row(kind, catalogue, cvbench):
    rows = cvbench("list", kind).stdout.splitlines()
    assert [row.split()[0] for row in rows] == ["name", *catalogue]


@pytest.mark.parametrize(
    ("kind", "catalogue"), [("models", MODELS), ("datasets", DATASETS), ("metrics", METRICS)]
)
def test_every_card_is_in_the_json(kind, catalogue, cvbench):
    document = cvbench("list", kind, "--json").document
    assert [entry["name"] for entry in document] == list(catalogue)
    assert all(entry["summary"] for entry in document)


def test_parameters_are_told_for_the_classes_of_the_usual_data_set(cvbench):
    rows = {row.split()[0]: row for row in cvbench("list", "models").stdout.splitlines()}
    assert "11.7 M      1000" in rows["resnet18"]
    assert "8.85 M      80 " in rows["yolo_v3_tiny"]


@pytest.mark.usefixtures("folder")
def test_suites_are_listed_with_their_purpose(cvbench):
    first, *bundled = cvbench("list", "suites", "--json").document
    assert first == {
        "suite": "small",
        "file": "suites/small.yaml",
        "purpose": "a suite for tests, of one model in two forms.",
    }
    assert {suite["file"] for suite in bundled} == {"bundled"}
    assert "quickstart" in {suite["suite"] for suite in bundled}
    assert "a suite for tests" in cvbench("list", "suites").stdout


def test_a_suite_without_a_purpose_is_listed_all_the_same(cvbench, folder):
    (folder / "suites/plain.yaml").write_text("schema: 1\n")
    plain = cvbench("list", "suites", "--json").document[0]
    assert plain == {"suite": "plain", "file": "suites/plain.yaml", "purpose": ""}


def test_runs_are_listed_with_what_is_finished_and_broken_ones_with_their_problem(cvbench, results):
    good, torn = cvbench("list", "runs", "--out", results, "--json").document
    assert (good["run"], good["cells"], good["ok"], good["problem"]) == ("small/20260102-030405", 2, 1, None)
    assert torn["run"] == "torn/20260102-030406"
    assert "not a valid run file" in torn["problem"]
    assert "small/20260102-030405" in cvbench("list", "runs", "--out", results).stdout


def test_the_results_folder_may_be_named_by_the_environment(cvbench, results, monkeypatch):
    monkeypatch.setenv("CVBENCH_RESULTS", str(results))
    assert len(cvbench("list", "runs", "--json").document) == 2


def test_nothing_to_list_is_said_to_people_and_an_empty_list_to_programs(cvbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cvbench("list", "runs")
    assert (done.code, done.stdout) == (0, "")
    assert done.stderr.startswith("No runs in ")
    assert cvbench("list", "runs", "--json").document == []


def test_an_unknown_kind_is_refused(cvbench):
    done = cvbench("list", "optimizers")
    assert done.code == 2
    assert "models" in done.stderr
