import io

import pytest
from rich.console import Console

from cvbench.compare.gate.floors import check_records
from cvbench.record import MEANS_LITTLE, Measurement, Passport, Round
from cvbench.report.table import tables
from cvbench.report.terminal import print_record, print_tables
from cvbench.spec.cell import Cell, DataSpec, ModelSpec
from cvbench.spec.expectations import Expectations
from tests.records import bad, cell, good, top1


def latency(value, interval):
    return Measurement(
        name="latency_p50", at="batch=1", value=value, unit="s", direction="lower", interval=interval, n=100,
        protocol="latency",
    )  # fmt: skip


def printed(show, record, *, terminal):
    out = io.StringIO()
    show(record, Console(file=out, force_terminal=terminal, width=200, highlight=False))
    return out.getvalue()


def test_there_is_a_table_for_each_task():
    found = tables([good(cell()), good(cell("unet", "fashion-scenes")), good(cell(seed=1))])
    assert {task: len(table) for task, table in found.items()} == {"classification": 1, "segmentation": 1}


def test_figures_stand_with_their_uncertainty():
    [table] = tables([good(cell(), top1(0.8), latency(0.01, (0.0099, 0.0101)))]).values()
    assert table["top1"][0] == "0.800 [0.700, 0.900]"
    assert table["latency p50"][0] == "10.0 ms ±1.0%"
    assert table["parameters"][0] == "11.7 M"
    assert table["MACs"][0] == "1.81 G"


def test_a_failed_cell_is_a_row_with_the_first_line_of_its_reason():
    [table] = tables([good(cell(), top1(0.8)), bad(cell(seed=1))]).values()
    assert list(table["seed"]) == ["0", "1"]
    assert table["status"][1] == "failed: it broke"
    assert table["top1"][1] == "-"


def test_runtime_and_seed_are_columns_only_where_rows_differ():
    [same] = tables([good(cell())]).values()
    [differ] = tables([good(cell()), good(cell(seed=1))], separate=True).values()
    assert "seed" not in same.columns
    assert list(differ["seed"]) == ["0", "1"]


def test_seeds_are_one_row_with_mean_deviation_and_number():
    several = [
        good(cell(seed=n), top1(value), latency(0.01 + n / 1000, None)) for n, value in enumerate((0.7, 0.8))
    ]
    [table] = tables([*several, good(cell("vgg16"), top1(0.5))]).values()
    assert list(table["model"]) == ["resnet18", "vgg16"]
    assert list(table["seeds"]) == ["0, 1 (n = 2)", "0"]
    assert table["top1"][0] == "0.750 ± 0.071"  # 0.1 / sqrt(2)
    assert table["latency p50"][0] == "10.5 ms ± 707 µs"
    assert table["top1"][1] == "0.500 [0.400, 0.600]"  # a single seed is as ever


def test_seeds_of_two_runs_and_failed_ones_are_not_mixed():
    first = [good(cell(seed=n), top1(0.7)) for n in (0, 1)]
    [table] = tables([*first, *first, bad(cell(seed=2))]).values()
    assert list(table["seeds"]) == ["0, 1 (n = 2)", "0, 1 (n = 2)", "2"]
    assert list(table["status"])[2] == "failed: it broke"


def test_a_metric_that_a_seed_lacks_has_no_mean():
    [table] = tables([good(cell(), top1(0.7)), good(cell(seed=1))]).values()
    assert table["top1"][0] == "-"


def test_a_limited_or_incomplete_evaluation_is_marked():
    limited = good(cell(), top1(0.8)).cell.data.model_copy(update={"limit": 50})
    some = good(cell().model_copy(update={"data": limited}), top1(0.8), skipped_samples=("a", "b"))
    [table] = tables([some]).values()
    assert table["status"][0] == "ok; first 50 images only; 2 samples skipped"  # of an earlier version
    passport = Passport(
        name="fashion", split="test", images=50, classes=10, sha256="0", drawn="50 of 2000 images, evenly"
    )
    [table] = tables([some.model_copy(update={"passports": {"test": passport}})]).values()
    assert table["status"][0] == "ok; 50 images only, drawn evenly; 2 samples skipped"


