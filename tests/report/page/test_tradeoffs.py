"""The Pareto front, ranks, and ticks."""

import re
from pathlib import Path

import pytest

from cvbench.record import RunInfo
from cvbench.report.frame import Source
from cvbench.report.page.charts import FRONT, GRAY, Axis, LineSeries, _extremes, curves, histogram, in_order
from cvbench.report.page.overlays import overlays
from cvbench.report.page.tradeoffs import rank_of, tradeoffs
from cvbench.report.page.views import by_task
from cvbench.report.scales import Scale, covering, plain, unit_for
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
    """As cells of one run."""
    [cells] = by_task([Source(Run(Path("r")), RunInfo(), records)]).values()
    return cells


def latency_chart(*records):
    [chart] = [t.chart for t in tradeoffs(together(*records), "top1") if t.label == "latency"]
    return chart


def standings(*records):
    return [point.standing for point in latency_chart(*records).points]


def test_a_significantly_worse_and_slower_cell_is_dominated():
    assert standings(record(0, 0.8, 0.01, 0.01), record(1, 0.7, 0.02, 0.01), record(2, 0.9, 0.03, 0.01)) == [
        "front", "dominated", "front",
    ]  # fmt: skip


def test_a_dominated_cell_with_overlapping_intervals_is_near_the_front_and_not_on_it():
    assert standings(record(0, 0.8, 0.01, 0.2), record(1, 0.7, 0.012, 0.2)) == ["front", "near"]


def test_two_equal_cells_are_both_on_the_front():
    assert standings(record(0, 0.8, 0.01, 0.1), record(1, 0.8, 0.01, 0.1)) == ["front", "front"]


@pytest.mark.parametrize("spread", [0.001, 0.3])
def test_the_front_is_monotone_whatever_the_intervals_are(spread):
    draw = np.random.default_rng(1)
    cells = [record(n, *draw.uniform((0.3, 0.001), (0.9, 0.1)), spread) for n in range(30)]
    chart = latency_chart(*cells)
    [front] = [line for line in chart.lines if line.color == FRONT]
    corners = [tuple(map(float, point.split(","))) for point in front.points.split()]
    assert len(corners) > 2
    assert corners == sorted(corners)
    heights = [y for _, y in corners]
    assert heights == sorted(heights, reverse=True)  # upward: pixels count from the top
    assert {(p.x, p.y) for p in chart.points if p.standing == "front"} == set(corners)
    best = {(p.x, p.y) for p in chart.points if not any(o.x <= p.x and o.y < p.y for o in chart.points)}
    assert set(corners) == best


def test_the_legend_names_the_kinds_of_marks_that_are_there():
    chart = latency_chart(record(0, 0.8, 0.01, 0.2), record(1, 0.7, 0.012, 0.2))
    assert [words for _, words in chart.standings] == [
        "on the Pareto front", "dominated, not significantly",
    ]  # fmt: skip


def test_a_price_that_fewer_than_two_cells_have_gets_no_chart():
    charts = tradeoffs(together(good(cell(), top1(0.8)), good(cell(seed=1), top1(0.7))), "top1")
    assert [t.label for t in charts] == ["MACs"]


def test_axis_titles_name_the_unit_and_ticks_are_round_numbers_in_it():
    def of(number, memory):
        peak = figure("peak_memory", memory * 2**20, unit="bytes", at="batch=1", direction="lower", spread=0)
        return good(cell(seed=number), figure("top1", 0.5 + number / 10), peak)

    [memory] = [t.chart for t in tradeoffs(together(of(0, 90), of(1, 700)), "top1") if t.label == "memory"]
    assert memory.x_label == "peak memory (MiB)"
    assert [tick.label for tick in memory.x_ticks] == ["100", "150", "200", "300", "500", "700"]
    assert memory.y_label == "top1 (fraction)"
    chart = latency_chart(record(0, 0.8, 0.004, 0.01), record(1, 0.7, 0.04, 0.01))
    assert chart.x_label == "latency p50 (ms)"
    assert [tick.label for tick in chart.x_ticks] == ["5", "7", "10", "15", "20", "30"]


@pytest.mark.parametrize(
    ("unit", "values", "name"),
    [
        ("s", [2e-5, 9e-5], "µs"), ("s", [0.3, 2.0], "s"), ("bytes", [3.0, 2000.0], "KiB"),
        ("bytes", [10.0], "B"), ("MACs", [3e9], "GMACs"), ("loss", [0.0], "loss"),
    ],
)  # fmt: skip
def test_the_unit_of_an_axis_keeps_its_ticks_short(unit, values, name):
    assert unit_for(unit, values).name == name


def test_measurements_whose_intervals_overlap_share_a_rank():
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
    chart = histogram(values, name="", x_label="", unit="s", words=plain)
    assert sum(int(bar.tip.split(" ")[0]) for bar in chart.bars) == 500


def test_of_many_samples_the_extremes_are_drawn():
    values = np.zeros(10_000)
    values[1234], values[8000] = 9, -9
    places = _extremes(values, 240)
    assert {1234, 8000} <= set(places)
    assert len(places) <= 240


