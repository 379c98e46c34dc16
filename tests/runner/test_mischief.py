"""What a model's own code does to the run around it stays the failure of its cell, and small."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cvbench.runner.out_of_memory import memory_kills
from cvbench.runner.process import LOG_BYTES, shorten, tail_of
from tests.runner.launching import SUITE, cvbench, toy


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One run of all of them, and its records by model."""
    folder = tmp_path_factory.mktemp("mischief")
    names = ["flooding", "shouting", "latin", "muzzled", "gossiping", "endless"]
    models = [*map(toy, names), toy("homeless", results=folder / "results"), toy("linear")]
    path = folder / "toys.yaml"
    path.write_text(SUITE.format(models=", ".join(models), more="timeout: 20s"))
    ended = cvbench("run", path, "--out", folder / "results", "--json", stubs=True)
    assert ended.returncode == 3, ended.stderr[-3000:]
    found = {
        one["cell"]["model"]["name"].partition(":")[2]: one for one in json.loads(ended.stdout)["records"]
    }
    sizes = [file.stat().st_size for file in folder.rglob("*.json")]
    return ended, found, sizes


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("flooding", "failed", "ValueError: behind the flood"),
        ("shouting", "failed", " characters cut) …"),
        ("latin", "failed", "caf\\udce9.png"),
        ("muzzled", "failed", "the pipe by which the worker reports was closed by the model's code."),
        ("gossiping", "failed", "the worker sent a message that cannot be read: "),
        ("endless", "failed", "the worker sent a message that cannot be read: xxxx"),
        ("homeless", "failed", "the worker ended with exit code 74 and left no record"),
        ("linear", "ok", None),
    ],
)
def test_it_is_that_cells_failure_and_the_suite_goes_on(done, name, outcome, reason):
    record = done[1][name]
    assert record["outcome"] == outcome
    assert reason is None or reason in record["reason"]


def test_no_record_and_no_line_is_long(done):
    ended, _, sizes = done
    assert max(sizes) < 100_000
    assert len(ended.stderr) < 100_000
    assert "Traceback" not in ended.stderr


def test_what_a_worker_prints_is_cut_to_its_end_on_disk(tmp_path):
    log = tmp_path / "output.txt"
    log.write_bytes(b"x" * (LOG_BYTES + 1) + b"\nlast\n")
    shorten(log)
    assert log.stat().st_size < 20_000
    assert tail_of(log)[-1] == "last"
    assert tail_of(tmp_path / "absent.txt") == []


@pytest.mark.parametrize(
    ("group", "file", "content"),
    [
        ("0::/", "memory.events", "low 0\noom 5\noom_kill 3\noom_group_kill 0\n"),
        ("0::/user/a", "user/a/memory.events", "oom_kill 3\n"),
        ("0::/host/path", "memory.events", "oom_kill 3\n"),
        (
            "5:cpu,cpuacct:/\n4:memory:/docker/ab",
            "memory/docker/ab/memory.oom_control",
            "under_oom 0\noom_kill 3\n",
        ),
        (
            "4:memory:/docker/ab\n0::/",
            "memory/memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        ),
        ("4:memory:/\n0::/x", "unified/x/memory.events", "oom_kill 3\n"),
    ],
)
def test_kills_for_memory_are_counted_in_both_versions_of_control_groups(tmp_path, group, file, content):
    assert memory_kills(tmp_path) == 0
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(group)
    place = tmp_path / "sys/fs/cgroup" / file
    place.parent.mkdir(parents=True)
    assert memory_kills(tmp_path) == 0
    place.write_text("damaged\n")
    assert memory_kills(tmp_path) == 0
    place.write_text(content)
    assert memory_kills(tmp_path) == 3


CHILD = """
import os, sys, time
from cvbench.data.lifetime import end_with_parent
end_with_parent(int(sys.argv[1]))
print(os.getpid(), flush=True)
while True:
    pass  # no end of standard input is heard here
"""
PARENT = f"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {CHILD!r}, str(os.getpid())], start_new_session=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")
def test_a_worker_ends_with_its_parent_whatever_it_does():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    child = Path(f"/proc/{int(parent.stdout.readline())}/stat")
    assert child.exists()
    parent.kill()
    parent.communicate()
    until = time.monotonic() + 10
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")
def test_a_worker_whose_parent_has_ended_already_ends():
    done = subprocess.run([sys.executable, "-c", CHILD, str(os.getppid())], timeout=20, check=False)
    assert done.returncode == -9