@pytest.mark.parametrize(
    ("count", "status"), [(1234, "ok; 1,234 objects share a grid cell (not learned)"), (0, "ok")]
)
def test_objects_that_are_not_learned_are_reported(count, status):
    [table] = tables([good(cell(), top1(0.8), shadowed_objects=count)]).values()
    assert table["status"][0] == status


@pytest.mark.parametrize(
    ("series", "disturbed", "status"),
    [
        ("latency@batch=1", "5 of 5", "ok; timings disturbed"),
        ("throughput@batch=8", "5 of 5", "ok; timings disturbed"),
        ("postprocess@batch=1", "5 of 5", "ok"),
        ("latency@batch=1", "1 of 5", "ok"),
    ],
)
@pytest.mark.parametrize("ending", [MEANS_LITTLE, "absolute figures of this machine mean little"])
def test_a_time_beside_other_work_is_marked(series, disturbed, status, ending):
    said = f"{series}: {disturbed} slices were disturbed: other processes used the CPU"
    caution = f"{said}; {ending}" if disturbed == "5 of 5" else said
    [table] = tables([good(cell(), top1(0.8), cautions=(caution,))]).values()
    assert table["status"][0] == status


@pytest.mark.parametrize(("disturbed", "status"), [(2, "ok; timings disturbed"), (1, "ok")])
def test_of_several_processes_most_must_have_been_disturbed(disturbed, status):
    caution = f"latency@batch=1: 5 of 5 slices were disturbed: other processes used the CPU; {MEANS_LITTLE}"
    record = good(cell(), top1(0.8))
    rounds = [
        Round(
            number=number, seed=0, place=0, outcome="ok", started=record.started, wall_s=1.0,
            cautions=(caution,) * (number < disturbed),
        )
        for number in range(3)
    ]  # fmt: skip
    [table] = tables([record.model_copy(update={"rounds": tuple(rounds)})]).values()
    assert table["status"][0] == status


def test_into_a_file_goes_plain_text_without_control_codes():
    text = printed(print_tables, [good(cell(), top1(0.8))], terminal=False)
    assert "resnet18" in text
    assert "\x1b" not in text
    assert not set(text) & set("─│╭━")


def test_names_from_files_are_not_taken_for_markup():
    hostile = cell("pkg.mod:net").model_copy(
        update={"model": cell().model.model_copy(update={"name": "a:[red]b[/red]", "task": "classification"})}
    )
    assert "[red]b[/red]" in printed(print_tables, [good(hostile, top1(0.8))], terminal=True)


def test_a_record_shows_where_its_time_went_and_what_a_failure_printed():
    fine = printed(print_record, good(cell(), top1(0.8)), terminal=False)
    assert "12.0 s = import 2.00 s, train 9.00 s, other 1.00 s" in fine
    broken = printed(print_record, bad(cell()), terminal=False)
    assert "the last line it printed" in broken


def test_two_checkpoints_of_one_net_have_two_names_and_an_untrained_net_says_so():
    def scored(source, **model):
        of = Cell(model=ModelSpec(name="resnet18", **model), data=DataSpec(name="fashion"))
        record = good(of, top1(0.8))
        return record.model_copy(update={"artifact": record.artifact.model_copy(update={"source": source})})

    records = [scored("loaded", weights="x/a.pt"), scored("loaded", weights="b.pt"), scored("untrained")]
    names = ["resnet18 weights=a.pt", "resnet18 weights=b.pt", "resnet18 (untrained)"]
    [table] = tables(records).values()
    assert list(table["model"]) == names
    assert [item.cell for item in check_records(records, Expectations())] == names
