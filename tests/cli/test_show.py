"""`cvbench show`: a Card in full, or a run."""

import json
import shutil
from pathlib import Path

import pytest

from cvbench.spec.catalogue import DATASETS, METRICS, MODELS
from tests.compare.runs import make_run
from tests.records import cell, good

GOLDEN = Path(__file__).parents[1] / "golden/records-1"


@pytest.mark.parametrize("name", [*MODELS, *DATASETS, *METRICS])
def test_every_card_is_shown(name, cvbench):
    done = cvbench("show", name)
    assert done.code == 0
    assert done.stdout.startswith(f"{name}, a ")


def test_a_model_is_shown_with_paper_parameters_and_options(cvbench):
    shown = cvbench("show", "resnet18").stdout
    for words in (
        "Deep Residual Learning for Image Recognition",
        "https://arxiv.org/abs/1512.03385",
        "11,689,512 for 1000 classes",
        "ImageNet val top-1 0.69758",
        "input height and width in pixels, at least 32 (default 224)",
        "(default false)",
    ):
        assert words in shown


def test_a_data_set_is_shown_with_splits_and_licence(cvbench):
    shown = cvbench("show", "fashion").stdout
    for words in ("train, 5,000 images", "MIT", "zalandoresearch", "a root is optional"):
        assert words in shown


def test_a_metric_is_shown_with_its_protocol_and_figures(cvbench):
    shown = cvbench("show", "topk").stdout
    for words in ("topk/ties-against", "top1, top5", "used if a suite names no metrics"):
        assert words in shown


def test_json_is_the_card(cvbench):
    document = cvbench("show", "resnet18", "--json").document
    assert (document["kind"], document["year"]) == ("model", 2015)
    assert document["options"]["size"] == {
        "default": 224,
        "help": "input height and width in pixels, at least 32",
    }


def test_an_unknown_name_gets_the_nearest_of_all_kinds(cvbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cvbench("show", "fashion-scene")
    assert done.code == 2
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first == 'there is no model, dataset, metric or run "fashion-scene".'
    assert second.startswith("  Did you mean fashion-scenes")


@pytest.fixture
def results(tmp_path):
    """A results folder with one run of one cell."""
    run = tmp_path / "results/small/20260102-030405"
    (run / "cells").mkdir(parents=True)
    key = json.loads((GOLDEN / "ok.json").read_text(encoding="utf-8"))["key"]
    (run / "run.json").write_text(json.dumps({"schema": 1, "cells": [{"key": key}]}))
    shutil.copy(GOLDEN / "ok.json", run / f"cells/{key}.json")
    return tmp_path / "results"


@pytest.mark.parametrize("name", ["small", "20260102-030405", "small/20260102-030405"])
def test_a_run_is_shown_by_any_of_its_names(name, results, cvbench):
    shown = cvbench("show", name, "--out", results)
    assert shown.code == 0
    assert "resnet18 size=64" in shown.stdout
    assert "0.842" in shown.stdout


def test_a_run_is_shown_by_its_folder(results, cvbench):
    assert cvbench("show", results / "small/20260102-030405").code == 0


def test_a_run_in_json_has_its_records(results, cvbench):
    document = cvbench("show", "small", "--out", results, "--json").document
    assert document["kind"] == "run"
    assert [record["outcome"] for record in document["records"]] == ["ok"]


def test_a_run_is_shown_without_the_variants_of_earlier_commands_which_are_listed(cvbench, tmp_path):
    earlier = good(cell(seed=7))
    run = make_run(tmp_path / "s" / "a", records=[good(cell()), earlier])
    about = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({**about, "cells": [{"key": cell().key}]}))
    shown = cvbench("show", "s/a", "--out", tmp_path)
    assert "not judged: 1 cell of earlier commands" in shown.stdout
    assert f"{earlier.key[:8]}  resnet18, on fashion/test, seed 7" in shown.stdout
    document = cvbench("show", "s/a", "--out", tmp_path, "--json").document
    assert [record["key"] for record in document["records"]] == [cell().key]
    assert [record["key"] for record in document["earlier"]] == [earlier.key]
