"""A record in the column names and units of timm's results tables, so that a join by `model` works.

timm writes accuracies in percent, counts in millions, GMACs in 1e9 and the time of a batch in
milliseconds; its names of models have no `timm/` before them.
"""

from __future__ import annotations

from typing import Final

from cvbench.record import Artifact, Measurement, Record

COLUMNS: Final = (
    "model",
    "top1",
    "top1_err",
    "top5",
    "top5_err",
    "param_count",
    "img_size",
    "crop_pct",
    "interpolation",
    "infer_samples_per_sec",
    "infer_step_time",
    "infer_batch_size",
    "infer_gmacs",
)

Cell = str | int | float | None


def timm_row(record: Record) -> dict[str, Cell]:
    """One value a column; None where the record does not have it."""
    row: dict[str, Cell] = dict.fromkeys(COLUMNS)
    row["model"] = record.cell.model.name.removeprefix("timm/")
    for name in ("top1", "top5"):
        figure = record.measurement(name)
        if figure is not None and figure.value is not None:
            row[name] = round(100 * figure.value, 3)
            row[f"{name}_err"] = round(100 - 100 * figure.value, 3)
    if record.artifact is not None:
        row |= _artifact(record.artifact)
    fastest = max(_throughputs(record), key=lambda figure: figure.value or 0.0, default=None)
    if fastest is not None and fastest.value:
        batch = int(fastest.at.removeprefix("batch="))
        row["infer_samples_per_sec"] = round(fastest.value, 2)
        row["infer_batch_size"] = batch
        row["infer_step_time"] = round(1000 * batch / fastest.value, 3)
    return row


def _artifact(artifact: Artifact) -> dict[str, Cell]:
    shorter = artifact.preprocessing.get("shorter")
    interpolation = artifact.preprocessing.get("interpolation")
    return {
        "param_count": round(artifact.parameters / 1e6, 2),
        "img_size": artifact.input[1],
        "crop_pct": round(artifact.input[1] / shorter, 3)
        if isinstance(shorter, int | float) and shorter
        else 1.0,
        "interpolation": interpolation if isinstance(interpolation, str) else None,
        "infer_gmacs": round(artifact.macs / 1e9, 4) if artifact.macs is not None else None,
    }


def _throughputs(record: Record) -> list[Measurement]:
    return [
        m for m in record.measurements
        if m.name == "throughput" and m.value is not None and m.at.removeprefix("batch=").isdecimal()
    ]  # fmt: skip
