import io
import time
from itertools import count
from types import SimpleNamespace

import pytest
from rich.console import Console

from cvbench.cli.display import Display
from cvbench.runner.progress import Progress, StageTimes
from tests.records import bad, cell, good, top1


def shown(*, terminal, steps):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=160, highlight=False)
    with Display(console, [cell(), cell(seed=1)]) as display:
        steps(display)
    return out.getvalue()


def one_cell(display):
    display.started(cell())
    display.progressed(cell(), Progress("build"))
    display.progressed(cell(), Progress("train", 0.25, "loss 1.23", 90.0))
    time.sleep(0.3)  # the bar is drawn ten times a second
    display.progressed(cell(), Progress("train", 0.5, "loss 1.11", 60.0))
    display.progressed(cell(), Progress("build"))
    display.progressed(cell(), Progress("evaluate"))
    display.finished(good(cell(), top1(0.8)), reused=False)


def test_into_a_file_each_stage_is_one_plain_line_with_its_result(monkeypatch):
    monkeypatch.setattr("cvbench.cli.display.time", SimpleNamespace(monotonic=count().__next__))
    text = shown(terminal=False, steps=one_cell)
    assert text.splitlines() == [
        "[1/2] resnet18 seed=0: started",
        "[1/2] resnet18 seed=0: build 1.00 s",
        "[1/2] resnet18 seed=0: train 1.00 s, loss 1.11",
        "[1/2] resnet18 seed=0: evaluate 1.00 s",
        "[1/2] resnet18 seed=0: top1 0.800   in 12.0 s",
    ]


def test_in_a_terminal_there_is_a_bar_with_stage_loss_and_time_to_go():
    text = shown(terminal=True, steps=one_cell)
    assert "train" in text
    assert "loss 1.23" in text
    assert "ETA 90.0 s" in text
    assert "top1 0.800" in text


def test_a_quiet_console_shows_nothing():
    out = io.StringIO()
    with Display(Console(file=out, quiet=True), [cell(), cell(seed=1)]) as display:
        one_cell(display)
    assert out.getvalue() == ""


def test_a_failure_says_its_reason():
    assert "failed: it broke" in shown(
        terminal=False, steps=lambda display: display.finished(bad(cell()), reused=False)
    )


def test_what_was_finished_before_says_so():
    text = shown(terminal=False, steps=lambda d: d.finished(good(cell(), top1(0.8)), reused=True))
    assert "finished earlier" in text
    assert len(text.splitlines()) == 1


def test_stage_times_charge_stages_also_when_they_fail_and_keeps_news_rare():
    heard = []
    times = StageTimes(heard.append)

    def fails():
        with times.stage("train"):
            for step in range(1000):
                times.news(Progress("train", step / 1000))
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert list(times.spent) == ["train"]
    assert len(heard) < 100
