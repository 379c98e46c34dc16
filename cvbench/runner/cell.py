"""One cell from start to end: open, build, train or load, score, time.

The order is fixed, the same object is scored and timed, and every stage's seconds are charged to the
ledger. What comes back are the fields of a Record; a failure leaves as an exception.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cvbench.catalogue import METRICS, load
from cvbench.datasets import open_dataset
from cvbench.errors import CellError
from cvbench.models import build_model, task_of
from cvbench.protocols import Dataset, Model
from cvbench.record import Artifact, Attachment, Curve, Measurement
from cvbench.runner.evaluation import evaluate
from cvbench.runner.inference import Inference, device_of, set_precision
from cvbench.runner.ledger import Ledger, Progress
from cvbench.runner.timing import count_macs_of, input_pool, time_inference
from cvbench.spec import Cell, TaskName
from cvbench.training import Training, load_weights, trained


def carry_out(cell: Cell, *, staged: Path, checkpoints: Path, ledger: Ledger) -> dict[str, Any]:
    """The findings of a cell, as fields of its Record; files it names lie in `staged`.

    Raises CvbenchError for what a user can mend, and whatever a model or data set raises.
    """
    torch.manual_seed(cell.seed)
    set_precision(cell.runtime.precision)
    device = device_of(cell.runtime.device)
    task = task_of(cell.model)
    with ledger.stage("data"):
        data = open_dataset(cell.data, task=task)
        metrics = [load(METRICS.find(name).address)(data.classes) for name in metric_names(cell, task)]
    with ledger.stage("build"):
        model = build_model(cell.model, len(data.classes))
    passports = {cell.data.split: data.passport}
    source, curve = "untrained", None
    if cell.model.weights is not None:
        with ledger.stage("build"):
            load_weights(model, Path(cell.model.weights))
            source = "loaded"
    elif cell.train is not None:
        with ledger.stage("data"):
            train_data = open_dataset(cell.data, task=task, split="train", limit=cell.train.limit)
            passports["train"] = train_data.passport
        with ledger.stage("train"):
            source, curve = _train(cell, model, train_data, device, checkpoints, ledger)
    inference = Inference.of(model, cell.runtime, device)
    with ledger.stage("evaluate"):
        found = evaluate(inference, data, metrics, cell=cell, on_step=ledger.news)
    measurements, attachments = list(found.measurements), []
    if cell.time is not None:
        with ledger.stage("time"):
            pool = input_pool(inference, data)
            timed, series = time_inference(inference, pool, cell.time, on_step=ledger.news)
            measurements += timed
    with ledger.stage("save"):
        from cvbench.runner.attachments import save_outcomes, save_series  # pyarrow, needed only now

        attachments += [save_outcomes(m, cell, staged) for m in metrics]
        attachments += [save_series(s, cell, staged) for s in (series if cell.time else [])]
        artifact = _artifact(model, source, count_macs_of(inference))
    return {
        "artifact": artifact,
        "passports": passports,
        "measurements": tuple(measurements),
        "curve": curve,
        "skipped_samples": found.skipped,
        "attachments": tuple(attachments),
    }


def metric_names(cell: Cell, task: TaskName) -> tuple[str, ...]:
    """The cell's metrics, or those that models of its task get by default."""
    return cell.metrics or tuple(c.name for c in METRICS.values() if c.default and c.task == task)
