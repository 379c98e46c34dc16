"""Names come from files: in no output do they steer a terminal, a CI system or a spreadsheet."""

import csv
import io

import numpy as np
import pytest
from rich.console import Console

from cvbench.cli.main import filtered, filtered_output
from cvbench.errors import Trusted
from cvbench.report.terminal import print_record, print_tables
from cvbench.spec.cell import DataSpec
from cvbench.store import Run
from tests.compare.runs import Made, make_run
from tests.records import cell

NAME = "=cmd|\x1b[31m\x1b]0;t\x07\r\n::error::x [bold]b[/bold] \\input{x} <i>&`$#\u202e"
"""Of a data set, an option and a class."""
ACTING = ("\x1b", "\x07", "\r", "\u202e")


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs whose names are hostile."""
    for part in ("base", "now"):
        of = cell(seed=0)
        of = of.model_copy(
            update={
                "data": DataSpec(name=NAME),
                "model": of.model.model_copy(update={"options": {"note": NAME}}),
            }
        )
        made = Made(of, weights=("a" if part == "base" else "b") * 64).topk(np.arange(40) % 7 > 0)
        figure = made.measurements[0]
        parts = tuple(one.model_copy(update={"name": NAME + one.name}) for one in figure.parts)
        more = figure.model_copy(update={"name": "extra", "at": NAME, "protocol": NAME, "parts": ()})
        made.measurements = [figure.model_copy(update={"parts": parts}), more]
        make_run(tmp_path / "results" / "ci" / part, made)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


OUTPUTS = {
    "show": ("show", "ci/now"),
    "compare": ("compare", "ci/base", "ci/now", "--all"),
    "compare as JSON": ("compare", "ci/base", "ci/now", "--json"),
    "compare as Markdown": ("compare", "ci/base", "ci/now", "-o", "x.md"),
    "compare as CSV": ("compare", "ci/base", "ci/now", "-o", "x.csv"),
    "check": ("check", "ci/now", "--against", "ci/base", "--junit", "x.xml", "--summary", "x.md"),
    "page": ("report", "ci/base", "ci/now", "-o", "x.html"),
    "Markdown": ("report", "ci/now", "-o", "x.md"),
    "LaTeX": ("report", "ci/now", "-o", "x.tex"),
    "CSV": ("report", "ci/now", "-o", "x.csv"),
    "list": ("list", "runs"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_no_name_acts_in_any_output(cvbench, runs, tmp_path, name, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    done = cvbench(*OUTPUTS[name])
    assert done.code != 70, done.stderr
    texts = {"stdout": done.stdout, "stderr": done.stderr}
    texts |= {p.name: p.read_bytes().decode() for p in tmp_path.glob("*.*") if p.is_file()}
    assert any("cmd|" in text.replace("\\|", "|") for text in texts.values()) or name in ("list", "LaTeX")
    for where, text in texts.items():
        for character in ACTING:
            assert character not in text, (where, character)
        if where in ("stdout", "stderr"):
            own = [line for line in text.splitlines() if line.lstrip().startswith("::")]
            assert all(line.startswith(("::error title=", "::warning title=")) for line in own), (where, own)


def test_in_csv_no_cell_is_a_formula(cvbench, runs, tmp_path):
    for command in (OUTPUTS["CSV"], OUTPUTS["compare as CSV"]):
        cvbench(*command, "--force")
        rows = list(csv.reader(io.StringIO((tmp_path / "x.csv").read_text())))
        assert any(NAME[1:5] in field for row in rows for field in row)
        assert not [field for row in rows for field in row if field.startswith(("=", "+", "@"))]


def test_in_latex_and_markdown_names_are_text(cvbench, runs, tmp_path):
    cvbench(*OUTPUTS["LaTeX"])
    assert "\\input" not in (tmp_path / "x.tex").read_text()
    cvbench(*OUTPUTS["Markdown"])
    assert "<i>" not in (tmp_path / "x.md").read_text()


@pytest.mark.parametrize("terminal", [False, True])
def test_markup_of_rich_in_names_is_text(runs, terminal):
    record = Run(runs / "ci/now").records()[0]
    console = Console(file=io.StringIO(), force_terminal=terminal, width=400, color_system=None)
    print_record(record, console)
    print_tables([record], console)
    text = console.file.getvalue()
    assert "[bold]b[/bold]" in text
    assert all(character not in text for character in ("\x07", "\x1b]", "\u202e"))


def test_the_json_of_a_hostile_name_is_that_name(cvbench, runs):
    [one, *_] = cvbench(*OUTPUTS["compare as JSON"]).document["cells"]
    assert one["data"] == NAME


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b]52;c;eA==\x07", "\\u001b]52;c;eA==\\u0007"),
        ("\x9b31m", "\\u009b31m"),
        ("a\tb\n", "a\tb\n"),
    ],
)
def test_a_terminal_is_sent_colors_and_nothing_else_that_acts(text, written):
    assert filtered(text, terminal=True) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\n  ::error::x", "a\n  : :error::x"),
        ("##[error]x", "# #[error]x"),
        ("a::b", "a::b"),
        (Trusted("::error::x"), "::error::x"),
    ],
)
def test_only_our_own_lines_are_commands_to_github(monkeypatch, text, written):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert filtered(text, terminal=False) == written


def test_the_filter_is_gone_when_the_command_ends(capsys):
    with filtered_output():
        print("\x1b[31m")
    print("\x1b[32m")
    assert capsys.readouterr().out == "\\u001b[31m\n\x1b[32m\n"
