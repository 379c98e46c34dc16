"""One cell from start to end: open, build, train or load, score, time.

The order is fixed, the same object is scored and timed, and every stage's seconds are charged to the
ledger. What comes back are the fields of a Record; a failure leaves as an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from cvbench.data.datasets import joint, open_dataset
from cvbench.errors import InputError
from cvbench.interfaces import Dataset, Metric, Model
from cvbench.models.building import task_of
from cvbench.models.labels import build_for
from cvbench.models.weights.loading import load_weight_file
from cvbench.record import Attachment, Curve, Passport
from cvbench.runner.attachments import save_evidence, save_outcomes, save_pictures, save_series
from cvbench.runner.evaluation import evaluate
from cvbench.runner.exported import EXPORTED
from cvbench.runner.fingerprint import artifact_of
from cvbench.runner.inference import Inference, device_of, set_precision
from cvbench.runner.progress import Ledger, Progress
from cvbench.runner.round_process import WEIGHTS
from cvbench.runner.time_model import Timed, count_macs_of, time_inference
from cvbench.spec.catalogue import METRICS, default_metrics
from cvbench.spec.catalogue.weights import weight_file
from cvbench.spec.cell import Cell, TaskName, TrainRecipe
from cvbench.timing.figures import figures_of
from cvbench.timing.series import Series
from cvbench.training import Progress as TrainingProgress
from cvbench.training import save_weights, trained
from cvbench.units import show_count


class Weights(NamedTuple):
    """How the model came to its weights."""

    source: Literal["trained", "reused", "loaded", "untrained"]
    curve: Curve | None = None
    passport: Passport | None = None
    """Of the training images."""
    skipped: tuple[str, ...] = ()
    shadowed: int | None = None


def carry_out(cell: Cell, *, staged: Path, checkpoints: Path, ledger: Ledger) -> dict[str, Any]:
    """The findings of a cell, as fields of its Record; the files they name lie in `staged`.

    Raises CvbenchError for what a user can mend, and whatever a model or data set raises.
    """
    torch.manual_seed(cell.seed)
    set_precision(cell.runtime.precision)
    device = device_of(cell.runtime.device)
    task = task_of(cell.model)
    with ledger.stage("data"):
        data = open_dataset(cell.data, task=task)
        metrics = {name: _metric(name, data) for name in metric_names(cell, task)}
    with ledger.stage("build"):
        model, labels = build_for(cell.model, data.classes)
    weights = _weights(cell, model, device=device, checkpoints=checkpoints, ledger=ledger)
    with ledger.stage("build"):
        inference = Inference.of(model, cell.runtime, device)
    with ledger.stage("evaluate"):
        found = evaluate(inference, data, list(metrics.values()), cell=cell, on_step=ledger.news)
    timed = Timed()
    if cell.time is not None and cell.time.rounds is None:
        with ledger.stage("time"):
            timed = time_inference(
                inference, data, cell.time, on_step=ledger.news, seed=cell.seed, recipe=cell.train
            )
    with ledger.stage("save"):
        attachments = (
            *_attach(cell, metrics, timed.series, staged),
            *save_evidence(metrics, data.classes, cell, staged),
            save_pictures(found.worst, data, cell, staged),
        )
        exported = inference.exported
        artifact = artifact_of(
            model,
            weights.source,
            count_macs_of(inference),
            labels,
            exported=exported.sha256 if exported else None,
        )
        if cell.time is not None and cell.time.rounds is not None:
            # for the processes that time it
            save_weights(model, staged / WEIGHTS)
            if exported is not None:
                (staged / EXPORTED).write_bytes(exported.content)
    passports = {cell.data.split: data.passport}
    return {
        "artifact": artifact,
        "passports": passports | ({"train": weights.passport} if weights.passport else {}),
        "measurements": (*found.measurements, *figures_of(timed.series), *timed.readings),
        "cautions": timed.warnings,
        "conditions": timed.conditions,
        "curve": weights.curve,
        "skipped_samples": (*weights.skipped, *found.skipped),
        "shadowed_objects": weights.shadowed,
        "attachments": attachments,
    }


def metric_names(cell: Cell, task: TaskName) -> tuple[str, ...]:
    """The cell's metrics, or those that models of its task get by default."""
    return cell.metrics or tuple(card.stored_name for card in default_metrics(task))


def _metric(name: str, data: Dataset) -> Metric:
    metric: Metric = METRICS.load(name)(data.classes)
    return metric


def _weights(cell: Cell, model: Model, *, device: torch.device, checkpoints: Path, ledger: Ledger) -> Weights:
    """Load or train, whichever the cell says."""
    if (file := weight_file(cell.model)) is not None:
        with ledger.stage("build"):
            load_weight_file(model, file)
        return Weights("loaded")
    if cell.train is None:
        return Weights("untrained")
    with ledger.stage("data"):
        train_data = _to_train_on(cell, cell.train, model)
        passport = train_data.passport
    with ledger.stage("train"):
        training = trained(
            model,
            train_data,
            cell.train,
            spec=cell.model,
            seed=cell.seed,
            device=device,
            folder=checkpoints,
            on_progress=lambda progress: ledger.news(_news(progress)),
            undecodable=cell.data.undecodable,
        )
    return Weights(training.source, training.curve, passport, training.skipped, training.shadowed)


def _to_train_on(cell: Cell, recipe: TrainRecipe, model: Model) -> Dataset:
    """The training images, with those that have a class alone where the recipe names some."""
    dataset = open_dataset(cell.data, task=task_of(cell.model), split="train", limit=recipe.limit)
    if recipe.also is None:
        return dataset
    if not getattr(model, "learns_from_classes", False):
        raise InputError(
            f"{cell.model.name}: train.also: it learns from images with boxes only.\n"
            "  Leave also out, or train YOLO9000 or YOLOv2."
        )
    named = open_dataset(recipe.also, task="classification", split="train", limit=recipe.also.limit)
    return joint(dataset, named)


def _news(progress: TrainingProgress) -> Progress:
    parts = [f"epoch {progress.epoch}/{progress.epochs}"]
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3g}")
    if progress.images_per_s is not None:
        parts.append(f"{show_count(progress.images_per_s)} images/s")
    return Progress("train", progress.share, "   ".join(parts), progress.eta_s)


def _attach(
    cell: Cell, metrics: dict[str, Metric], series: Sequence[Series], staged: Path
) -> tuple[Attachment, ...]:
    outcomes = [save_outcomes(metric, name, cell, staged) for name, metric in metrics.items()]
    return (*outcomes, *(save_series(one, cell, staged) for one in series))
