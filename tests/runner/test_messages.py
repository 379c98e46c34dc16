"""Jobs, news and results are typed; what cannot be read is a failure of its cell, with the reason."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cvbench.errors import CellError
from cvbench.record import Attachment
from cvbench.runner import cell_process, round_process
from cvbench.runner.cell_process import CellProcess, Workspace, run_cell_process
from cvbench.runner.messages import (
    CellFinished,
    CellJob,
    ProgressNews,
    RoundJob,
    RoundSlot,
    SlotFinished,
    SlotStarted,
    WorkerJob,
    read_news,
    read_round_result,
)
from cvbench.runner.process import Worker
from cvbench.runner.progress import Progress
from cvbench.spec.catalogue.weights import WeightFile
from cvbench.spec.suite import Planned
from tests.records import cell, good, top1

RESOLVED = WeightFile(
    "n.pth#names=position", "file", (Path("n.pth"),), sha256="ab", by_position=True, labels="coco"
)


def assigned(job):
    return WorkerJob(job=job, news_fd=3, started=1.5)


@pytest.mark.parametrize("weights", [None, RESOLVED])
def test_a_job_arrives_as_it_was_sent(weights, tmp_path):
    one = CellJob(cell=cell(), weights=weights, staged=tmp_path, checkpoints=tmp_path / "c")
    slot = RoundSlot(
        cell=cell(),
        weights=weights,
        place=2,
        checkpoint=tmp_path / "w",
        sha256="ab",
        staged=tmp_path,
        frozen={"latency@batch=1": {"calls": 4}},
    )
    for job in (one, RoundJob(number=1, seed=7, slots=(slot,))):
        sent = assigned(job)
        assert WorkerJob.model_validate_json(sent.model_dump_json()) == sent


@pytest.mark.parametrize(
    "news",
    [
        ProgressNews(progress=Progress("train", 0.5, "loss 0.1", 12.0)),
        SlotStarted(place=0),
        SlotFinished(place=3),
    ],
)
def test_news_arrive_as_they_were_sent(news):
    assert read_news(news.model_dump_json().encode()) == news


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"{}",
        b'{"kind": "gossip"}',
        b'{"kind": "slot_started"}',
        b'{"kind": "slot_started", "place": 0, "more": 1}',
        b'{"kind": "progress", "progress": {"share": 0.5}}',
    ],
)
def test_what_is_no_news_is_shown(line):
    with pytest.raises(CellError, match="the worker sent a message that cannot be read: ") as caught:
        read_news(line)
    assert str(caught.value).endswith(line.decode())


def test_a_result_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "round.json").write_text("{}")
    with pytest.raises(CellError, match=r"round\.json: this result of a round cannot be read"):
        read_round_result(tmp_path / "round.json")
    with pytest.raises(CellError, match="cannot be read"):
        read_round_result(tmp_path / "absent.json")


def stub(log, says, *, then=""):
    """A worker that waits for its job, sends these bytes, and does what follows."""
    news_fd, worker_fd = os.pipe()
    code = f"import os, time; input(); os.write({worker_fd}, {says!r}); {then}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(worker_fd,),
            start_new_session=True,
        )
    os.close(worker_fd)
    return Worker(process, news_fd, worker_fd, log, kills=0)


def record_of(folder, says, **then):
    heard = []
    started = CellProcess(
        Planned(cell(), None, ()), Workspace(folder, folder), stub(folder / "output.txt", says, **then)
    )
    return run_cell_process(started, timeout_s=60, on_progress=heard.append), heard


GOOD = ProgressNews(progress=Progress("train", 0.5)).model_dump_json().encode() + b"\n"


def test_a_cell_whose_worker_sends_what_is_no_news_has_failed_with_the_reason(tmp_path):
    record, heard = record_of(tmp_path, GOOD + b"gossip\n" + GOOD, then="time.sleep(60)")
    assert (record.outcome, record.reason) == (
        "failed",
        "the worker sent a message that cannot be read: gossip",
    )
    assert heard == [Progress("train", 0.5)]


def test_news_of_another_kind_of_job_fail_a_cell(tmp_path):
    record, _ = record_of(tmp_path, SlotStarted(place=0).model_dump_json().encode() + b"\n")
    assert record.reason == "the worker sent slot_started, which is not a message about a cell."


def test_a_record_that_cannot_be_read_is_a_failure(tmp_path):
    (tmp_path / "record.json").write_text('{"key": 1}')
    record, _ = record_of(tmp_path, GOOD)
    assert record.outcome == "failed"
    assert record.reason.startswith("the worker left a record that cannot be read")


class Collected:
    def __init__(self):
        self.results = []

    def slot_started(self, slot):
        pass

    def slot_progressed(self, slot, progress):
        pass

    def slot_finished(self, slot, result):
        self.results.append((slot.place, result.round.outcome, result.round.reason))


def test_a_round_goes_on_in_a_fresh_process_behind_what_is_no_news(tmp_path, monkeypatch):
    said = [b"gossip\n", SlotStarted(place=5).model_dump_json().encode() + b"\n", b""]
    monkeypatch.setattr(round_process, "start_worker", lambda *, log, settings: stub(log, said.pop(0)))
    slots = []
    for place in range(3):
        (tmp_path / str(place)).mkdir()
        slots.append(
            RoundSlot(
                cell=cell(seed=place),
                place=place,
                checkpoint=tmp_path / "w",
                sha256="ab",
                staged=tmp_path / str(place),
            )
        )
    listener = Collected()
    round_process.run_round(0, slots, seed=1, timeout_s=60, log=tmp_path / "output.txt", listener=listener)
    assert listener.results == [
        (0, "failed", "the worker sent a message that cannot be read: gossip"),
        (1, "failed", "the worker sent slot_started of place 5, not of 1."),
        (2, "failed", "the worker ended with exit code 0 and left no record"),
    ]


LOST = Attachment(kind="samples", name="x", file="samples/x.parquet", sha256="?")
DONE = CellFinished().model_dump_json().encode() + b"\n"


@pytest.mark.parametrize("then", ["time.sleep(60)", "os.abort()", "os.close(3); time.sleep(60)"])
def test_a_worker_that_has_left_its_record_keeps_it_whatever_it_does_then(tmp_path, monkeypatch, then):
    monkeypatch.setattr(cell_process, "LINGER_S", 0.3)
    (tmp_path / "record.json").write_text(good(cell(), top1(0.8)).model_dump_json())
    record, _ = record_of(tmp_path, GOOD + DONE, then=then)
    assert record.outcome == "ok"
    assert record.measurements[0].value == 0.8
    assert record.wall_s < 10


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        (good(cell(seed=1)), "the worker left the record of another cell, "),
        (
            good(cell(), attachments=(LOST,)),
            "samples/x.parquet: the worker's result names this file",
        ),
        (None, "the worker ended with exit code 0 and left no record"),
    ],
)
def test_a_record_of_something_else_is_a_failure(tmp_path, left, reason):
    if left is not None:
        (tmp_path / "record.json").write_text(left.model_dump_json())
    record, _ = record_of(tmp_path, DONE)
    assert record.outcome == "failed"
    assert reason in record.reason
