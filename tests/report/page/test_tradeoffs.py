"""The front, places, and ticks."""

import re
from pathlib import Path

import pytest

from cvbench.record import RunInfo
from cvbench.report.frame import Source
from cvbench.report.page.charts import Axis, LineSeries, _extremes, curves, histogram, in_order
from cvbench.report.page.overlays import overlays
from cvbench.report.page.tradeoffs import rank_of, tradeoffs
from cvbench.report.page.views import told
from cvbench.report.scales import Scale, covering, plain
from cvbench.store import Run
from tests.records import cell, good, top1
from tests.report.page.runs import figure, np


def record(seed, accuracy, latency, spread):
    of = cell(seed=seed)
    return good(
        of,
        figure("top1", accuracy, spread=spread),
        figure("latency_p50", latency, unit="s", at="batch=1", direction="lower", spread=spread),
    )


def together(*records):
    """As one run would tell them."""
    [those] = told([Source(Run(Path("r")), RunInfo(), records)]).values()
    return those


def on_front(*records):
    charts, _ = tradeoffs(together(*records), "top1")
    [latency] = [t.chart for t in charts if t.label == "latency"]
    return [point.strong for point in latency.points]


def test_who_is_less_accurate_and_slower_beyond_doubt_is_not_on_the_front():
    assert on_front(record(0, 0.8, 0.01, 0.01), record(1, 0.7, 0.02, 0.01), record(2, 0.9, 0.03, 0.01)) == [
        True, False, True,
    ]  # fmt: skip


def test_where_the_intervals_touch_nobody_is_dominated():
    assert on_front(record(0, 0.8, 0.01, 0.2), record(1, 0.7, 0.012, 0.2)) == [True, True]


def test_a_price_that_fewer_than_two_cells_know_is_missing_with_its_reason():
    charts, missing = tradeoffs(together(good(cell(), top1(0.8)), good(cell(seed=1), top1(0.7))), "top1")
    assert [t.label for t in charts] == ["MACs"]
    assert ("top1 against latency", "0 of 2 cells have both figures") in [tuple(m) for m in missing]


def test_those_that_nothing_separates_share_a_place():
    figures = [figure("top1", v, spread=0.01) for v in (0.9, 0.5, 0.899)]
    assert rank_of([*figures, None]) == [1, 3, 1, None]


def test_places_on_an_axis_run_from_end_to_end_and_ticks_are_inside():
    scale = covering([1, 1000], start=50, end=450, words=plain, log=True)
    assert [tick.label for tick in scale.ticks] == ["1", "10", "100", "1000"]
    assert all(50 <= tick.at <= 450 for tick in scale.ticks)
    assert scale(31.6227766) == pytest.approx(250, abs=0.1)  # the middle of the logarithms


@pytest.mark.parametrize("values", [[0.0], [5.0], [-1.0], [3.0, 3.0]])
def test_a_single_value_has_an_axis_too(values):
    scale = covering(values, start=0, end=100, words=plain)
    assert scale(values[0]) == 50
    assert len(scale.ticks) >= 2


def test_every_sample_is_in_one_bar():
    values = np.random.default_rng(0).gamma(2, 1, 500)
    chart = histogram(values, name="", x_label="", words=plain)
    assert sum(int(bar.tip.split(" ")[0]) for bar in chart.bars) == 500


def test_of_many_samples_the_extremes_are_drawn():
    values = np.zeros(10_000)
    values[1234], values[8000] = 9, -9
    places = _extremes(values, 240)
    assert {1234, 8000} <= set(places)
    assert len(places) <= 240


def test_a_sweep_is_told_with_the_batch_from_which_on_it_is_flat():
    rates = [
        figure("throughput", v, unit="images/s", at=f"batch={b}")
        for b, v in ((1, 10.0), (8, 40.0), (32, 41.0))
    ]
    knee, end = (figure("knee_batch", at, unit="images", direction="neither") for at in (8.0, 32.0))
    cells = good(cell(), *rates, knee), good(cell("vgg16"), *rates, end), good(cell("alexnet"), *rates)
    charts, _ = overlays(together(*cells))
    assert [line.name for line in charts[0][1].lines] == ["resnet18, flat from 8", "vgg16", "alexnet"]


