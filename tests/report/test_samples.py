"""Raw samples shown as text, numbers and plots."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cvbench.cli.main import app
from cvbench.record import Attachment
from cvbench.report.palette import LINES
from cvbench.report.samples import HEIGHT, REJECTED, WIDTH, bars, draw
from cvbench.store import Store
from cvbench.timing.figures import figures_of
from cvbench.timing.series import Series, joined, series_table
from tests.records import cell, good, run_info


def series(seed=0, **fields):
    values = np.random.default_rng(seed).lognormal(-6, 0.1, size=200)
    return Series("latency", "batch=1", "s", values, 3, **fields)


ROUNDS = joined([(number, series(number)) for number in range(3)])


@pytest.fixture
def results(tmp_path):
    """A run with one record whose metrics equal the ones from its samples."""
    store = Store(tmp_path / "results")
    item = Attachment(kind="samples", name=ROUNDS.title, file="s.parquet", sha256="?")
    record = good(cell(), *figures_of([ROUNDS]), attachments=(item,), cautions=("it was warm",))
    with store.writing(run_info("demo", cell()), fresh=False) as run:
        staged = store.staging(run)
        pq.write_table(series_table(ROUNDS), staged / "s.parquet")
        run.commit(record, staged)
    return store.root


def shown(results, *arguments):
    return CliRunner().invoke(app, ["show", "demo", "--samples", "--out", str(results), *arguments])


def test_figures_are_derived_again_and_are_those_of_the_record(results):
    text = shown(results).stdout
    assert "latency@batch=1: 600 samples, 600 accepted, of 3 processes" in text
    assert "warning: it was warm" in text
    assert "as in the record" in text
    assert "differs from the record" not in text


def test_a_record_that_says_otherwise_is_found_out(results):
    [path] = results.glob("demo/*/cells/*.json")
    content = json.loads(path.read_text())
    content["measurements"][0]["value"] *= 0.9
    content["measurements"][0]["interval"] = None
    path.write_text(json.dumps(content))
    assert json.loads(shown(results, "--json").stdout)["series"][0]["differing"] == ["latency_p50"]
    assert "differs from the record" in shown(results).stdout


def test_samples_that_changed_are_refused_without_a_traceback(results):
    [path] = results.glob("demo/*/samples/*.parquet")
    path.write_bytes(b"other")
    done = CliRunner().invoke(app, ["show", "demo", "--samples", "--out", str(results)])
    assert done.exit_code == 2
    assert "the file has changed since the record was written" in done.stderr


def test_each_series_is_drawn(results, tmp_path):
    done = shown(results, "--pictures", str(tmp_path / "pictures"))
    [path] = (tmp_path / "pictures").iterdir()
    assert f"drawn: {path}" in done.stdout
    assert path.read_bytes().startswith(b"\x89PNG")


def colors(image):
    return {f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b) in image.getcolors(maxcolors=1 << 20)}


def test_each_process_has_its_color_and_rejected_samples_are_gray():
    assert {*LINES[:3]} <= colors(draw(ROUNDS, "x"))
    valid = np.arange(200) < 100
    assert REJECTED in colors(draw(series(valid=valid), "x"))
    assert REJECTED not in colors(draw(series(), "x"))


@pytest.mark.parametrize("values", [[], [0.1], [0.1, 0.1], [0.0, 0.0]])
def test_few_or_equal_samples_are_drawn_too(values):
    few = Series("latency", "batch=1", "s", np.array(values, dtype=float), 3, invalid="nothing")
    assert draw(few, "x").size == (WIDTH, HEIGHT)


def test_the_line_of_bars_is_highest_where_most_values_lie():
    line = bars(np.concatenate([np.full(90, 1.0), np.full(10, 2.0)]), width=4)
    assert line[0] == "█"
    assert line[1:3] == "  "
