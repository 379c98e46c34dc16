"""What the metrics of a cell found in each image, in the files that its record names."""

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
    """What a metric keeps of each image: enough to recompute its figures and to pair two runs."""
    columns = {key: pa.array(values) for key, values in metric.outcomes().items()}
    table = pa.table(columns).replace_schema_metadata({"protocol": metric.protocol})
    return save_table(table, "outcomes", name, cell, staged)


def save_evidence(
    metrics: Mapping[str, Metric], classes: Sequence[str], cell: Cell, staged: Path
) -> list[Attachment]:
    """What the metrics can tell of why their figures are what they are."""
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
    """The images that the model did worst on."""
    about = {"classes": json.dumps(data.classes)}
    return save_table(
        picture_table(worst, data).replace_schema_metadata(about), "pictures", "worst", cell, staged
    )
