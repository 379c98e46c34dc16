"""What is made of a scored cell and its rounds."""

from datetime import UTC, datetime

import numpy as np
import pytest

from cvbench.record import Measurement, Round
from cvbench.runner.messages import RoundResult
from cvbench.runner.parquet import save_series
from cvbench.runner.round_merge import join
from cvbench.timing.series import Series, read_series
from tests.records import cell, good, top1

SCORED = good(cell(), top1(0.8))


def peak(value):
    return Measurement(
        name="peak_memory", at="batch=1", value=value, unit="bytes", direction="lower", protocol="memory"
    )


def reports(folder, rounds):
    """A report for each list of latencies; None stands for a round that failed."""
    found = {}
    for number, values in enumerate(rounds):
        place = folder / f"round-{number}"
        place.mkdir()
        ok = values is not None
        taken = Round(
            number=number,
            seed=7,
            place=0,
            outcome="ok" if ok else "oom",
            reason=None if ok else "out of memory",
            started=datetime.now(UTC),
            wall_s=3.0,
            spent={"import": 2.0},
            measurements=(peak(100 + number),) if ok else (),
        )
        attachments = ()
        if ok:
            series = Series("latency", "batch=1", "s", np.array(values), 3)
            attachments = (save_series(series, SCORED.cell, place),)
        found[place] = RoundResult(round=taken, attachments=attachments)
    return found


def test_the_median_of_each_process_is_one_observation(tmp_path):
    record = join(SCORED, reports(tmp_path, [[1, 1, 9.0], [2, 2, 2.0], [4, 4, 0.1]]), tmp_path)
    p50 = record.measurement("latency_p50")
    assert p50.value == pytest.approx(2)  # the geometric mean of 1, 2 and 4
    assert p50.n == 3
    assert p50.interval[0] < 1  # t with 2 degrees of freedom on logarithms that differ by ln 2
    assert p50.interval == pytest.approx((2 * 2**-2.4841, 2 * 2**2.4841), rel=1e-4)


def test_the_accuracy_stays_and_the_time_of_the_rounds_is_added(tmp_path):
    record = join(SCORED, reports(tmp_path, [[1.0], [1.0]]), tmp_path)
    assert record.outcome == "ok"
    assert record.measurements[0] == SCORED.measurements[0]
    assert record.wall_s == SCORED.wall_s + 6
    assert record.spent["import"] == SCORED.spent["import"] + 4


def test_of_peaks_the_highest_counts(tmp_path):
    figure = join(SCORED, reports(tmp_path, [[1.0], [1.0]]), tmp_path).measurement("peak_memory")
    assert (figure.value, figure.n, figure.protocol) == (101, 2, "memory/highest of rounds")


def test_a_round_that_failed_is_told_and_the_others_count(tmp_path):
    record = join(SCORED, reports(tmp_path, [[1.0], None, [1.0]]), tmp_path)
    assert (record.outcome, record.reason) == ("oom", "round 2 of 3: out of memory")
    assert record.measurement("latency_p50").n == 2
    assert [one.outcome for one in record.rounds] == ["ok", "oom", "ok"]


def test_a_cell_whose_rounds_all_failed_keeps_its_accuracy(tmp_path):
    record = join(SCORED, reports(tmp_path, [None, None]), tmp_path)
    assert record.reason == "round 1 of 2: out of memory\nround 2 of 2: out of memory"
    assert record.measurements == SCORED.measurements


def test_joined_samples_are_read_back_without_loss(tmp_path):
    record = join(SCORED, reports(tmp_path, [[0.1, 0.3], None, [0.2]]), tmp_path)
    series = read_series(tmp_path / record.attachments[-1].file.rpartition("/")[2])
    assert series.values.tolist() == [0.1, 0.3, 0.2]
    assert series.round.tolist() == [0, 0, 2]
    assert (series.at, series.unit, series.warmup_calls) == ("batch=1", "s", 3)


def test_a_caution_of_several_rounds_is_said_once(tmp_path):
    given = reports(tmp_path, [[1.0], [1.0], [1.0]])
    said = {0: ("warm",), 1: ("late", "warm"), 2: ()}
    for place, report in given.items():
        taken = report.round.model_copy(update={"cautions": said[report.round.number]})
        given[place] = report.model_copy(update={"round": taken})
    assert join(SCORED, given, tmp_path).cautions == ("rounds 1, 2: warm", "round 2: late")
