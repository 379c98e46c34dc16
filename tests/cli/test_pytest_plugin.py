"""`pytest --cvbench SUITE`: cells are tests, beside those of pytest-benchmark."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.launching import environment

ROOT = Path(__file__).parents[2]
SUITE = """
schema: 1
name: small
data: {name: "toys:Shades"}
models:
  - {name: "toys:linear", task: classification, train: {epochs: 1, batch: 4}}
  - {name: "toys:raising", task: classification, train: {epochs: 1, batch: 4}}
time: null
expect: {"toys:linear": {top1: FLOOR}}
"""
BENCHMARK = "def test_sum(benchmark):\n    assert benchmark(sum, [1, 2]) == 3\n"


@pytest.fixture(params=["stubs", pytest.param("torch", marks=pytest.mark.full)])
def give(request, tmp_path):
    """pytest in a folder of its own, with a suite of stub or real cells and a test of pytest-benchmark."""
    told = environment(stubs=request.param == "stubs")
    told["PYTHONPATH"] += os.pathsep + str(ROOT)
    (tmp_path / "test_speed.py").write_text(BENCHMARK)

    def run(*arguments, floor=0.0, suite=SUITE):
        (tmp_path / "small.yaml").write_text(suite.replace("FLOOR", str(floor)))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "cvbench.cli.pytest_plugin",
            "-p",
            "no:cacheprovider",
            "-v",
        ]
        return subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=told,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    return run


def test_cells_are_tests_that_pass_and_fail_beside_other_tests(give):
    done = give("--cvbench", "small.yaml")
    assert "test_speed.py::test_sum PASSED" in done.stdout
    assert "small.yaml::toys:linear PASSED" in done.stdout
    assert "small.yaml::toys:raising FAILED" in done.stdout
    assert "2 passed" in done.stdout
    assert "Traceback" not in done.stdout.split("FAILURES")[1].split("small.yaml: ")[0]
    assert done.returncode == 1


@pytest.mark.slow
def test_cells_are_chosen_as_tests_are_and_a_missed_floor_fails(give):
    done = give("--cvbench", "small.yaml", "-k", "linear", floor=1.0)
    assert "2 deselected" in done.stdout
    # one epoch on sixteen shades may or may not reach the highest floor there is
    assert ("expected at least 1" in done.stdout) == (done.returncode == 1)


@pytest.mark.full
def test_a_model_that_is_far_from_its_published_value_fails(give):
    claim = "published: {top1: {value: 0, within: 1e-3}}, task"
    done = give(
        "--cvbench", "small.yaml", "-k", "linear", suite=SUITE.replace("task", claim, 1), floor="0e-1"
    )
    assert done.returncode == 1
    assert re.search(r"missed expectation: toys:linear( \(untrained\))?: top1 is ", done.stdout)
    assert ", published 0 ± 0.001" in done.stdout
    assert "expected at least" not in done.stdout


@pytest.mark.parametrize("give", [pytest.param("torch", marks=pytest.mark.full)], indirect=True)
def test_a_baseline_is_a_test_of_its_own(give, tmp_path):
    """A run is no worse than itself; what the baseline has and the suite has not is a failure."""
    first = give("--cvbench", "small.yaml", "-k", "linear")
    assert first.returncode == 0
    again = give("--cvbench", "small.yaml", "--cvbench-against", "small", "-k", "linear or worse")
    assert "small.yaml::no worse than small PASSED" in again.stdout
    missing = give("--cvbench", "small.yaml", "--cvbench-against", "nothing.json", "-k", "linear or worse")
    assert "small.yaml::no worse than nothing.json FAILED" in missing.stdout
    assert "nothing.json: the baseline file cannot be read" in missing.stdout
    assert "Traceback" not in missing.stdout


@pytest.mark.full
def test_without_the_option_nothing_is_added(give):
    done = give()
    assert "1 passed" in done.stdout
    assert "small.yaml" not in done.stdout


@pytest.mark.full
def test_a_suite_that_is_not_sound_is_a_usage_error(give):
    done = give("--cvbench", "nothing.yaml")
    assert done.returncode == 4
    assert "nothing.yaml" in done.stderr
    assert "Traceback" not in done.stderr
