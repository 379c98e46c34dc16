"""Raw samples as Parquet: a column named as the series, and where needed `round` and `valid`.

A file without `round` is of one process; one without `valid` has only samples that count. Unit,
condition and warm-up calls stand in the file's metadata. Needs no torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cvbench.timing.series import Series

_ABOUT = ("unit", "at", "warmup_calls")


def series_table(series: Series) -> pa.Table:
    """Every sample, in order, without loss."""
    columns = {series.name: series.values}
    if series.round is not None:
        columns["round"] = series.round
    if series.valid is not None:
        columns["valid"] = series.valid
    about = {name: str(getattr(series, name)) for name in _ABOUT}
    return pa.table(columns).replace_schema_metadata(about)


def read_series(path: Path) -> Series:
    """The samples of such a file; raises OSError or ValueError for anything else."""
    table = pq.read_table(path)
    about = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    missing = [name for name in _ABOUT if name not in about]
    names = [name for name in columns if name not in ("round", "valid")]
    if missing or len(names) != 1:
        raise ValueError(f"columns {list(columns)}, without {', '.join(missing) or 'one of samples'}")
    [name] = names
    return Series(
        name=name,
        at=about["at"],
        unit=about["unit"],
        values=columns[name].astype(np.float64),
        warmup_calls=int(about["warmup_calls"]),
        round=columns["round"].astype(np.int32) if "round" in columns else None,
        valid=columns["valid"].astype(bool) if "valid" in columns else None,
    )
