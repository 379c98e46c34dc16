import itertools

import numpy as np
import pytest

from cvbench.spec.cell import EndToEndPlan
from cvbench.timing.end_to_end import Load, Pipeline, measure_end_to_end
from cvbench.timing.figures import figures_of
from tests.timing.simulated import SimulatedClock, instruments

PLAN = EndToEndPlan(batch=4, window=1.0, windows=5)


def taken(clock, *, start_s=0.0, load_s=0.02, forward_s=0.03, post_s=0.01, between_s=0.0):
    """A pipeline that loads on the host, computes on the device and decodes on the host."""

    def host(seconds):
        clock.host_ns += round(seconds * 1e9)

    def load():
        host(start_s)
        for number in itertools.count():
            host(load_s)
            yield Load(4, number)

    forward = clock.work(launch_s=0, run_s=lambda _: forward_s)

    def stage(content):
        forward(content)
        return content

    def decode(content):
        clock.wait()
        host(post_s)
        return content

    class Gaps(dict):
        """The stages, with something that runs between them."""

        def items(self):
            for item in super().items():
                yield item
                host(between_s)

    work = Pipeline(load, Gaps(forward=stage, postprocess=decode), stage)
    return measure_end_to_end(work, PLAN, instruments=instruments(clock))


def figures(series):
    return {figure.name: figure for figure in figures_of(series)}


def test_each_stage_has_its_seconds_an_image_and_they_sum_to_the_whole():
    found = figures(taken(SimulatedClock()))
    assert found["stage_load"].value == pytest.approx(0.02 / 4)
    assert found["stage_forward"].value == pytest.approx(0.03 / 4)
    assert found["stage_postprocess"].value == pytest.approx(0.01 / 4)
    assert found["stage_ledger"].value == pytest.approx(1.0)


@pytest.mark.full
def test_what_a_loader_needs_to_start_is_in_no_figure():
    slow, quick = (figures(taken(SimulatedClock(), start_s=seconds)) for seconds in (60.0, 0.0))
    assert {name: one.value for name, one in slow.items()} == pytest.approx(
        {name: one.value for name, one in quick.items()}
    )


def test_time_that_no_stage_accounts_for_is_told():
    figure = figures(taken(SimulatedClock(), between_s=0.02))["stage_ledger"]
    assert figure.value is None
    assert figure.missing == "the stages sum to 60% of the whole: something runs between them"


def test_no_stage_takes_less_than_nothing():
    for one in taken(SimulatedClock(), load_s=1e-3, post_s=0.0):
        assert (one.values >= 0).all()


def test_the_whole_the_loader_and_the_model_have_their_rates():
    found = figures(taken(SimulatedClock()))
    assert found["end_to_end"].value == pytest.approx(4 / 0.06, rel=0.02)
    assert found["loader_only"].value == pytest.approx(4 / 0.02, rel=0.03)
    assert found["model_only"].value == pytest.approx(4 / 0.03, rel=0.05)
    assert found["end_to_end"].protocol.startswith("end-to-end/")


@pytest.mark.full
@pytest.mark.parametrize(("load_s", "bound"), [(0.02, "model"), (0.2, "loader")])
def test_the_side_that_binds_is_named(load_s, bound):
    figure = figures(taken(SimulatedClock(), load_s=load_s))["end_to_end_efficiency"]
    assert f"the {bound}, which binds" in figure.protocol
    assert 0 < figure.value < 1


def test_the_order_of_the_three_differs_from_window_to_window():
    clock, order = SimulatedClock(), []
    real = instruments(clock)
    drawn = real.rng.sample
    real.rng.sample = lambda names, k: order.append(drawn(names, k)) or order[-1]
    work = Pipeline(
        lambda: (Load(1, n) for n in itertools.count() if not clock.work(launch_s=0.1, run_s=lambda _: 0)(n)),
        {"forward": clock.work(launch_s=0.1, run_s=lambda _: 0.1)},
        clock.work(launch_s=0.1, run_s=lambda _: 0.1),
    )
    measure_end_to_end(work, PLAN, instruments=real)
    assert len({tuple(names) for names in order}) > 1


def test_means_add_up_where_medians_would_not():
    series = taken(SimulatedClock())
    stages = [one.values for one in series if one.name.startswith("stage_") and one.name != "stage_whole"]
    whole = next(one.values for one in series if one.name == "stage_whole")
    assert np.allclose(np.sum([values.mean() for values in stages]), whole.mean())