def test_work_lies_below_a_roof_that_bends_where_copying_is_fast_enough():
    measured = [
        figure("flops", 2e9, unit="FLOPs"),
        *(
            figure("arithmetic_intensity", v, unit="FLOP/byte", at=f"batch={b}")
            for b, v in ((1, 2.0), (8, 50.0))
        ),
        *(figure("throughput", v, unit="images/s", at=f"batch={b}") for b, v in ((1, 5.0), (8, 20.0))),
        figure("matmul_rate", 1e11, unit="FLOP/s"),
        figure("copy_rate", 1e10, unit="bytes/s"),
    ]
    charts, _ = overlays(together(good(cell(), *measured)))
    [chart] = [c for _, c in charts if c.name.startswith("work")]
    names, rows = chart.numbers
    assert names == ["resnet18", "the machine at best"]
    # at 2 operations a byte copying 1e10 bytes a second allows 2e10; from 10 on the limit is 1e11
    assert rows == [["2", "10.0 G", "20.0 G"], ["10", "15.0 G", "100 G"], ["50", "40.0 G", "100 G"]]
    assert [line.color for line in chart.lines] == [0, -1]


def test_one_batch_alone_lies_below_a_roof_with_its_bend():
    measured = [
        figure("flops", 2e9, unit="FLOPs"),
        figure("arithmetic_intensity", 30.0, unit="FLOP/byte", at="batch=8"),
        figure("throughput", 20.0, unit="images/s", at="batch=8"),
        figure("matmul_rate", 1e11, unit="FLOP/s"),
        figure("copy_rate", 1e10, unit="bytes/s"),
    ]
    charts, _ = overlays(together(good(cell(), *measured)))
    [chart] = [c for _, c in charts if c.name.startswith("work")]
    assert [line.points.count(" ") for line in chart.lines] == [0, 2]  # a point, and a line with a bend
    assert ["10", "", "100 G"] in chart.numbers[1]


def test_without_operations_a_byte_there_is_no_roofline_and_it_is_said():
    _, missing = overlays(together(good(cell(), top1(0.5))))
    assert ("roofline", "the operations a byte of no cell were measured") in [tuple(m) for m in missing]


def with_options(**options):
    plain = cell()
    model = plain.model.model_copy(update={"options": options})
    return good(plain.model_copy(update={"model": model}))


def test_a_title_has_what_sets_a_cell_apart_and_nothing_else():
    records = [with_options(size=32), with_options(size=32, width=0.5), good(cell("alexnet"))]
    assert [t.title for t in together(*records)] == ["resnet18", "resnet18 width=0.5", "alexnet"]


def test_one_cell_in_two_runs_is_told_twice_under_two_names():
    sources = [Source(Run(Path(n)), RunInfo(suite="s", run=n), (good(cell()),)) for n in ("a", "b")]
    [those] = told(sources).values()
    assert [t.title for t in those] == ["resnet18 run=s/a", "resnet18 run=s/b"]
    assert len({t.anchor for t in those}) == 2


def test_dots_told_by_their_steps_stand_where_the_samples_do():
    values = np.random.default_rng(0).uniform(1, 2, 240)
    dots = in_order(values, name="samples", y_label="s", words=plain).dots
    steps = [
        tuple(map(float, re.findall(r"-?[\d.]+", step))) for step in dots.replace("h0", "").split("m")[1:]
    ]
    places = np.cumsum(steps, axis=0)
    up = covering(values.tolist(), start=220 - 44, end=26, words=plain)
    across = Scale(0, 239, 58, 460 - 14, plain)
    expected = [(across(float(n)), up(float(value))) for n, value in enumerate(values)]
    assert places == pytest.approx(np.array(expected), abs=1e-6)


def test_a_level_stretch_of_a_line_keeps_its_ends_alone():
    level = LineSeries("net", [0, 0.2, 0.4, 0.6, 1], [1, 1, 1, 0.5, 0.5])
    share = Axis("x", plain, span=(0, 1))
    (line,) = curves([level], name="precision", x=share, y=share).lines
    assert line.points == "58,26 213.2,26 290.8,131 446,131"
