"""Giving the same command again continues: nothing finished is repeated, nothing failed is kept as it is."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from cvbench.runner.environment import has_gpu
from tests.runner.launching import cvbench, start, toy


def records_below(results: Path) -> list[dict]:
    return [json.loads(path.read_bytes()) for path in sorted(results.glob("*/*/cells/*.json"))]


def test_the_same_command_again_repeats_nothing(suite, tmp_path):
    path = suite(toy("linear"))
    first = cvbench("run", path, "--out", tmp_path / "r", stubs=True)
    [before] = (tmp_path / "r").glob("*/*/cells/*.json")
    stamp, content = before.stat().st_mtime_ns, before.read_bytes()
    second = cvbench("run", path, "--out", tmp_path / "r", stubs=True)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "finished earlier" in second.stdout
    assert "Expected time: at least 5.13 s for 1 cell that never ran here" in first.stdout
    assert "Expected time: nothing to do, every cell is finished." in second.stdout
    assert (before.stat().st_mtime_ns, before.read_bytes()) == (stamp, content)


@pytest.mark.full
def test_a_changed_cell_runs_beside_the_finished_one(suite, tmp_path):
    path = suite(toy("linear"))
    cvbench("run", path, "--out", tmp_path / "r", stubs=True)
    cvbench("run", path, "seed=7", "--out", tmp_path / "r", stubs=True)
    assert [r["cell"]["seed"] for r in records_below(tmp_path / "r")].count(7) == 1
    assert len(records_below(tmp_path / "r")) == 2
    assert len(list((tmp_path / "r" / "toys").glob("*/run.json"))) == 1


@pytest.mark.full
def test_a_failed_cell_is_tried_again_and_its_first_record_is_kept(suite, tmp_path):
    path = suite(toy("raising"))
    for _ in range(2):
        assert cvbench("run", path, "--out", tmp_path / "r", stubs=True).returncode == 3
    assert len(records_below(tmp_path / "r")) == 1
    assert len(list((tmp_path / "r").glob("*/*/attempts/*-1.json"))) == 1


@pytest.mark.full
def test_an_equal_training_is_not_done_twice(suite, tmp_path):
    path = suite(toy("linear"))
    cvbench("run", path, "--out", tmp_path / "r")
    cvbench("run", path, "runtime.batch=4", "--out", tmp_path / "r")
    sources = sorted(r["artifact"]["source"] for r in records_below(tmp_path / "r"))
    assert sources == ["reused", "trained"]
    assert len({r["artifact"]["sha256"] for r in records_below(tmp_path / "r")}) == 1


def test_ctrl_c_stops_within_five_seconds_leaves_no_process_and_says_how_to_continue(suite, tmp_path):
    run = start("run", suite(toy("linear"), toy("slow")), "--out", tmp_path / "r", stubs=True)
    deadline = time.monotonic() + 60
    while not records_below(tmp_path / "r") and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)  # the second cell's worker has started
    workers = children(run.pid)
    pressed = time.monotonic()
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    assert time.monotonic() - pressed < 5
    assert run.returncode == 130
    assert "1 of 2 cells are finished" in out + err
    assert "Run the same command again to resume" in out + err
    assert workers
    assert not [pid for pid in workers if alive(pid)]


@pytest.mark.full
def test_two_runs_of_one_suite_into_one_folder_do_not_meet(suite, tmp_path):
    path = suite(toy("slow"))
    first = start("run", path, "--out", tmp_path / "r", stubs=True)
    while not list((tmp_path / "r").glob("*/*/run.json")):
        time.sleep(0.1)
    second = cvbench("run", path, "--out", tmp_path / "r", stubs=True)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    assert second.returncode == 2
    assert "another cvbench run is writing to this folder" in second.stderr


def children(parent: int) -> list[int]:
    """Processes whose parent is `parent`."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


OWN_SUITE = """
schema: 1
name: toys
data: {name: "toys:Shades"}
train: {epochs: 1}
models: [{name: "own:linear", task: classification}]
metrics: [topk]
time: null
"""


def test_changed_code_in_the_working_folder_begins_a_new_run(tmp_path):
    suite, own = tmp_path / "toys.yaml", tmp_path / "own.py"
    suite.write_text(OWN_SUITE)
    own.write_text("def linear(classes):\n    pass\n")

    def run():
        process = start("run", suite, "--out", tmp_path / "r", stubs=True, cwd=tmp_path)
        return (*process.communicate(timeout=240), process.returncode)

    outs = [run(), run()]
    own.write_text("def linear(classes):\n    raise ValueError('it is the new code')\n")
    outs.append(run())
    assert [code for *_, code in outs] == [0, 0, 3]
    assert ["finished earlier" in out for out, *_ in outs] == [False, True, False]
    assert "it is the new code" in outs[2][0]
    assert len(list((tmp_path / "r/toys").glob("*/run.json"))) == 2


@pytest.mark.full
def test_a_newest_run_that_is_damaged_is_named_when_a_new_one_begins(suite, tmp_path):
    path = suite(toy("linear"))
    cvbench("run", path, "--out", tmp_path / "r", stubs=True)
    [damaged] = (tmp_path / "r/toys").glob("*/run.json")
    damaged.write_text("{")
    again = cvbench("run", path, "--out", tmp_path / "r", stubs=True)
    assert again.returncode == 0
    assert f"note: {damaged}" in again.stdout
    assert "A new run begins:" in again.stdout
    assert "note:" not in cvbench("run", path, "--out", tmp_path / "r", stubs=True).stdout


@pytest.mark.skipif(has_gpu(), reason="needs a machine without a GPU")
def test_a_run_that_skips_every_cell_says_that_nothing_was_measured(suite, tmp_path):
    path = suite(toy("linear"), more="runtime: {device: cuda}")
    done = cvbench("run", path, "--out", tmp_path / "r", stubs=True)
    assert done.returncode == 0
    assert "Nothing was measured: every cell was skipped" in done.stdout
