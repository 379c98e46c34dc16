"""A run that is hurt loses and tears nothing and shows no traceback; `nox -s faults` injects 300 faults."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the harness reads /proc")


def inject(output, *, count, seed):
    """The harness in a process of its own: it forks."""
    command = [sys.executable, "-m", "tests.faults.table", "--jobs", "1", "--output", str(output)]
    command += ["--count", str(count), "--seed", str(seed)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def test_a_few_faults_lose_tear_and_show_nothing(tmp_path):
    done = inject(tmp_path / "faults.md", count=3, seed=1)
    assert done.returncode == 0, done.stdout + done.stderr
    last = (tmp_path / "faults.md").read_text().splitlines()[-1].split(" | ")
    assert last[3:6] == ["0", "0", "0"]


@pytest.mark.full
@pytest.mark.timeout(900)
def test_many_faults_lose_tear_and_show_nothing(tmp_path):
    done = inject(tmp_path / "faults.md", count=36, seed=1000)
    assert done.returncode == 0, done.stdout + done.stderr
