"""Baselines: one committed file per suite and machine class, with raw values, and the history of metrics.

    baselines/<machine class>/<suite>.json        in the working folder, because Git ignores results

It has the records of one run, their files of samples and per-image results (Parquet, as base64), and for
every job that updated it the round values of its speed metrics with the fingerprint of the machine. Unpacked,
it is a run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
from pydantic import Field

from cvbench.compare.comparability import domain_of, is_primary
from cvbench.compare.speed import rounds_of
from cvbench.errors import StoreError
from cvbench.files import read_document
from cvbench.record import Record, RunInfo, Scalar
from cvbench.spec.canonical import Frozen, digest
from cvbench.store import Run, StoredFile

SCHEMA = 1
KEPT = ("samples", "outcomes")
REMEDY = "cvbench check RUN --update writes a baseline."


class Job(Frozen):
    """One earlier run: the round values of its speed metrics."""

    run: str
    created: str
    hard: str
    """Hash of machine and software, which must be equal to compare speed."""
    figures: Mapping[str, tuple[float, ...]]
    """`<cell key> latency_p50@batch=1` → the value of each round."""


class Baseline(Frozen):
    """The content of a baseline file."""

    schema_version: int = Field(default=SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    kind: Literal["baseline"] = "baseline"
    suite: str
    machine: str
    """The class of machine."""
    about: RunInfo
    """The run's own run.json."""
    records: tuple[Record, ...]
    files: Mapping[str, str]
    """Path in the run's folder → content, base64."""
    jobs: tuple[Job, ...] = ()
    """Every job, the oldest first."""


def machine_class(hard: Mapping[str, Scalar]) -> str:
    """A name for machines of one type: `nvidia-h100`, `amd-epyc-7b13-2-threads`.

    >>> machine_class({"cpu": "AMD EPYC (7B13)", "cpu_threads": 2, "gpu": None})
    'amd-epyc-7b13-2-threads'
    """
    named = hard.get("gpu") or f"{hard.get('cpu')} {hard.get('cpu_threads')} threads"
    return re.sub(r"[^a-z0-9]+", "-", str(named).lower()).strip("-")[:100]


def default_path(run: Run) -> Path:
    """The path of a run's baseline, relative to the working folder."""
    hard = run.records()[0].environment.hard
    return Path("baselines") / machine_class(hard) / f"{run.folder.parent.name}.json"


def job_of(run: Run, records: list[Record]) -> Job:
    """A run as a job of the history."""
    figures = {}
    for record in records:
        for m in record.measurements:
            if is_primary(m) and domain_of(m) == "speed" and m.value is not None:
                rounds = rounds_of(run, record, m)
                if rounds is not None and len(rounds.values) and rounds.values.min() > 0:
                    figures[figure_key(record.key, m.name, m.at)] = tuple(rounds.values.tolist())
    hard = digest(dict(records[0].environment.hard)) if records else ""
    return Job(run=run.folder.name, created=run.info.created, hard=hard, figures=figures)


def figure_key(cell: str, name: str, at: str) -> str:
    """The key of a metric in the history."""
    return f"{cell} {name}@{at}"


def points(jobs: tuple[Job, ...], figure: str, hard: str) -> np.ndarray:
    """Logarithms of a metric, one per job with this fingerprint: the geometric mean of its rounds."""
    own = [job.figures[figure] for job in jobs if job.hard == hard and figure in job.figures]
    known = [rounds for rounds in own if min(rounds, default=0.0) > 0]
    return np.array([float(np.mean([math.log(value) for value in rounds])) for rounds in known])


