import multiprocessing
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from cvbench.timing.host_monitor import Files, HostMonitor, Reading, differences

QUIET = Reading(now_s=0, own_s=0, busy_s=0, stolen_s=0, total_s=0, throttled=0, switched=0)


def after(**changes):
    return QUIET._replace(**{"now_s": 1.0, "own_s": 2.0, "busy_s": 2.0, "total_s": 4.0, **changes})


def test_ones_own_work_disturbs_nobody():
    assert differences(QUIET, after()) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"throttled": 1}, "the CPU quota throttled the process"),
        ({"stolen_s": 0.1}, "the hypervisor ran other guests (steal time)"),
        ({"busy_s": 2.5}, "other processes used the CPU"),
    ],
)
def test_what_disturbs_is_named(changes, found):
    assert differences(QUIET, after(**changes)) == [found]


@pytest.mark.parametrize("changes", [{"stolen_s": 0.04}, {"busy_s": 2.2}])
def test_a_little_is_allowed(changes):
    assert differences(QUIET, after(**changes)) == []


@pytest.fixture
def system(tmp_path):
    """A system's files, as far as they are given."""

    def write(*, stat="cpu 100 0 50 800 20 5 5 20 0 0", throttled=3):
        (tmp_path / "proc").mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys/fs/cgroup").mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc/stat").write_text(f"{stat}\n")
        (tmp_path / "sys/fs/cgroup/cpu.stat").write_text(f"usage_usec 5\nnr_throttled {throttled}\n")
        return tmp_path

    return write


def test_the_counters_of_linux_are_read(system):
    found = Files(system()).read()
    assert found.busy_s == pytest.approx(1.6)  # (100 + 50 + 5 + 5) ticks of 10 ms
    assert found.stolen_s == pytest.approx(0.2)
    assert found.total_s == pytest.approx(10.0)
    assert found.throttled == 3
    assert found.switched >= 0


def test_the_work_of_living_children_is_ones_own(system, monkeypatch):
    root, children = system(), []
    monkeypatch.setattr("cvbench.timing.host_monitor.active_children", lambda: children)
    alone = Files(root).read().own_s
    (root / "proc/77").mkdir()
    (root / "proc/77/stat").write_text("77 (a (named) one) S 1 77 77 0 -1 0 0 0 0 0 900 100 5 5 20 0 1 0\n")
    children += [SimpleNamespace(pid=77), SimpleNamespace(pid=78)]  # the second has just ended
    assert Files(root).read().own_s - alone == pytest.approx(10.0, abs=1.0)


def spin(cpu_s, done, over):
    while time.process_time() < cpu_s:
        pass
    done.set()
    over.wait()


def test_a_loader_at_work_is_no_other_process():
    spawn = multiprocessing.get_context("spawn")
    done, over = spawn.Event(), spawn.Event()
    files = Files(Path("/"))
    before = files.read()
    loader = spawn.Process(target=spin, args=(0.5, done, over))
    loader.start()
    done.wait()
    assert files.read().own_s - before.own_s >= 0.4
    over.set()
    loader.join()


def test_a_system_that_tells_nothing_is_taken_for_quiet(tmp_path):
    monitor = HostMonitor(tmp_path)
    monitor.begin()
    assert monitor.end().disturbances == ()


def test_a_slice_in_which_the_quota_struck_is_disturbed_and_the_sum_is_told(system):
    monitor = HostMonitor(system(throttled=3))
    monitor.begin()
    system(throttled=5)
    assert monitor.end().disturbances == ("the CPU quota throttled the process",)
    assert monitor.summary()["timing_throttled_periods"] == 2


def test_files_stay_open_and_are_read_anew():
    files = Files(Path("/"))
    before = files.read()
    end = time.perf_counter() + 0.2
    while time.perf_counter() < end:
        pass
    after = files.read()
    assert after.total_s > before.total_s
    assert after.own_s > before.own_s


def test_files_are_closed_with_their_watch(system):
    files = Files(system())
    fd = files._stat
    os.fstat(fd)
    del files
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
