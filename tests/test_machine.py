"""The machine in a record, and what could disturb a measurement on it."""

import os

import pytest

from cvbench.runner import environment
from cvbench.runner.environment import gpu, software
from cvbench.runner.environment.noise_sources import Facts, findings
from cvbench.runner.environment.system_files import anonymous, value_in

QUIET = Facts(
    threads=4, cpus=4, load=0.1, waiting=0.0, quota=None, throttled=0, virtual=False,
    governor="performance", boost=False, gpu={}, gpu_processes=0,
)  # fmt: skip
CARD = {"gpu": "NVIDIA H100", "gpu_celsius": "41", "gpu_power_limit": "700.00 W",
        "gpu_power_default": "700.00 W", "gpu_persistence": "Enabled"}  # fmt: skip


def test_a_quiet_machine_has_no_findings():
    assert list(findings(QUIET)) == []
    assert list(findings(QUIET._replace(gpu=CARD))) == []


@pytest.mark.parametrize(
    ("changes", "finding", "remedy"),
    [
        ({"load": 3.0}, "load average 3.0 on 4 threads", "stop it"),
        ({"waiting": 0.5}, "waited for a CPU in 50% of the last 10 s", "more rounds"),
        ({"quota": 2.0, "throttled": 7}, "a quota of 2 CPUs throttles this process, and has", "raise"),
        ({"governor": "powersave"}, "the CPU governor is powersave", "cpupower"),
        ({"boost": True}, "the CPU's clock may boost", "boost, as root"),
        ({"virtual": True}, "a virtual machine", "compare intervals only"),
        ({"gpu": CARD, "gpu_processes": 2}, "2 processes compute on the GPU", "runtime.device"),
        ({"gpu": {**CARD, "gpu_celsius": "84"}}, "the GPU is at 84 °C already", "cool"),
        ({"gpu": {**CARD, "gpu_power_limit": "350.00 W"}}, "capped at 350 W of 700 W", "--power-limit=700"),
        (
            {"gpu": {**CARD, "gpu_persistence": "Disabled"}},
            "the GPU's driver unloads",
            "--persistence-mode=1",
        ),
    ],
)
def test_each_disturbance_is_named_with_its_remedy(changes, finding, remedy):
    [(said, advice)] = findings(QUIET._replace(**changes))
    assert finding in said
    assert remedy in advice


def test_two_looks_have_one_hard_key_though_the_moment_differs(monkeypatch):
    first = environment.probe()
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 99.0, 99.0))
    second = environment.probe()
    assert first.hard == second.hard
    assert first.volatile != second.volatile


@pytest.mark.parametrize(("part", "value"), [("torch", "9.9.9"), ("cvbench", "0.0.1")])
def test_another_version_is_another_hard_key(monkeypatch, part, value):
    before = environment.probe().hard
    real = software.installed
    monkeypatch.setattr(software, "installed", lambda name: value if name == part else real(name))
    assert environment.probe().hard != before


def test_fewer_cpus_are_another_hard_key(monkeypatch):
    before = environment.probe().hard
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert environment.probe().hard != before


def test_the_torch_that_would_be_imported_is_known_without_importing_it():
    import torch

    assert environment.probe().hard["torch_git"] == torch.version.git_version


SMI = """#!/bin/sh
case "$1" in
  --query-gpu=name) echo "NVIDIA H100 80GB HBM3" ;;
  --query-gpu=uuid) echo "GPU-1234" ;;
  --query-gpu=name,driver*) echo "NVIDIA H100 80GB HBM3, 560.35, 81559 MiB, 700.00 W, 9.0, [N/A], Enabled" ;;
  --query-compute-apps*) printf '11\\n12\\n' ;;
  *) exit 6 ;;
esac
"""


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """A driver that knows some fields, and is too old for the rest."""
    program = tmp_path / "nvidia-smi"
    program.write_text(SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


def test_the_driver_is_understood_and_what_it_does_not_know_is_none(smi):
    found = gpu.facts()
    assert found["gpu"] == "NVIDIA H100 80GB HBM3"
    assert found["gpu_power_limit"] == "700.00 W"
    assert found["gpu_mig"] is None
    assert found["gpus"] == 1
    assert gpu.processes_on_gpu() == 2


def test_an_old_driver_that_refuses_a_question_is_no_failure(smi):
    assert gpu.state() == {}


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert gpu.facts() == {"gpu": None}
    assert not gpu.has_gpu()


def test_identities_are_told_apart_and_not_told():
    assert anonymous("GPU-1") != anonymous("GPU-2")
    assert "GPU" not in anonymous("GPU-1")
    assert anonymous("") is None


def test_a_number_is_found_by_its_name():
    assert value_in("nr_periods 5\nnr_throttled 3\n", "nr_throttled") == 3
    assert value_in("", "nr_throttled") == 0
