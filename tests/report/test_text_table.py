"""Tables and paragraphs fit the terminal; a pipe has one line per row; colors carry meaning only."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cvbench.cli.main import app
from cvbench.report.skips import short_reason, skip_lines
from cvbench.report.terminal import print_record, print_tables, print_warnings
from cvbench.report.text_table import layout, print_table, print_text
from cvbench.spec.cell import Cell, DataSpec, ModelSpec
from tests.compare.runs import Made, make_run
from tests.compare.test_comparison import draw_right, flipped, normal_rounds
from tests.records import bad, cell, good, top1

RIGHT = draw_right()
ROWS = [
    {
        "model": f"resnet{n}",
        "data": "imagenet/val",
        "verdict": "worse" if n == 18 else "same",
        "protocol": "latency/host/" + "x" * 30,
        "summary": "words " * 12,
    }
    for n in (18, 34, 50)
]


def drawn(show, *, width=80, terminal=True, **given):
    out = io.StringIO()
    show(Console(file=out, force_terminal=terminal, width=width, highlight=False, **given))
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_line_is_longer_than_the_terminal_and_no_word_is_broken(width):
    text = drawn(
        lambda console: print_table(ROWS, console=console, prose=("summary",)), width=width, color_system=None
    )
    long = [
        line for line in text.splitlines() if len(line) > max(width, len("  protocol: latency/host/") + 32)
    ]
    assert not long
    assert text.count("x" * 30) == (3 if width == 200 else 1)  # shared by all rows: once, unless all fits


def test_a_pipe_has_one_full_line_per_row():
    text = drawn(lambda console: print_table(ROWS, console=console, title="t"), width=20, terminal=False)
    assert [line.split()[0] for line in text.splitlines()[1:]] == [
        "t",
        "model",
        "resnet18",
        "resnet34",
        "resnet50",
    ]
    assert "words words" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("width", "across", "below"), [(60, ["a", "b", "c", "d"], []), (38, ["a", "c"], ["b", "d"])]
)
def test_columns_go_below_by_priority(width, across, below):
    rows = [{name: name * 12 + str(n) for name in "abcd"} for n in range(2)]
    found = layout(rows, width, keep=("a", "c"))
    assert (found.across, found.below) == (across, below)


def test_a_long_first_column_has_a_line_of_its_own():
    rows = [{"model": "m" * 50, "top1": "0.5", "latency": "1.00 ms", "status": "words " * 9}]
    found = layout(rows, 80)
    assert (found.head, found.across) == ("model", ["top1", "latency", "status"])


@pytest.mark.parametrize(("no_color", "red"), [(False, True), (True, False)])
def test_only_verdicts_are_colored_and_no_color_is_honored(no_color, red):
    given = {"color_system": "standard", "no_color": no_color}
    text = drawn(lambda console: print_table(ROWS, console=console), width=200, **given)
    assert ("\x1b[31mworse" in text) is red
    assert text.count("\x1b[3") == red


def test_paragraphs_are_wrapped_in_a_terminal_only():
    words = "a path /" + "x" * 30 + " and more words"
    assert drawn(lambda c: print_text(words, console=c), width=30, terminal=False) == f"{words}\n"
    assert max(map(len, drawn(lambda c: print_text(words, console=c), width=35).splitlines())) <= 35


def test_a_message_of_many_cells_is_one_line_after_the_table():
    cautions = ("latency@batch=1: not steady",)
    records = [good(cell(f"resnet{n}"), top1(0.8), cautions=cautions) for n in (18, 34, 50, 101)]
    text = drawn(lambda console: print_warnings(records, console))
    assert text.split() == ["warning:", "4", "cells:", "latency@batch=1:", "not", "steady"]
    failed = drawn(lambda console: print_tables([*records, bad(cell("vgg16"))], console), color_system=None)
    assert failed.count("it broke") == 1
    assert max(map(len, failed.splitlines())) <= 80


def test_a_record_lists_each_protocol_once_below_its_metrics():
    text = drawn(lambda console: print_record(good(cell(), top1(0.8)), console), color_system=None)
    assert "top1: topk" in text
    assert max(map(len, text.splitlines())) <= 80


def weighted(name, member):
    return Cell(model=ModelSpec(name=name, weights=member), data=DataSpec(name="imagenet"))


def test_missing_weights_of_twenty_cells_are_one_line_with_one_command():
    names = [("resnet18", "ResNet18"), ("resnet34", "ResNet34"), ("vgg16", "VGG16"), ("alexnet", "AlexNet")]
    reason = (
        "no data: name a folder; no weights: a file is missing. Fetch it with `cvbench weights fetch SUITE`"
    )
    cells = [weighted(name, f"{family}_Weights.IMAGENET1K_V1") for name, family in names] * 5
    data, weights = skip_lines([(one, reason) for one in cells], "imagenet")
    assert data == "no data: name a folder (20 cells)"
    assert (
        weights == "no weights: 20 cells lack 4 weights files. Download them: cvbench weights fetch imagenet"
    )
    assert short_reason(reason) == "no data, no weights"
    assert short_reason("no GPU seen: a; b") == "no GPU seen: a; b"
    [_, alone] = skip_lines([(cells[0], reason)], "imagenet")
    assert "`cvbench weights fetch imagenet`" in alone


@pytest.fixture
def folder(tmp_path, monkeypatch):
    golden = Path(__file__).parents[1] / "golden/records-1/ok.json"
    run = tmp_path / "results/small/20260102-030405"
    (run / "cells").mkdir(parents=True)
    key = golden.read_text(encoding="utf-8").split('"key": "')[1][:16]
    (run / "run.json").write_text('{"schema": 1, "cells": [{"key": "' + key + '"}]}')
    shutil.copy(golden, run / f"cells/{key}.json")
    for name, lost in (("before", 0), ("now", 200)):
        made = Made().topk(flipped(RIGHT, lost, 0)).rounds("latency", normal_rounds(0.01))
        make_run(tmp_path / "results/s" / name, made)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "command",
    ["list models", "list datasets", "list metrics", "list suites", "list runs", "plan quickstart",
     "plan imagenet", "show small", "compare s/before s/now --all", "compare s/before s/now s/before"],
)  # fmt: skip
def test_commands_fit_the_terminal(command, width, folder, monkeypatch):
    for name, value in {"TERM": "dumb", "FORCE_COLOR": "1", "COLUMNS": str(width), "LINES": "50"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("cvbench.report.text_table._is_terminal", lambda _: True)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert len(lines) > 2
    assert not [line for line in lines if len(line) > width and max(map(len, line.split())) < width - 12]
    alone = [line for line in lines if 0 < len(line.strip()) < 6 and line.startswith("  ")]
    assert len(alone) < 4  # a cell that is wrapped to a tower has many short lines
