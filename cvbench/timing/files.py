"""Raw samples as Parquet: a column named as the series, and where needed `slice`, `round` and `valid`.

A file without `round` is of one process; one without `valid` has only samples that count. Unit,
condition and how the samples were taken stand in the file's metadata. Needs no torch.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cvbench.timing.series import Series

_ABOUT = ("unit", "at", "warmup_calls")
_COLUMNS = {"slice": np.int32, "round": np.int32, "valid": np.bool_}


def series_table(series: Series) -> pa.Table:
    """Every sample, in order, without loss."""
    optional = {name: getattr(series, name) for name in _COLUMNS}
    columns = {series.name: series.values} | {k: v for k, v in optional.items() if v is not None}
    taken = {"counts": dict(series.counts), "invalid": series.invalid, "cautions": series.cautions}
    about = {name: str(getattr(series, name)) for name in _ABOUT} | {"taken": json.dumps(taken)}
    return pa.table(columns).replace_schema_metadata(about)


def read_series(path: Path) -> Series:
    """The samples of such a file; raises OSError or ValueError for anything else."""
    table = pq.read_table(path)
    about = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    missing = [name for name in _ABOUT if name not in about]
    names = [name for name in columns if name not in _COLUMNS]
    if missing or len(names) != 1:
        raise ValueError(f"columns {list(columns)}, without {', '.join(missing) or 'one of samples'}")
    taken = json.loads(about.get("taken", "{}"))
    return Series(
        name=names[0],
        at=about["at"],
        unit=about["unit"],
        values=columns[names[0]].astype(np.float64),
        warmup_calls=int(about["warmup_calls"]),
        **{name: columns[name].astype(kind) for name, kind in _COLUMNS.items() if name in columns},
        counts=taken.get("counts", {}),
        invalid=taken.get("invalid"),
        cautions=tuple(taken.get("cautions", ())),
    )
