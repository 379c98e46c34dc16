"""Real workers: they answer, print where it does no harm, and a failure of theirs is an answer."""

import sys

import pytest

from cvbench.errors import CellError
from cvbench.runner.ab.messages import Free, Freed, Prepare, Ready, SliceTimes, TimeSlice, read_answer
from cvbench.runner.ab.sides import ABSide
from cvbench.runner.ab.worker_process import side_worker
from tests.records import cell


@pytest.fixture(scope="module")
def worker():
    side = ABSide("here", (), sys.executable, None)
    with side_worker(side, threads={"OMP_NUM_THREADS": "1"}, timeout_s=250) as started:
        yield started


def prepare(model, data="tests.runner.toys:Shades"):
    of = cell(f"tests.runner.toys:{model}", data)
    task = of.model.model_copy(update={"task": "classification"})
    untrained = of.model_copy(update={"model": task, "train": None})
    return Prepare(cell=untrained, batch=1, warmup_s=0.01)


def test_a_slice_comes_back_with_its_times(worker):
    ready = worker.ask(prepare("Linear"), Ready)
    assert ready.once_s > 0
    times = worker.ask(TimeSlice(iterations=5), SliceTimes)
    assert times.iterations == 5
    assert 0 < times.seconds * times.iterations <= (times.end - times.start) * 1e-9
    assert worker.ask(Free(), Freed) == Freed()


def test_a_model_that_cannot_be_built_is_an_answer(worker):
    with pytest.raises(CellError, match="Nothing"):
        worker.ask(prepare("Nothing"), Ready)
    assert worker.ask(Free(), Freed) == Freed()


def test_an_order_that_cannot_be_read_is_an_answer(worker):
    gossip = Free.model_construct(kind="gossip")
    with pytest.raises(CellError, match=r"ValidationError(.|\n)*gossip"):
        worker.ask(gossip, Freed)
    assert worker.ask(Free(), Freed) == Freed()


def test_an_answer_to_another_order_is_a_failure(worker):
    with pytest.raises(CellError, match="the worker answered freed to free"):
        worker.ask(Free(), Ready)


@pytest.mark.full
def test_what_is_no_answer_is_shown():
    with pytest.raises(CellError, match="the worker gave an answer that cannot be read: b'gossip'"):
        read_answer(b"gossip")
