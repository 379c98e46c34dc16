"""The raw material behind a record's figures, as Parquet files with zstd: samples and outcomes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cvbench.files import sha256_of_file
from cvbench.interfaces import Dataset, Explained, Metric
from cvbench.record import Attachment
from cvbench.runner.worst_images import Bad, picture_table
from cvbench.spec.cell import Cell
from cvbench.timing.series import Series, series_table


def save_series(series: Series, cell: Cell, staged: Path) -> Attachment:
    """Every sample of a timing, in order."""
    return _save(series_table(series), "samples", f"{series.name}@{series.at}", cell, staged)


def save_outcomes(metric: Metric, name: str, cell: Cell, staged: Path) -> Attachment:
    """What a metric keeps of each image: enough to recompute its figures and to pair two runs."""
    columns = {key: pa.array(values) for key, values in metric.outcomes().items()}
    table = pa.table(columns).replace_schema_metadata({"protocol": metric.protocol})
    return _save(table, "outcomes", name, cell, staged)


def save_evidence(
    metrics: Mapping[str, Metric], classes: Sequence[str], cell: Cell, staged: Path
) -> list[Attachment]:
    """What the metrics can tell of why their figures are what they are."""
    return [
        _save(
            pa.table(
                {name: pa.array(values) for name, values in evidence.columns.items()}
            ).replace_schema_metadata(
                {**evidence.about, "protocol": metric.protocol, "classes": json.dumps(classes)}
            ),
            evidence.kind,
            name,
            cell,
            staged,
        )
        for name, metric in metrics.items()
        if isinstance(metric, Explained)
        for evidence in metric.evidence()
    ]


def save_pictures(worst: Sequence[Bad], data: Dataset, cell: Cell, staged: Path) -> Attachment:
    """The images that the model did worst on."""
    about = {"classes": json.dumps(data.classes)}
    return _save(picture_table(worst, data).replace_schema_metadata(about), "pictures", "worst", cell, staged)


def _save(table: pa.Table, kind: str, name: str, cell: Cell, staged: Path) -> Attachment:
    words = [name] if kind in ("samples", "outcomes") else [name, kind]  # all are staged in one folder
    file = f"{cell.key}-{re.sub(r'[^A-Za-z0-9=._-]', '-', '-'.join(words))}.parquet"
    pq.write_table(table, staged / file, compression="zstd")
    digest = sha256_of_file(staged / file)
    return Attachment.model_validate({"kind": kind, "name": name, "file": f"{kind}/{file}", "sha256": digest})
