"""Real workers: they answer, print where it does no harm, and a failure of theirs is an answer."""

import sys

import pytest

from cvbench.errors import CellError
from cvbench.runner.ab.sides import Arm
from cvbench.runner.ab.worker_process import partner
from tests.records import cell


@pytest.fixture(scope="module")
def worker():
    arm = Arm("here", (), sys.executable, None)
    with partner(arm, threads={"OMP_NUM_THREADS": "1"}, timeout_s=250) as started:
        yield started


HOW = {"batch": 1, "warmup_s": 0.01}


def given(model, data="tests.runner.toys:Shades"):
    of = cell(f"tests.runner.toys:{model}", data)
    task = of.model.model_copy(update={"task": "classification"})
    return of.model_copy(update={"model": task, "train": None}).model_dump(mode="json")


def test_a_slice_comes_back_with_its_times(worker):
    ready = worker.ask({"do": "prepare", "cell": given("Linear"), "how": HOW})
    assert ready["once_s"] > 0
    told = worker.ask({"do": "slice", "iterations": 5})
    assert told["iterations"] == 5
    assert 0 < told["seconds"] * told["iterations"] <= (told["end"] - told["start"]) * 1e-9
    assert worker.ask({"do": "free"}) == {}


def test_a_model_that_cannot_be_built_is_an_answer(worker):
    with pytest.raises(CellError, match="Nothing"):
        worker.ask({"do": "prepare", "cell": given("Nothing"), "how": HOW})
    assert worker.ask({"do": "free"}) == {}
