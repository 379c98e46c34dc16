"""Work of two processes gives what that of one does, and fails as it does."""

import os

import pytest

from cvbench.compare.speed import FEWEST, on_two_cores

HERE = os.getpid()


def squares(items):
    return [item * item for item in items]


def where(items):
    return [os.getpid() for _ in items]


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr("cvbench.compare.speed.threads_available", lambda: 2)
    monkeypatch.setattr("threading.active_count", lambda: 1)


@pytest.mark.parametrize("count", [0, 1, FEWEST, FEWEST + 1])
def test_results_stand_in_the_order_of_the_items(count):
    assert on_two_cores(squares, range(count)) == squares(range(count))


def test_a_second_process_has_the_second_half_of_many():
    pids = on_two_cores(where, range(FEWEST))
    assert set(pids[: FEWEST // 2]) == {HERE}
    assert len(set(pids[FEWEST // 2 :]) - {HERE}) == 1


@pytest.mark.parametrize("change", ["few", "one core", "threads"])
def test_this_process_does_all_where_a_second_one_does_not_pay_or_could_hang(change, monkeypatch):
    if change == "one core":
        monkeypatch.setattr("cvbench.compare.speed.threads_available", lambda: 1)
    if change == "threads":
        monkeypatch.setattr("threading.active_count", lambda: 2)
    assert set(on_two_cores(where, range(FEWEST - (change == "few")))) == {HERE}


def test_what_fails_in_the_second_process_is_done_again_here():
    def work(items):
        if os.getpid() != HERE:
            raise MemoryError
        return squares(items)

    assert on_two_cores(work, range(FEWEST)) == squares(range(FEWEST))


@pytest.mark.parametrize("bad", [0, FEWEST - 1])
def test_an_error_is_that_of_one_process(bad, monkeypatch):
    children, fork = [], os.fork

    def noted():
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", noted)

    def work(items):
        if bad in items:
            raise ValueError(f"item {bad}")
        return ["x" * 10_000 for _ in items]  # more than a pipe holds

    with pytest.raises(ValueError, match=f"item {bad}"):
        on_two_cores(work, range(FEWEST))
    (child,) = children
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)  # it is not left behind
