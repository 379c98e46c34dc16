"""Whatever becomes of a worker becomes a record, and the suite goes on."""

import json

import pytest

from tests.runner.launching import SUITE, cvbench, toy

LIMIT = {"stubs": "6.00 s", "torch": "40.0 s"}
"""When a cell times out: importing torch takes its time."""


@pytest.fixture(scope="module", params=["stubs", pytest.param("torch", marks=pytest.mark.full)])
def workers(request):
    """What the cells are: stubs without torch, or real ones."""
    return request.param


@pytest.fixture(scope="module")
def ends(workers, tmp_path_factory):
    """One run of a suite in which everything goes wrong in another way, and its records by model."""
    folder = tmp_path_factory.mktemp("ends")
    path = folder / "toys.yaml"
    names = ["killed", "crashing", "raising", "hungry", "poisoned", "slow", "linear"]
    path.write_text(SUITE.format(models=", ".join(map(toy, names)), more=f"timeout: {LIMIT[workers]}"))
    done = cvbench("run", path, "--out", folder / "results", "--json", stubs=workers == "stubs")
    found = json.loads(done.stdout)["records"]
    return done, {record["cell"]["model"]["name"].partition(":")[2]: record for record in found}


def test_a_failed_cell_ends_the_command_with_exit_code_3(ends):
    done, _ = ends
    assert done.returncode == 3


def test_every_cell_has_a_record_and_the_good_one_is_good(ends):
    _, records = ends
    assert records["linear"]["outcome"] == "ok"
    assert {name for name, record in records.items() if record["outcome"] != "ok"} == {
        "killed", "crashing", "raising", "hungry", "poisoned", "slow",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("killed", "failed", "the worker was killed (SIGKILL)"),
        ("crashing", "failed", "the worker crashed (SIGSEGV)"),
        ("raising", "failed", "ZeroDivisionError: a mistake in the model"),
        ("hungry", "oom", "out of memory"),
        ("slow", "timeout", "not done after {limit}"),
    ],
)
def test_the_record_says_what_happened(workers, ends, name, outcome, reason):
    _, records = ends
    assert records[name]["outcome"] == outcome
    assert reason.format(limit=LIMIT[workers]) in records[name]["reason"]


def test_a_loss_that_is_no_number_names_its_step(ends):
    _, records = ends
    assert records["poisoned"]["outcome"] == "failed"
    assert "step" in records["poisoned"]["reason"]
    assert "poison" in records["poisoned"]["reason"]


def test_what_a_crashed_worker_printed_is_kept(ends):
    _, records = ends
    assert "about to crash" in records["crashing"]["output"]


def test_failed_cells_stay_visible_in_the_table(workers, ends):
    done, _ = ends
    assert f"timeout: not done after {LIMIT[workers]}" in done.stderr
    assert "oom: out of memory" in done.stderr


def test_with_json_standard_output_is_one_document_and_people_read_standard_error(ends):
    done, _ = ends
    assert json.loads(done.stdout)["run"]
    assert "Results:" in done.stderr
