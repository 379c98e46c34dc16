"""Series of raw samples: values, how they were taken, and warnings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float64, Int32

from cvbench.statistics.series import trimmed_mean


@dataclass(frozen=True, eq=False)
class Series:
    """Raw samples of one quantity, in order, with their unit and conditions."""

    name: str
    """`latency`, `throughput`, `forward` …"""
    at: str
    """The condition, such as `batch=1`."""
    unit: str
    values: Float64[np.ndarray, " n"]
    warmup_calls: int
    """Calls made before the first sample, and not counted; in each process where there were several."""
    slice: Int32[np.ndarray, " n"] | None = None
    """Which stretch of consecutive samples each belongs to; None where they are all one."""
    round: Int32[np.ndarray, " n"] | None = None
    """The process that took each sample; None where one took all."""
    valid: Bool[np.ndarray, " n"] | None = None
    """False where a sample was taken while something tainted it; None where all count."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Calls per phase of the warm-up, per sample and per window: settled once, then kept."""
    invalid: str | None = None
    """Why the series gives no measurement."""
    cautions: tuple[str, ...] = ()
    """Warnings for the reader."""

    @property
    def title(self) -> str:
        """What and where: `latency@batch=1`."""
        return f"{self.name}@{self.at}"

    @property
    def accepted(self) -> Float64[np.ndarray, " valid"]:
        """The samples that count."""
        return self.values if self.valid is None else self.values[self.valid]

    def by_round(self) -> list[Float64[np.ndarray, " valid"]]:
        """The samples that count, apart by the process that took them; processes without any are left out."""
        return _apart(self.accepted, self._of_accepted(self.round))

    def round_values(self) -> Float64[np.ndarray, " rounds"]:
        """One value per process: the 20 % trimmed mean of its slices' medians, their median below 4."""
        slices = self._of_accepted(self.slice)
        rounds = self._of_accepted(self.round)
        if slices is None:
            return np.array([np.median(values) for values in self.by_round()])
        return np.array(
            [
                trimmed_mean(np.array([np.median(one) for one in _apart(values, numbers)]))
                for values, numbers in zip(_apart(self.accepted, rounds), _apart(slices, rounds), strict=True)
            ]
        )

    def _of_accepted(self, column: Int32[np.ndarray, " n"] | None) -> Int32[np.ndarray, " valid"] | None:
        return column if column is None or self.valid is None else column[self.valid]


def _apart(values: np.ndarray, groups: np.ndarray | None) -> list[np.ndarray]:
    if groups is None:
        return [values] if len(values) else []
    return [values[groups == number] for number in np.unique(groups)]


def joined(parts: Sequence[tuple[int, Series]]) -> Series:
    """One series from the series of several processes, each with its round's number; at least one.

    It is invalid only where all its parts are.
    """
    series = [part for _, part in parts]
    rounds = [np.full(len(part.values), number, dtype=np.int32) for number, part in parts]
    everywhere = all(part.slice is not None for part in series)
    return replace(
        series[0],
        values=np.concatenate([part.values for part in series]),
        warmup_calls=max(part.warmup_calls for part in series),
        slice=np.concatenate([part.slice for part in series if part.slice is not None])
        if everywhere
        else None,
        round=np.concatenate(rounds),
        valid=_joined_valid(series),
        invalid=series[0].invalid if all(part.invalid for part in series) else None,
        cautions=tuple(f"round {number + 1}: {said}" for number, part in parts for said in part.cautions),
    )


def _joined_valid(series: Sequence[Series]) -> Bool[np.ndarray, " n"] | None:
    if all(part.valid is None for part in series):
        return None
    return np.concatenate(
        [np.ones(len(part.values), dtype=bool) if part.valid is None else part.valid for part in series]
    )


def protocol(rule: str, series: Series) -> str:
    """The rule, and what was repeated by it: iterations of one process, or processes."""
    return f"{rule}/1-process" if series.round is None else f"{rule}/rounds"


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
    return series_of(pq.read_table(path))


def series_of(table: pa.Table) -> Series:
    """The samples of such a table; raises ValueError for any other."""
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
