"""Writes per-image results, diagnostics and pictures of a cell to the Parquet files that its record names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from cvbench.interfaces import Dataset, Explained, Metric
from cvbench.record import Attachment
from cvbench.runner.parquet import save_table
from cvbench.runner.worst_images import Bad, picture_table
from cvbench.spec.cell import Cell


def save_outcomes(metric: Metric, name: str, cell: Cell, staged: Path) -> Attachment:
    """A metric's per-image results: enough to recompute its values and to pair two runs."""
    columns = {key: pa.array(values) for key, values in metric.outcomes().items()}
    table = pa.table(columns).replace_schema_metadata({"protocol": metric.protocol})
    return save_table(table, "outcomes", name, cell, staged)


def save_evidence(
    metrics: Mapping[str, Metric], classes: Sequence[str], cell: Cell, staged: Path
) -> list[Attachment]:
    """The metrics' diagnostics: precision-recall curves, confusions and error kinds."""
    return [
        save_table(
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
    """Write the images with the worst results, with truth and prediction."""
    about = {"classes": json.dumps(data.classes)}
    return save_table(
        picture_table(worst, data).replace_schema_metadata(about), "pictures", "worst", cell, staged
    )
