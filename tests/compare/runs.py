"""Runs on disk, made by hand: whatever outcomes and samples a test wants its cells to have."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cvbench.record import Artifact, Attachment, Environment, Measurement, Passport, Record
from cvbench.statistics.distributions import wilson
from cvbench.store import Run
from tests.records import STARTED, cell

MACHINE = {"cpu": "a processor", "cpu_threads": 2, "gpu": None, "torch": "2.9.0"}
CLASSES = ("coat", "shoe")


def passport(images=1000, *, name="fashion", split="test", sha256="d" * 64):
    return Passport(name=name, split=split, images=images, classes=len(CLASSES), sha256=sha256)


class Made:
    """A cell in the making: its figures, and the files behind them."""

    def __init__(self, of=None, *, weights="a" * 64, machine=MACHINE, data=None, source="loaded"):
        self.cell = of or cell()
        self.artifact = Artifact(
            sha256=weights, source=source, parameters=10, macs=20, input=(3, 8, 8), preprocessing={"size": 8}
        )
        self.machine, self.data = machine, data or passport()
        self.measurements, self.tables = [], []

    def add(self, *figures):
        self.measurements += figures
        return self

    def topk(self, right, *, ids=None, predicted=None, name="topk"):
        """top1 with its outcomes; label 0 in the first half."""
        n = len(right)
        labels = np.repeat([0, 1], [n - n // 2, n // 2])
        self.tables.append(
            (
                "outcomes",
                name,
                {
                    "id": list(ids or map(str, range(n))),
                    "label": labels,
                    "predicted": np.where(right, labels, 1 - labels) if predicted is None else predicted,
                    "top1": np.asarray(right, bool),
                    "top5": np.ones(n, bool),
                },
                "topk/ties-against",
            )
        )
        parts = [
            {"name": c, "value": float(np.mean(right[labels == k])), "n": 1} for k, c in enumerate(CLASSES)
        ]
        return self.add(
            figure("top1", float(np.mean(right)), n=n, interval=wilson(int(np.sum(right)), n), parts=parts)
        )

    def rounds(self, name, rounds, *, at="batch=1", unit="s"):
        """A series of samples, a list a round, and its first figure."""
        values = np.concatenate(rounds)
        column = {
            name: values,
            "round": np.repeat(np.arange(len(rounds), dtype=np.int32), list(map(len, rounds))),
        }
        self.tables.append(("samples", f"{name}@{at}", column, ""))
        own = f"{name}_p50" if unit == "s" else name
        return self.add(
            figure(
                own,
                float(np.median(values)),
                at=at,
                unit=unit,
                direction="lower" if unit == "s" else "higher",
                protocol=f"{name}/rounds",
            )
        )

    def save(self, folder: Path) -> Record:
        """Write the files and the record."""
        attachments = []
        for kind, name, columns, protocol in self.tables:
            path = folder / kind / f"{self.cell.key}-{name.replace('@', '-')}.parquet"
            table = pa.table({key: pa.array(values) for key, values in columns.items()})
            about = {"protocol": protocol, "classes": json.dumps(CLASSES)}
            if kind == "samples":
                about |= {"unit": "s", "at": name.partition("@")[2], "warmup_calls": "1"}
            pq.write_table(table.replace_schema_metadata(about), path, compression="zstd")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            file = path.relative_to(folder).as_posix()
            attachments.append(Attachment(kind=kind, name=name, file=file, sha256=digest))
        record = Record(
            key=self.cell.key,
            cell=self.cell,
            outcome="ok",
            started=STARTED,
            wall_s=1.0,
            environment=Environment(hard=self.machine, soft={}, volatile={}),
            artifact=self.artifact,
            passports={self.cell.data.split: self.data},
            measurements=tuple(self.measurements),
            attachments=tuple(attachments),
        )
        (folder / "cells" / f"{record.key}.json").write_text(record.model_dump_json())
        return record


def figure(name, value, *, unit="fraction", direction="higher", protocol="topk/ties-against", **fields):
    return Measurement.model_validate(
        {"name": name, "value": value, "unit": unit, "direction": direction, "protocol": protocol, **fields}
    )


def make_run(folder: Path, *made, records=()) -> Run:
    """A run of these cells."""
    for part in ("cells", "samples", "outcomes"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    cells = [one.save(folder) for one in made]
    for record in records:
        (folder / "cells" / f"{record.key}.json").write_text(record.model_dump_json())
        cells.append(record)
    about = {
        "schema": 1,
        "suite": folder.parent.name,
        "run": folder.name,
        "expectations": {},
        "cells": [{"key": r.key} for r in cells],
    }
    (folder / "run.json").write_text(json.dumps(about))
    return Run(folder)