def pack(run: Run, previous: Baseline | None) -> Baseline:
    """The baseline of a run, with the history of the previous one."""
    records = run.records()
    if not records:
        raise StoreError(
            f"{run.folder}: no cell is finished, so there is nothing to store. Resume it with cvbench run."
        )
    files = {
        item.file: base64.b64encode(StoredFile(run, record, item).content()).decode()
        for record in records
        for item in record.attachments
        if item.kind in KEPT
    }
    for name in files:
        _check_name(name, run.folder)
    job = job_of(run, records)
    earlier = tuple(one for one in (previous.jobs if previous else ()) if one.run != job.run)
    return Baseline(
        suite=run.folder.parent.name,
        machine=machine_class(records[0].environment.hard),
        about=run.info,
        records=tuple(_without_bulk(record) for record in records),
        files=files,
        jobs=(*earlier, job),
    )


def _without_bulk(record: Record) -> Record:
    kept = tuple(item for item in record.attachments if item.kind in KEPT)
    return record.model_copy(update={"attachments": kept})


def to_json(baseline: Baseline) -> bytes:
    """The file: one line per record and file, so that a change of one cell is a small diff."""
    content = baseline.model_dump(mode="json", by_alias=True)
    parts = []
    for name, value in content.items():
        if isinstance(value, list) and value:
            lines = ",\n  ".join(json.dumps(one) for one in value)
            parts.append(f' "{name}": [\n  {lines}\n ]')
        elif name == "files" and value:
            lines = ",\n  ".join(f"{json.dumps(key)}: {json.dumps(one)}" for key, one in value.items())
            parts.append(f' "{name}": {{\n  {lines}\n }}')
        else:
            parts.append(f' "{name}": {json.dumps(value)}')
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def read_baseline(path: Path) -> Baseline:
    """A baseline from its file; raises StoreError with the file, the place and what was expected."""
    return read_document(path, Baseline, what="baseline", newest=SCHEMA, remedy=REMEDY)


@contextmanager
def unpacked(baseline: Baseline, path: Path) -> Iterator[Run]:
    """The baseline as a run inside the block; raises StoreError for damaged files."""
    contents = _contents(baseline, path)
    with TemporaryDirectory(prefix="cvbench-baseline-") as folder:
        root = Path(folder) / "baseline"
        (root / "cells").mkdir(parents=True)
        (root / "run.json").write_text(baseline.about.model_dump_json(), encoding="utf-8")
        for record in baseline.records:
            (root / "cells" / f"{record.key}.json").write_text(record.model_dump_json(), encoding="utf-8")
        for name, content in contents.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(content)
        yield Run(root)


def _contents(baseline: Baseline, path: Path) -> dict[str, bytes]:
    """Name → content of every file of the records; raises StoreError if one is not as recorded."""
    keys = [record.key for record in baseline.records]
    if len(set(keys)) != len(keys):
        raise StoreError(f"{path}: records: a cell is listed twice.\n  {REMEDY}")
    for name in baseline.files:
        _check_name(name, path)
    digests = {item.file: item.sha256 for record in baseline.records for item in record.attachments}
    if digests.keys() != baseline.files.keys():
        [name, *_] = sorted(digests.keys() ^ baseline.files.keys())
        why = "no record names it" if name in baseline.files else "a record names it, but it is missing"
        raise StoreError(f"{path}: files: {name[:80]!r}: {why}.\n  {REMEDY}")
    contents = {}
    for name, packed in baseline.files.items():
        try:
            contents[name] = base64.b64decode(packed, validate=True)
        except ValueError as error:  # binascii.Error is one, and text beyond ASCII is another
            raise StoreError(f"{path}: files: {name}: not valid base64 ({error}).\n  {REMEDY}") from error
        if hashlib.sha256(contents[name]).hexdigest() != digests[name]:
            raise StoreError(f"{path}: files: {name}: its SHA-256 is not the one in its record.\n  {REMEDY}")
    return contents


def _check_name(name: str, path: Path) -> None:
    """Raise StoreError for a name that is not a sample or outcome file: it could leave the folder."""
    kind, _, file = name.partition("/")
    if kind not in KEPT or not re.fullmatch(r"[A-Za-z0-9=_@-][A-Za-z0-9=._@-]{0,249}", file):
        raise StoreError(f"{path}: files: {name[:80]!r} is not the name of a sample or outcome file.")
