import math

from cvbench.record import Measurement
from cvbench.report.frame import to_frame
from tests.records import bad, cell, good, top1


def throughput(batch, value):
    return Measurement(
        name="throughput", at=f"batch={batch}", value=value, unit="images/s", direction="higher", protocol="t"
    )


def test_every_record_is_a_row_failed_ones_too():
    frame = to_frame([good(cell(), top1(0.8)), bad(cell("unet", "fashion-scenes"))])
    assert list(frame["outcome"]) == ["ok", "failed"]
    assert frame["reason"][1] == "it broke\nin two lines"
    assert list(frame["task"]) == ["classification", "segmentation"]


def test_a_figure_has_its_interval_beside_it():
    frame = to_frame([good(cell(), top1(0.5))])
    assert (frame["top1"][0], frame["top1/low"][0], frame["top1/high"][0]) == (0.5, 0.4, 0.6)


def test_a_missing_figure_is_empty_and_says_why_and_is_never_zero():
    frame = to_frame([good(cell(), top1(None, missing="no images"))])
    assert frame["top1"][0] is None or math.isnan(frame["top1"][0])
    assert frame["top1/missing"][0] == "no images"


def test_one_name_under_several_conditions_is_several_columns():
    frame = to_frame([good(cell(), throughput(1, 10.0), throughput(8, 40.0))])
    assert frame["throughput@batch=1"][0] == 10.0
    assert frame["throughput@batch=8"][0] == 40.0


def test_rows_with_different_figures_share_one_frame():
    frame = to_frame([good(cell(), top1(0.8)), good(cell(seed=1), throughput(1, 10.0))])
    assert len(frame) == 2
    assert {"top1", "throughput@batch=1"} <= set(frame.columns)
