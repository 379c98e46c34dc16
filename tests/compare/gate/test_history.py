"""Speed against many earlier jobs: synthetic histories with steps, drifts, reboots and other machines."""

import numpy as np
import pytest

from cvbench.compare.gate.baselines import Baseline, Job, figure_key
from cvbench.compare.gate.history import against_history, steps
from cvbench.compare.gate.result import Answer
from tests.compare.runs import figure
from tests.records import cell, good

RECORD = good(cell(), figure("latency_p50", 0.01, at="batch=1", unit="s", direction="lower"))
FIGURE = figure_key(RECORD.key, "latency_p50", "batch=1")


def job(log, number, *, hard="this"):
    return Job(run=f"job{number}", created="", hard=hard, figures={FIGURE: (0.01 * np.exp(log),) * 5})


def baseline(logs, *, hard="this"):
    jobs = tuple(job(log, number, hard=hard) for number, log in enumerate(logs))
    return Baseline(suite="ci", machine="m", about={}, records=(), files={}, jobs=jobs)


def logs(n=20, sd=0.004, seed=0):
    return np.random.default_rng(seed).normal(0, sd, n)


def judged(past, *new, hard="this"):
    jobs = [job(log, 100 + i, hard=hard) for i, log in enumerate(new)]
    return list(against_history(baseline(past), jobs, RECORD))


def test_a_job_like_the_others_passes():
    (item,) = judged(logs(), 0.002)
    assert item.answer is Answer.PASS
    assert "against 20 earlier jobs" in item.message


def test_a_job_beyond_the_limit_is_a_regression_that_three_jobs_decide():
    (item,) = judged(logs(), 0.05)
    assert item.answer is Answer.REGRESSION
    assert "alarm from 1 job: 3 jobs decide" in item.message
    (item,) = judged(logs(), 0.05, 0.05, 0.05)
    assert (item.answer, "alarm" in item.message) == (Answer.REGRESSION, False)


def test_a_lonely_slow_job_is_cleared_by_two_more():
    (item,) = judged(logs(), 0.05, 0.0, 0.0)
    assert item.answer is Answer.PASS


def test_a_gain_is_no_alarm():
    assert judged(logs(), -0.2)[0].answer is Answer.PASS


def test_throughput_is_worse_when_it_falls():
    rate = good(cell(), figure("throughput", 100.0, at="batch=1", unit="images/s"))
    name = figure_key(rate.key, "throughput", "batch=1")
    past = tuple(
        Job(run=f"j{i}", created="", hard="this", figures={name: (100 * np.exp(x),)})
        for i, x in enumerate(logs())
    )
    slow = Job(run="new", created="", hard="this", figures={name: (90.0,)})
    held = Baseline(suite="ci", machine="m", about={}, records=(), files={}, jobs=past)
    assert next(against_history(held, [slow], rate)).answer is Answer.REGRESSION


def test_a_noisy_machine_is_told_that_it_carries_no_gate():
    (item,) = judged(logs(sd=0.05), 0.0)
    assert item.answer is Answer.INCONCLUSIVE
    assert "the noise between jobs on this machine is too large for a gate of 5.0 %" in item.message
    assert "cvbench duet" in item.message


@pytest.mark.parametrize("past", [logs(14), logs(20)[:0]])
def test_too_short_a_history_judges_nothing(past):
    assert judged(past, 0.5) == []


def test_another_fingerprint_begins_a_new_history():
    assert judged(logs(), 0.5, hard="another") == []


def test_jobs_since_the_last_step_are_the_measure():
    past = np.concatenate([logs(20), logs(20, seed=1) - 0.2])
    # as slow as before the improvement: a loss now
    assert judged(past, 0.0)[0].answer is Answer.REGRESSION
    assert judged(past, -0.2)[0].answer is Answer.PASS


def test_many_small_losses_are_a_loss():
    past = np.linspace(0, 0.07, 30) + np.random.default_rng(3).normal(0, 0.02, 30)
    (item,) = judged(past, 0.125, 0.125, 0.125)
    assert item.answer is Answer.REGRESSION


def test_steps_are_told_with_their_size_and_job():
    past = np.concatenate([logs(20), logs(10, seed=1) + 0.1])
    (line,) = steps(baseline(past), {RECORD.key: "resnet18"})
    assert line.startswith("resnet18: latency_p50@batch=1 changed by +10.")
    assert "with job job20 and has stayed there for 10 jobs" in line


def test_false_alarms_of_a_year_of_nights_are_rare():
    draw = np.random.default_rng(4)
    alarms = 0
    for _ in range(200):
        nights = draw.normal(0, 0.008, 21)
        alarms += judged(nights[:-1], nights[-1])[0].answer is Answer.REGRESSION
    assert alarms <= 3
