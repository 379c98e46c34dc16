import pytest

from cvbench.training.engine import Pace, TrainingProgress


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_the_first_step_only_starts_the_clock():
    clock = Clock()
    pace = Pace(clock)
    pace.took(64)
    clock.now += 5
    assert pace.images_per_s is None
    assert pace.seconds_for(10) is None
    pace.took(64)
    pace.took(32)
    assert pace.images_per_s == pytest.approx(96 / 5)
    assert pace.seconds_for(10) == pytest.approx(25)


def test_news_come_ten_times_a_second():
    clock = Clock()
    pace = Pace(clock)
    assert pace.is_time()
    clock.now += 0.09
    assert not pace.is_time()
    clock.now += 0.02
    assert pace.is_time()
    assert not pace.is_time()


def test_a_share_says_how_much_is_done():
    assert TrainingProgress(5, 20, 1, 2, None, None, None).share == 0.25
