"""Killed at any moment, a suite continues: every cell recorded exactly once, every file whole."""

import json
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cvbench.store import Run
from tests.runner.launching import cvbench, start, toy


def kill_and_continue(path: Path, results: Path, delay_s: float, *, stubs: bool = False) -> None:
    """Kill the whole process group after `delay_s`, then let the same command finish."""
    run = start("run", path, "--out", results, stubs=stubs, start_new_session=True)
    time.sleep(delay_s)
    with suppress(ProcessLookupError):  # it may be done already
        os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    for file in results.glob("*/*/cells/*.json"):
        json.loads(file.read_bytes())
    last = cvbench("run", path, "--out", results, stubs=stubs)
    assert last.returncode == 0, last.stderr
    [folder] = results.glob("toys/*/run.json")
    records = Run(folder.parent).records()
    assert [r.outcome for r in records] == ["ok"] * 3
    assert len({r.key for r in records}) == 3
    assert not list(results.glob("*/*/attempts/*"))
    assert not list(results.glob("*/*/.staging/*"))
    for record in records:
        for item in record.attachments:
            assert (folder.parent / item.file).exists()


def three() -> list[str]:
    return [toy("linear", seed=number) for number in range(3)]


def test_a_suite_of_stub_cells_killed_in_the_middle_continues_to_its_end(suite, tmp_path):
    kill_and_continue(suite(*three()), tmp_path / "r", delay_s=random.uniform(0.5, 4), stubs=True)


@pytest.mark.full
def test_a_suite_killed_in_the_middle_continues_to_its_end(suite, tmp_path):
    kill_and_continue(suite(*three()), tmp_path / "r", delay_s=random.uniform(4, 12))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thirty_kills_at_random_moments(suite, tmp_path):
    path, moments = suite(*three()), random.Random(0)
    for number in range(30):
        kill_and_continue(path, tmp_path / f"r{number}", delay_s=moments.uniform(0.0, 20.0))
