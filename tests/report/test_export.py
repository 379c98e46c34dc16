"""Files of a comparison: nothing hidden, nothing that breaks the form it is written in."""

import io
import json

import pandas as pd
import pytest

from cvbench.record import Environment, RunInfo
from cvbench.report.export import COLUMNS, FORMATS, as_json, csv, latex, markdown, parquet, timm_row
from cvbench.report.frame import Source
from cvbench.store import Run
from tests.records import bad, cell, good, top1
from tests.report.test_frame import throughput

INFO = RunInfo(
    suite="demo",
    run="r1",
    created="2026-01-02",
    environment=Environment(hard={"cpu": "a | processor"}, soft={}, volatile={}),
)


def source(tmp_path, *records):
    return [Source(Run(tmp_path), INFO, records)]


@pytest.fixture
def some(tmp_path):
    timm = cell("timm/resnet50.a1_in1k")
    return source(
        tmp_path, good(timm, top1(0.81234), throughput(1, 10.0), throughput(32, 80.0)), bad(cell(seed=1))
    )


@pytest.mark.parametrize("form", FORMATS)
def test_failed_cells_are_in_every_form_with_their_reason(form, some):
    content = FORMATS[form](some)
    text = pd.read_parquet(io.BytesIO(content)).to_csv() if form == ".parquet" else content.decode()
    assert "it broke" in text


def test_a_row_joins_with_timms_tables_in_name_and_units(some):
    row = timm_row(some[0].records[0])
    assert tuple(row) == COLUMNS
    assert row["model"] == "resnet50.a1_in1k"
    assert (row["top1"], row["top1_err"]) == (81.234, 18.766)
    assert (row["param_count"], row["img_size"], row["crop_pct"], row["infer_gmacs"]) == (
        11.69,
        224,
        1.0,
        1.8141,
    )
    # the fastest batch: 32 images at 80 a second take 400 ms
    assert (row["infer_samples_per_sec"], row["infer_batch_size"], row["infer_step_time"]) == (
        80.0,
        32,
        400.0,
    )


def test_the_csv_begins_with_timms_columns_and_repeats_no_name(some):
    table = pd.read_csv(io.BytesIO(csv(some)))
    assert tuple(table.columns[: len(COLUMNS)]) == COLUMNS
    assert "top1.1" not in table.columns, "pandas renames a name that comes again"
    assert table["top1_fraction"][0] == pytest.approx(0.81234)
    assert table["outcome"].tolist() == ["ok", "failed"]
    assert pd.isna(table["top1"][1])


def test_json_holds_every_record_as_it_is_kept(some):
    [run] = json.loads(as_json(some))["runs"]
    assert RunInfo.model_validate(run["run"]) == INFO
    assert [r["outcome"] for r in run["records"]] == ["ok", "failed"]


def test_parquet_is_the_frame_with_the_run_in_front(some):
    frame = pd.read_parquet(io.BytesIO(parquet(some)))
    assert frame.columns[0] == "run"
    assert frame["run"].tolist() == ["demo/r1", "demo/r1"]
    assert frame["top1/low"][0] == pytest.approx(0.71234)


def test_markdown_has_one_column_more_than_bars_and_keeps_hostile_names_inside_cells(tmp_path):
    hostile = good(cell("a:<script>|`*", "x").model_copy(), top1(0.5))
    text = markdown(source(tmp_path, hostile)).decode()
    header, _, row = [line for line in text.splitlines() if line.startswith("|")]
    assert row.replace(r"\|", "").count("|") == header.count("|")
    assert "<script>" not in text
    assert r"\`\*" in row


def test_latex_is_booktabs_and_escapes_what_it_would_read(tmp_path):
    text = latex(source(tmp_path, good(cell("a:b_c%&\\x", "x"), top1(0.5)))).decode()
    assert "\\toprule" in text
    assert "\\bottomrule" in text
    assert r"a:b\_c\%\&\textbackslash{}x" in text
    rows = [line for line in text.splitlines() if line.endswith("\\\\")]
    assert len({row.replace(r"\&", "").count("&") for row in rows}) == 1