def test_a_sweep_is_named_with_the_batch_size_from_which_on_it_is_flat():
    rates = [
        figure("throughput", v, unit="images/s", at=f"batch={b}")
        for b, v in ((1, 10.0), (8, 40.0), (32, 41.0))
    ]
    knee, end = (figure("knee_batch", at, unit="images", direction="neither") for at in (8.0, 32.0))
    cells = good(cell(), *rates, knee), good(cell("vgg16"), *rates, end), good(cell("alexnet"), *rates)
    [(_, chart)] = overlays(together(*cells))
    assert [line.name for line in chart.lines] == ["resnet18, flat from 8", "vgg16", "alexnet"]
    assert [tick.label for tick in chart.x_ticks] == ["1", "8", "32"]  # the batch sizes that were measured


def test_a_roofline_has_its_bend_where_copying_is_fast_enough():
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
    charts = overlays(together(good(cell(), *measured)))
    [chart] = [c for _, c in charts if c.name.startswith("roofline")]
    names, rows = chart.numbers
    assert names == ["resnet18", "hardware limit (measured)"]
    # at 2 FLOP/byte a copy rate of 1e10 bytes/s allows 2e10; from 10 on the limit is 1e11
    assert rows == [["2", "10.0 G", "20.0 G"], ["10", "15.0 G", "100 G"], ["50", "40.0 G", "100 G"]]
    assert [line.color for line in chart.lines] == [0, GRAY]
    assert (chart.x_label, chart.y_label) == ("arithmetic intensity (FLOP/byte)", "performance (GFLOP/s)")


def test_a_single_batch_size_is_drawn_below_the_hardware_limit_with_its_bend():
    measured = [
        figure("flops", 2e9, unit="FLOPs"),
        figure("arithmetic_intensity", 30.0, unit="FLOP/byte", at="batch=8"),
        figure("throughput", 20.0, unit="images/s", at="batch=8"),
        figure("matmul_rate", 1e11, unit="FLOP/s"),
        figure("copy_rate", 1e10, unit="bytes/s"),
    ]
    charts = overlays(together(good(cell(), *measured)))
    [chart] = [c for _, c in charts if c.name.startswith("roofline")]
    assert [line.points.count(" ") for line in chart.lines] == [0, 2]  # a point, and a line with a bend
    assert ["10", "", "100 G"] in chart.numbers[1]


def test_charts_of_one_point_or_none_are_left_out():
    single = [
        figure("flops", 2e9, unit="FLOPs"),
        figure("arithmetic_intensity", 30.0, unit="FLOP/byte", at="batch=8"),
        figure("throughput", 20.0, unit="images/s", at="batch=8"),
    ]
    assert overlays(together(good(cell(), *single))) == []
    assert overlays(together(good(cell(), top1(0.5)))) == []


def with_options(**options):
    plain = cell()
    model = plain.model.model_copy(update={"options": options})
    return good(plain.model_copy(update={"model": model}))


def test_a_title_has_what_sets_a_cell_apart_and_nothing_else():
    records = [with_options(size=32), with_options(size=32, width=0.5), good(cell("alexnet"))]
    assert [t.title for t in together(*records)] == ["resnet18", "resnet18 width=0.5", "alexnet"]


def test_one_cell_in_two_runs_has_two_titles():
    sources = [Source(Run(Path(n)), RunInfo(suite="s", run=n), (good(cell()),)) for n in ("a", "b")]
    [cells] = by_task(sources).values()
    assert [t.title for t in cells] == ["resnet18 run=s/a", "resnet18 run=s/b"]
    assert len({t.anchor for t in cells}) == 2


def test_relative_dots_are_at_the_positions_of_the_samples():
    values = np.random.default_rng(0).uniform(1, 2, 240)
    dots = in_order(values, name="samples", y_label="s", unit="s", words=plain).dots
    steps = [
        tuple(map(float, re.findall(r"-?[\d.]+", step))) for step in dots.replace("h0", "").split("m")[1:]
    ]
    places = np.cumsum(steps, axis=0)
    up = covering(values.tolist(), start=220 - 44, end=26, words=plain)
    across = Scale(0, 239, 58, 460 - 14, plain)
    expected = [(across(float(n)), up(float(value))) for n, value in enumerate(values)]
    assert places == pytest.approx(np.array(expected), abs=1e-6)


def test_a_level_stretch_of_a_line_keeps_its_ends_alone():
    level = LineSeries("model", [0, 0.2, 0.4, 0.6, 1], [1, 1, 1, 0.5, 0.5])
    share = Axis("x", plain, span=(0, 1))
    (line,) = curves([level], name="precision", x=share, y=share).lines
    assert line.points == "58,26 213.2,26 290.8,131 446,131"


def test_a_value_whose_interval_is_withheld_is_not_exact_and_beats_no_other():
    sure, unsure = top1(0.5), top1(0.9).model_copy(update={"interval": None, "interval_missing": "too few"})
    assert rank_of([unsure, sure]) == [1, 1]
    assert rank_of([top1(0.9), sure]) == [1, 2]
