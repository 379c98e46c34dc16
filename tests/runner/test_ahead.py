"""While one cell scores, the next one's worker imports; nothing else comes of that."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from cvbench.runner import cell_process, session
from cvbench.runner.process import Worker, start_worker, thread_settings
from cvbench.spec.suite import load_suite
from tests.runner.launching import cvbench, environment, toy
from tests.runner.test_continuing import records_below

QUIET = "{name: timm/resnet10t}", "{name: timm/resnet18}", "{name: timm/resnet26}"
IN_ROUNDS = "time: {rounds: 2, latency: {batch: 1}}"
SUITE = """
schema: 1
name: ahead
data: {{name: fashion, limit: 8}}
metrics: []
models: [{models}]
{more}
"""


class Workers:
    """Has processes that do nothing stand for workers, and tells which were started ahead."""

    def __init__(self):
        self.started = []

    def start(self, *, log, settings, ahead=False):
        idle = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
        )
        self.started.append((idle, ahead))
        return Worker(idle, os.open(os.devnull, os.O_RDONLY), 0, log, kills=0)

    @property
    def ahead(self):
        return [ahead for _, ahead in self.started]

    def run_cell_process(self, started, **_):
        started.worker.end()
        return cell_process.unfinished(
            started.planned.cell,
            outcome="failed",
            reason="a toy",
            output="",
            started=datetime.now(UTC),
            wall_s=0.0,
        )


@pytest.fixture
def workers(monkeypatch):
    stand_ins = Workers()
    monkeypatch.setattr(cell_process, "start_worker", stand_ins.start)
    monkeypatch.setattr(cell_process, "run_cell_process", stand_ins.run_cell_process)
    return stand_ins


def suite_of(folder, *models, more=IN_ROUNDS):
    path = folder / "ahead.yaml"
    path.write_text(SUITE.format(models=", ".join(models), more=more))
    return load_suite(path)


def test_each_worker_but_the_first_is_started_while_another_scores(workers, tmp_path):
    records = session.run(suite_of(tmp_path, *QUIET), out=tmp_path / "r")
    assert workers.ahead == [False, True, True]
    assert [record.reason for record in records] == ["a toy"] * 3


@pytest.mark.parametrize("more", ["train: {epochs: 1}", "time: {latency: {batch: 1}}"])
def test_none_is_started_while_a_cell_trains_or_is_timed(workers, tmp_path, more):
    session.run(suite_of(tmp_path, *QUIET, more=more), out=tmp_path / "r")
    assert workers.ahead == [False] * 3


def test_what_is_not_needed_any_more_is_ended(workers, tmp_path):
    with session.opened(suite_of(tmp_path, *QUIET), out=tmp_path / "r", listener=session.Silence()) as opened:
        cells = opened.run_suite()
        next(cells)
        cells.close()
    assert workers.ahead == [False, True]
    assert all(process.poll() is not None for process, _ in workers.started)
    assert not list((tmp_path / "r").rglob("output.txt"))


def test_a_worker_without_work_ends_with_its_parent(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", environment(stubs=True)["PYTHONPATH"])
    worker = start_worker(log=tmp_path / "output.txt", settings=thread_settings(1), ahead=True)
    worker.process.stdin.close()
    assert worker.process.wait(120) == 0
    assert worker.last_lines() == ""
    worker.end()


@pytest.mark.full
def test_a_cell_gets_the_same_from_a_worker_that_waited(suite, tmp_path):
    path = suite(toy("linear"), toy("linear", seed=1))  # a seed for training, which there is none of
    done = cvbench("run", path, "train=null", "metrics=[]", "time.rounds=2", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = map(told, records_below(tmp_path))
    assert first == second


def told(record):
    """What does not depend on the clock."""
    accuracy = (figure["value"] for figure in record["measurements"] if figure["name"] == "top1")
    return record["cell"]["model"]["name"], record["outcome"], record["artifact"]["sha256"], *accuracy
