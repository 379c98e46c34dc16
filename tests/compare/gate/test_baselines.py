"""What a baseline packs and unpacks: names that stay in their folders, and bytes that are as recorded."""

import base64
import json

import numpy as np
import pytest

from cvbench.compare.gate.baselines import Job, pack, points, read_baseline, to_json, unpacked
from cvbench.errors import StoreError
from tests.compare.runs import Made, make_run


@pytest.fixture
def run(tmp_path):
    made = Made().topk(np.ones(10, bool)).rounds("latency", [[0.1, 0.2], [0.1, 0.3]])
    return make_run(tmp_path / "ci" / "base", made)


@pytest.fixture
def spoiled(run, tmp_path):
    """A baseline file of the run with changes, read and unpacked."""

    def reads(change):
        content = json.loads(to_json(pack(run, None)))
        change(content)
        path = tmp_path / "b.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        with unpacked(read_baseline(path), path) as base:
            return [record.key for record in base.records()]

    return reads


def renamed(name):
    """Rename the first file, in its record too."""

    def change(content):
        old = next(iter(content["files"]))
        content["files"] = {name if key == old else key: value for key, value in content["files"].items()}
        for record in content["records"]:
            for item in record["attachments"]:
                item["file"] = name if item["file"] == old else item["file"]

    return change


def test_what_was_packed_is_unpacked(spoiled, run):
    assert spoiled(lambda _: None) == [record.key for record in run.records()]


@pytest.mark.parametrize("suite", ["..", ".", "a/b", "/", "", "x" * 300, "nul\0"])
def test_the_suites_name_leads_nowhere(spoiled, suite):
    assert spoiled(lambda content: content.update(suite=suite))


@pytest.mark.parametrize(
    "name",
    ["../x", "samples/../../x", "samples/..", "/tmp/x", "samples/", "samples/a/b", "cells/x", "samples/a\0b",
     "samples/" + "x" * 300, "samples/.hidden", "outcomes\\x"],
)  # fmt: skip
def test_a_file_that_would_leave_its_folder_is_refused(spoiled, name):
    with pytest.raises(StoreError, match="is not the name of a sample or outcome file"):
        spoiled(renamed(name))


def test_a_file_of_other_bytes_than_its_record_says_is_refused(spoiled):
    def change(content):
        content["files"][next(iter(content["files"]))] = base64.b64encode(b"other").decode()

    with pytest.raises(
        StoreError, match=r"b\.json: files: outcomes/.*: its SHA-256 is not the one in its record"
    ):
        spoiled(change)


@pytest.mark.parametrize("packed", ["?", "YQ", "\u00e9"])
def test_text_that_is_not_base64_is_refused(spoiled, packed):
    with pytest.raises(StoreError, match="not valid base64"):
        spoiled(lambda content: content["files"].update({next(iter(content["files"])): packed}))


def test_files_and_records_must_name_each_other(spoiled):
    with pytest.raises(StoreError, match="no record names it"):
        spoiled(lambda content: content["files"].update({"samples/more": ""}))
    with pytest.raises(StoreError, match="a record names it, but it is missing"):
        spoiled(lambda content: content["files"].popitem())
    with pytest.raises(StoreError, match="a cell is listed twice"):
        spoiled(lambda content: content["records"].append(content["records"][0]))


def test_a_changed_file_is_not_packed(run):
    file = next((run.folder / "outcomes").iterdir())
    file.write_bytes(b"other")
    with pytest.raises(StoreError, match="the file has changed since the record was written"):
        pack(run, None)


def test_jobs_that_measured_nothing_are_no_points_of_history():
    jobs = [
        Job(run=str(n), created="", hard="h", figures={"f": r})
        for n, r in enumerate([(1.0,), (), (0.0, 1.0)])
    ]
    assert points(tuple(jobs), "f", "h").tolist() == [0.0]
