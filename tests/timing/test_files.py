import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.timing.series import Series, joined, read_series, series_table


@given(
    values=st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=20),
    data=st.data(),
)
def test_samples_are_read_as_they_were_written(tmp_path_factory, values, data):
    n = len(values)
    numbers = data.draw(st.none() | st.lists(st.integers(0, 9), min_size=n, max_size=n))
    valid = data.draw(st.none() | st.lists(st.booleans(), min_size=n, max_size=n))
    series = Series(
        "latency",
        "batch=1",
        "s",
        np.array(values),
        5,
        round=None if numbers is None else np.array(numbers, dtype=np.int32),
        valid=None if valid is None else np.array(valid),
    )
    path = tmp_path_factory.mktemp("samples") / "x.parquet"
    pq.write_table(series_table(series), path)
    back = read_series(path)
    for field in ("values", "round", "valid"):
        assert np.array_equal(getattr(back, field), getattr(series, field))
    assert (back.name, back.at, back.unit, back.warmup_calls) == ("latency", "batch=1", "s", 5)


def test_a_file_without_its_metadata_is_refused(tmp_path):
    pq.write_table(pa.table({"latency": [1.0]}), tmp_path / "bare.parquet")
    with pytest.raises(ValueError, match="without unit, at, warmup_calls"):
        read_series(tmp_path / "bare.parquet")


def test_samples_that_do_not_count_are_left_out_of_their_round():
    counts = np.array([True, False, True])
    part = Series("latency", "batch=1", "s", np.array([1.0, 2.0, 3.0]), 3, valid=counts)
    whole = Series("latency", "batch=1", "s", np.array([4.0]), 4)
    series = joined([(0, part), (3, whole)])
    assert [values.tolist() for values in series.by_round()] == [[1.0, 3.0], [4.0]]
    assert series.warmup_calls == 4
