"""Rounds of timing: fresh processes, each serving the whole suite; what one of them suffers is told."""

import json
import signal
import time

import pytest

from cvbench.record import Record
from cvbench.runner.messages import RoundResult
from cvbench.store import Run
from cvbench.timing.series import series_of
from tests.runner.launching import SUITE, cvbench, start, toy

pytestmark = pytest.mark.timeout(900)  # five processes, each of which imports torch


@pytest.fixture(scope="module", params=["stubs", pytest.param("torch", marks=pytest.mark.full)])
def done(request, tmp_path_factory):
    """A suite of two cells in two rounds, one of whose models crashes the process of the first round."""
    folder = tmp_path_factory.mktemp("rounds")
    path = folder / "toys.yaml"
    models = toy("linear"), toy("fragile", diary=folder / "diary", dies_at=2)
    path.write_text(SUITE.format(models=", ".join(models), more=""))
    stubs = request.param == "stubs"
    ended = cvbench("run", path, "time.rounds=2", "--out", folder / "results", "--json", stubs=stubs)
    document = json.loads(ended.stdout)
    records = [Record.model_validate(record) for record in document["records"]]
    return ended, Run(folder.parent / document["run"]), {r.cell.model.name[5:]: r for r in records}


def test_a_crash_in_a_round_fails_its_cell_and_no_other(done):
    ended, _, records = done
    assert ended.returncode == 3
    assert records["linear"].outcome == "ok"
    assert records["fragile"].outcome == "failed"
    assert records["fragile"].reason == "round 1 of 2: the worker crashed (SIGSEGV)"


def test_what_the_other_rounds_of_a_failed_cell_found_is_kept(done):
    _, _, records = done
    record = records["fragile"]
    assert [one.outcome for one in record.rounds] == ["failed", "ok"]
    assert record.measurement("top1").value is not None
    assert record.measurement("latency_p50").n == 1


def test_figures_are_of_rounds_and_samples_carry_theirs(done):
    _, run, records = done
    record = records["linear"]
    figure = record.measurement("latency_p50")
    kept = {item.name: item for item in record.attachments if item.kind == "samples"}
    series = series_of(run.table(record, kept["latency@batch=1"]))
    assert (figure.n, figure.protocol) == (2, "latency/host/closed-loop/warm/rounds")
    assert set(series.round) == {0, 1}
    assert len(series.by_round()) == 2


def test_a_round_tells_its_order_and_the_state_of_the_machine(done):
    _, _, records = done
    for number in range(2):
        first, second = (record.rounds[number] for record in records.values())
        assert first.seed == second.seed
        assert {first.place, second.place} == {0, 1}
        assert first.conditions["time"]


def test_nothing_is_held_back_when_all_is_done(done):
    _, run, _ = done
    assert not list((run.folder / "held").iterdir())
    assert not list((run.folder / ".staging").iterdir())


@pytest.mark.slow
def test_a_run_killed_between_two_rounds_keeps_what_was_taken(suite, tmp_path):
    path = suite(toy("linear"), toy("linear", seed=1))
    run = start("run", path, "time.rounds=4", "--out", tmp_path / "r")
    held = lambda: list((tmp_path / "r").glob("toys/*/held/*/round-1/round.json"))  # noqa: E731
    deadline = time.monotonic() + 200
    while not held() and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    kept = [path.read_bytes() for path in (tmp_path / "r").glob("toys/*/held/*/round-*/round.json")]
    last = cvbench("run", path, "time.rounds=4", "--out", tmp_path / "r", "--json")
    records = [Record.model_validate(record) for record in json.loads(last.stdout)["records"]]
    assert last.returncode == 0
    assert [[one.number for one in record.rounds] for record in records] == [[0, 1, 2, 3]] * 2
    started = {one.started for record in records for one in record.rounds}
    assert {RoundResult.model_validate_json(content).round.started for content in kept} <= started
