"""`cvbench report`: what it refuses, and that it leaves nothing half done."""

import json

import pytest

from cvbench.store import Store
from tests.records import bad, cell, good, top1


@pytest.fixture
def results(tmp_path):
    store = Store(tmp_path / "results")
    cells = (cell(), cell(seed=1))
    with store.writing("demo", cells, about={"source": "demo.yaml"}, identity="one", fresh=True) as run:
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
    assert 'there is no form ".docx"' in done.stderr
    assert ".parquet" in done.stderr


def test_a_file_that_is_there_is_overwritten_only_by_force(results, tmp_path, cvbench):
    file = tmp_path / "x.md"
    file.write_text("mine", encoding="utf-8")
    done = cvbench("report", "demo", "--out", results, "-o", file)
    assert done.code == 2
    assert f"{file}: this file is there already.\n  Give --force" in done.stderr
    assert file.read_text(encoding="utf-8") == "mine"
    assert cvbench("report", "demo", "--out", results, "-o", file, "--force").code == 0
    assert "resnet18" in file.read_text(encoding="utf-8")


def test_a_name_that_is_no_run_is_told_where_all_stand(results, tmp_path, cvbench):
    done = cvbench("report", "dema", "--out", results, "-o", tmp_path / "x.md")
    assert done.code == 2
    assert '"dema" is no run.\n  See all: cvbench list runs' in done.stderr
    assert not (tmp_path / "x.md").exists()


def test_a_run_without_a_finished_cell_has_nothing_to_report(tmp_path, cvbench):
    store = Store(tmp_path / "results")
    with store.writing("demo", (cell(),), about={}, identity="one", fresh=True) as run:
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
    assert "this cannot be written" in done.stderr
