"""`cvbench report`: what it refuses, and that it leaves nothing half done."""

import json

import pytest

from cvbench.store import Store
from tests.records import bad, cell, good, run_info, top1


@pytest.fixture
def results(tmp_path):
    store = Store(tmp_path / "results")
    cells = (cell(), cell(seed=1))
    with store.writing(run_info("demo", *cells, source="demo.yaml"), fresh=True) as run:
        run.commit(good(cells[0], top1(0.8)), store.staging(run))
        run.commit(bad(cells[1]), store.staging(run))
    return store.root


@pytest.mark.parametrize("ending", [".md", ".csv", ".tex", ".json", ".parquet"])
def test_the_ending_says_in_which_form(ending, results, tmp_path, cvbench):
    file = tmp_path / f"new/folder/x{ending}"
    done = cvbench("report", "demo", "--out", results, "-o", file)
    assert done.code == 0, done.stderr
    assert file.stat().st_size > 0


def test_an_unknown_ending_is_told_those_that_there_are(results, tmp_path, cvbench):
    done = cvbench("report", "demo", "--out", results, "-o", tmp_path / "x.docx")
    assert done.code == 2
    assert 'unknown format ".docx"' in done.stderr
    assert ".parquet" in done.stderr


def test_a_file_that_is_there_is_overwritten_only_by_force(results, tmp_path, cvbench):
    file = tmp_path / "x.md"
    file.write_text("mine", encoding="utf-8")
    done = cvbench("report", "demo", "--out", results, "-o", file)
    assert done.code == 2
    assert f"{file}: the file already exists.\n  Add --force" in done.stderr
    assert file.read_text(encoding="utf-8") == "mine"
    assert cvbench("report", "demo", "--out", results, "-o", file, "--force").code == 0
    assert "resnet18" in file.read_text(encoding="utf-8")


def test_a_name_that_is_no_run_is_told_where_all_stand(results, tmp_path, cvbench):
    done = cvbench("report", "dema", "--out", results, "-o", tmp_path / "x.md")
    assert done.code == 2
    assert 'no run named "dema".\n  See all: cvbench list runs' in done.stderr
    assert not (tmp_path / "x.md").exists()


def test_a_run_without_a_finished_cell_has_nothing_to_report(tmp_path, cvbench):
    store = Store(tmp_path / "results")
    with store.writing(run_info("demo", cell()), fresh=True) as run:
        pass
    done = cvbench("report", run.folder, "-o", tmp_path / "x.md")
    assert done.code == 2
    assert f"{run.folder}: no cell is finished there" in done.stderr


def test_a_record_of_a_newer_cvbench_is_refused_by_name(results, tmp_path, cvbench):
    [file] = results.glob(f"demo/*/cells/{cell().key}.json")
    file.write_text(
        json.dumps({**json.loads(file.read_text(encoding="utf-8")), "schema": 99}), encoding="utf-8"
    )
    done = cvbench("report", "demo", "--out", results, "-o", tmp_path / "x.md")
    assert done.code == 2
    assert f"{file}: schema 99 is newer than this cvbench" in done.stderr


def test_a_folder_that_cannot_be_written_is_named(results, tmp_path, cvbench):
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = cvbench("report", "demo", "--out", results, "-o", tmp_path / "file/x.md")
    assert done.code == 2
    assert "file/x.md: cannot be written" in done.stderr


def test_several_runs_are_compared_and_a_single_one_has_no_differences(results, tmp_path, cvbench):
    store = Store(results)
    info = run_info("demo", cell(), source="demo.yaml", identity="two")
    with store.writing(info, fresh=True) as other:
        other.commit(good(cell(), top1(0.8)), store.staging(other))
    [first, second] = [run.folder for run in store.runs("demo")]
    assert cvbench("report", first, second, "-o", tmp_path / "two.html").code == 0
    assert cvbench("report", first, "-o", tmp_path / "one.html").code == 0
    two, one = ((tmp_path / f"{name}.html").read_text(encoding="utf-8") for name in ("two", "one"))
    assert "Differences between runs" not in one
    assert 'class="verdict' in two
    assert "Differences between runs" in two


def test_runs_that_have_no_cell_in_common_are_shown_and_it_is_said(results, tmp_path, cvbench):
    store = Store(results)
    with store.writing(run_info("other", identity="two"), fresh=True) as other:
        other.commit(good(cell("vgg11", seed=7), top1(0.8)), store.staging(other))
    done = cvbench("report", "demo", "other", "--out", results, "-o", tmp_path / "x.html")
    assert done.code == 0, done.stderr
    assert "Not compared: " in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_a_site_is_written_for_one_folder_and_nothing_else_is_asked(results, tmp_path, cvbench):
    assert cvbench("report", results, "--site", tmp_path / "site").code == 0
    assert (tmp_path / "site/index.html").is_file()
    both = cvbench("report", results, "--site", tmp_path / "site", "-o", tmp_path / "x.html")
    assert both.code == 2
    assert "--site takes one results folder" in both.stderr


def test_without_a_place_to_write_to_both_are_named(results, cvbench):
    done = cvbench("report", "demo", "--out", results)
    assert done.code == 2
    assert "Use -o FILE.html, or --site DIR" in done.stderr


def test_seeds_are_folded_in_a_table_for_readers_unless_they_are_separate(results, tmp_path, cvbench):
    store = Store(results)
    cells = (cell(seed=0), cell(seed=1))
    with store.writing(run_info("seeds", *cells), fresh=True) as run:
        for one, value in zip(cells, (0.7, 0.8), strict=True):
            run.commit(good(one, top1(value)), store.staging(run))
    given = "report", "seeds", "--out", results, "-o"
    for ending in ("md", "tex"):
        cvbench(*given, tmp_path / f"x.{ending}")
        assert "n = 2" in (tmp_path / f"x.{ending}").read_text()
    cvbench(*given, tmp_path / "y.md", "--seeds", "separate")
    assert "n = 2" not in (tmp_path / "y.md").read_text()
    assert "0.750 ± 0.071" in cvbench("show", "seeds", "--out", results).stdout
    assert "0.800 [0.700, 0.900]" in cvbench("show", "seeds", "--out", results, "--seeds", "separate").stdout
