"""`cvbench compare`, as people and programs give it."""

import csv
import json

import numpy as np
import pytest

from cvbench.data.datasets import open_dataset
from cvbench.spec.cell import DataSpec
from tests.compare.runs import Made, make_run
from tests.compare.test_comparison import draw_right, flipped, normal_rounds
from tests.records import cell

RIGHT = draw_right()


@pytest.fixture
def results(tmp_path):
    for name, lost in (("before", 0), ("now", 200), ("third", 900)):
        made = Made().topk(flipped(RIGHT, lost, 0)).rounds("latency", normal_rounds(0.01))
        make_run(tmp_path / "s" / name, made)
    return tmp_path


def test_people_see_verdicts_what_differs_and_a_summary(cvbench, results):
    done = cvbench("compare", "s/before", "s/now", "--out", results)
    assert done.code == 0
    row = next(line for line in done.stdout.splitlines() if " top1 " in line)
    assert "worse" in row
    assert "-0.0200" in row
    assert "1 worse, 1 same" in done.stdout
    assert "side by side instead: cvbench duet" in done.stdout


def test_programs_get_one_document(cvbench, results):
    done = cvbench("compare", "s/before", "s/now", "--out", results, "--json")
    assert done.stderr == ""
    (found,) = done.document["cells"]
    assert [d["verdict"] for d in found["differences"]] == ["worse", "same"]
    assert done.document["schema"] == 1


def test_several_runs_are_ranked(cvbench, results):
    done = cvbench("compare", "s/before", "s/now", "s/third", "--out", results)
    lines = [line for line in done.stdout.splitlines() if line.startswith("s/")]
    assert [line.split()[0] for line in lines] == ["s/before", "s/now", "s/third"]
    document = cvbench("compare", "s/before", "s/now", "s/third", "--out", results, "--json").document
    assert [c["places"][0]["rank"] for c in document["rankings"][0]["cells"]] == [1, 2, 3]


@pytest.mark.parametrize("name", ["page.md", "page.json", "page.html", "page.csv"])
def test_it_is_written_and_nothing_is_written_over(cvbench, results, tmp_path, name):
    given = ["compare", "s/before", "s/now", "--out", results, "-o", tmp_path / name]
    assert cvbench(*given).code == 0
    first = (tmp_path / name).read_text()
    assert "worse" in first
    again = cvbench(*given)
    assert again.code == 2
    assert f"{tmp_path / name}: the file already exists" in again.stderr
    assert cvbench(*given, "--force").code == 0


def test_an_unknown_ending_is_refused(cvbench, results, tmp_path):
    done = cvbench("compare", "s/before", "s/now", "--out", results, "-o", tmp_path / "page.doc")
    assert (done.code, "unknown file type .doc. Use .html, .md, .csv or .json" in done.stderr) == (2, True)


def test_a_ranking_has_no_page_yet(cvbench, results, tmp_path):
    done = cvbench("compare", "s/before", "s/now", "s/third", "--out", results, "-o", tmp_path / "page.html")
    assert (done.code, "unknown file type .html. Use .md or .json" in done.stderr) == (2, True)


def test_a_spreadsheet_gets_numbers(cvbench, results, tmp_path):
    cvbench("compare", "s/before", "s/now", "--out", results, "-o", tmp_path / "page.csv")
    (first, *_) = csv.DictReader((tmp_path / "page.csv").read_text().splitlines())
    assert (first["figure"], first["verdict"], float(first["effect"])) == (
        "top1",
        "worse",
        pytest.approx(-0.02),
    )
    assert float(first["low"]) < -0.02 < float(first["high"])


def test_the_page_shows_these_differences(cvbench, results, tmp_path):
    cvbench("compare", "s/before", "s/now", "--out", results, "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert 'id="differences"' in page
    assert "verdict worse" in page


def test_one_run_is_too_few(cvbench, results):
    done = cvbench("compare", "s/before", "--out", results)
    assert (done.code, "only one run is given" in done.stderr) == (2, True)


def test_two_models_of_one_run_are_compared(cvbench, tmp_path):
    models = Made().topk(RIGHT), Made(cell("vgg16"), weights="b" * 64).topk(flipped(RIGHT, 200, 0))
    make_run(tmp_path / "s" / "a", *models)
    given = "compare", "s/a", "--models", "resnet18", "vgg16", "--out", tmp_path
    done = cvbench(*given)
    assert done.code == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if " top1 " in line)
    assert row.startswith("resnet18 → vgg16 ")
    assert "worse" in row
    assert cvbench(*given, "-o", tmp_path / "x.html").code == 0
    both = cvbench("compare", "s/a", "s/a", "--models", "resnet18", "vgg16", "--out", tmp_path)
    assert (both.code, "name one run only" in both.stderr) == (2, True)


def test_a_folder_that_is_no_run_is_named(cvbench, results):
    done = cvbench("compare", "s/before", "s/nothing", "--out", results)
    assert (done.code, 'no run named "s/nothing"' in done.stderr) == (2, True)


def test_a_run_of_a_newer_cvbench_is_refused_by_name(cvbench, results):
    path = results / "s" / "now" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 99}))
    done = cvbench("compare", "s/before", "s/now", "--out", results)
    assert (done.code, "schema 99 is newer than this cvbench" in done.stderr) == (2, True)


def test_a_half_written_record_is_named(cvbench, results):
    (path,) = (results / "s" / "now" / "cells").iterdir()
    path.write_bytes(path.read_bytes()[:200])
    done = cvbench("compare", "s/before", "s/now", "--out", results)
    assert (done.code, f"{path}: not a valid record file" in done.stderr) == (2, True)


def test_flips_are_listed(cvbench, results):
    done = cvbench("compare", "s/before", "s/now", "--out", results, "--flips", 3)
    assert "200 images became worse, 0 better" in done.stdout
    assert done.stdout.count("coat    shoe") + done.stdout.count("coat  ") >= 3


def test_flips_are_drawn(cvbench, results, tmp_path):
    data = open_dataset(DataSpec(name="fashion"), task="classification")
    ids = [data[i].id for i in range(3)]
    right = np.ones(3, bool)
    make_run(tmp_path / "f" / "a", Made().topk(right, ids=ids))
    make_run(tmp_path / "f" / "b", Made().topk(np.array([True, False, True]), ids=ids))
    done = cvbench("compare", "f/a", "f/b", "--out", tmp_path, "--pictures", tmp_path / "drawn")
    assert done.code == 0
    (picture,) = (tmp_path / "drawn").iterdir()
    assert ids[1].replace("/", "_") in picture.name
