"""One cell from start to end, in its worker: data, model, train or load, evaluate, time, save.

The cell was planned, and its weights resolved, before the worker had its job. The order is fixed, the same
object is scored and timed, and the seconds of every stage are added up in `times`. A failure leaves as an
exception; the worker makes the Record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cvbench.data.datasets import check_trained, drawn, joint, note_on_overlap, open_dataset
from cvbench.data.datasets.unlearned import note_on_unlearned
from cvbench.errors import InputError
from cvbench.interfaces import Dataset, Metric, Model
from cvbench.models.weights.loading import load_weight_file
from cvbench.record import Artifact, Attachment, Curve, Passport
from cvbench.runner.attachments import save_evidence, save_outcomes, save_pictures
from cvbench.runner.build import Built, OpenCell, build_inference, open_cell
from cvbench.runner.evaluation import Findings, evaluate
from cvbench.runner.exported import EXPORTED
from cvbench.runner.fingerprint import artifact_of
from cvbench.runner.inference import Inference
from cvbench.runner.messages import WEIGHTS, CellJob, CellResult
from cvbench.runner.parquet import save_series
from cvbench.runner.progress import Progress, StageTimes
from cvbench.runner.time_model import Timed, count_macs_of, time_inference
from cvbench.spec.catalogue import METRICS, is_address
from cvbench.spec.catalogue.models import task_of
from cvbench.spec.cell import Cell, TrainRecipe
from cvbench.timing.figures import figures_of
from cvbench.training import TrainingProgress, save_weights, trained
from cvbench.units import show_count


def run_cell(job: CellJob, *, times: StageTimes) -> CellResult:
    """Run the job's cell; the files that the result names are in `job.staged`.

    Raises CvbenchError for mistakes that a user can correct, and whatever a model or data set raises.
    """
    cell = job.cell
    opened = open_cell(cell, times=times)
    data = opened.data
    with times.stage("data"):
        metrics = load_metrics(cell, data)
    built = build_inference(
        cell,
        opened,
        job.weights,
        load=lambda model: train_or_load(job, model, opened, times=times),
        times=times,
    )
    with times.stage("evaluate"):
        evaluated = evaluate(built.inference, data, [*metrics.values()], cell=cell, on_step=times.news)
    timed = time_here(cell, built.inference, data, times=times)
    with times.stage("save"):
        attachments = save_attachments(cell, data, metrics, evaluated, timed, job.staged)
        artifact = describe_model(built)
        if is_timed_in_rounds(cell):
            save_for_rounds(built.inference, job.staged)
    learned = built.loaded
    passports = {cell.data.split: data.passport}
    return CellResult(
        artifact=artifact,
        passports=passports | ({"train": learned.passport} if learned.passport else {}),
        measurements=(*evaluated.measurements, *figures_of(timed.series), *timed.readings),
        cautions=(*evaluated.warnings, *timed.warnings),
        notes=(*learned.notes, *evaluated.notes),
        conditions=timed.conditions,
        curve=learned.curve,
        skipped_samples=(*learned.skipped, *evaluated.skipped),
        shadowed_objects=learned.shadowed,
        attachments=attachments,
    )


def load_metrics(cell: Cell, data: Dataset) -> dict[str, Metric]:
    """The cell's metrics by name; none where the suite says `metrics: []`."""
    return {name: _metric_class(name)(data.classes) for name in cell.metrics}


def _metric_class(name: str) -> Callable[[Sequence[str]], Metric]:
    """What makes a metric; of one by import path nothing is called before it is known to be a metric."""
    made: Any = METRICS.load(name)
    wanted = ("update", "merge", "compute", "outcomes")
    if is_address(name) and (missing := [one for one in wanted if not callable(getattr(made, one, None))]):
        raise InputError(
            f"{name}: not a metric: it has no {', '.join(missing)}.\n"
            "  Name a class with update, merge, compute and outcomes, as in cvbench.interfaces.Metric."
        )
    return made  # type: ignore[no-any-return]


class Learned(NamedTuple):
    """How the model came to its weights."""

    source: Literal["trained", "reused", "loaded", "untrained"]
    curve: Curve | None = None
    passport: Passport | None = None
    """Of the training images."""
    notes: tuple[str, ...] = ()
    """What a reader of the metrics should know of the training images."""
    skipped: tuple[str, ...] = ()
    """Training samples that could not be decoded."""
    shadowed: int | None = None


def train_or_load(job: CellJob, model: Model, opened: OpenCell, *, times: StageTimes) -> Learned:
    """Load the file that the weights were resolved to, or train by the recipe; without either, do nothing.

    Raises DataError, before any training, where the training images have other classes than the scored ones.
    """
    cell = job.cell
    if job.weights is not None:
        with times.stage("build"):
            load_weight_file(model, job.weights)
        return Learned("loaded")
    if cell.train is None:
        return Learned("untrained")
    with times.stage("data"):
        images = open_training_data(cell, cell.train, model)
        check_trained(images, opened.data)
        passport = images.passport
        notes = (note_on_overlap(opened.data, images), note_on_unlearned(opened.data, images))
    with times.stage("train"):
        training = trained(
            model,
            images,
            cell.train,
            spec=cell.model,
            seed=cell.seed,
            device=opened.device,
            folder=job.checkpoints,
            on_progress=lambda progress: times.news(_shown(progress)),
            undecodable=cell.data.undecodable,
        )
    return Learned(
        training.source,
        training.curve,
        passport,
        notes=tuple(note for note in notes if note),
        skipped=training.skipped,
        shadowed=training.shadowed,
    )


def open_training_data(cell: Cell, recipe: TrainRecipe, model: Model) -> Dataset:
    """The training images, with the classification images of the recipe's `also`, if it names any."""
    dataset = open_dataset(cell.data, task=task_of(cell.model), split="train")
    if recipe.also is None:
        return drawn(dataset, recipe.limit, seed=cell.seed)
    if not getattr(model, "learns_from_classes", False):
        raise InputError(
            f"{cell.model.name}: train.also: this model trains on images with boxes only.\n"
            "  Leave also out, or train YOLO9000 or YOLOv2."
        )
    named = open_dataset(
        recipe.also, task="classification", split="train", limit=recipe.also.limit, seed=cell.seed
    )
    both = joint(dataset, named)
    return drawn(both, recipe.limit, seed=cell.seed)


def _shown(progress: TrainingProgress) -> Progress:
    parts = [f"epoch {progress.epoch}/{progress.epochs}"]
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3g}")
    if progress.images_per_s is not None:
        parts.append(f"{show_count(progress.images_per_s)} images/s")
    return Progress("train", progress.share, "   ".join(parts), progress.eta_s)


def is_timed_in_rounds(cell: Cell) -> bool:
    """Whether fresh processes time the cell later, and not this one."""
    return cell.time is not None and cell.time.rounds is not None


def time_here(cell: Cell, inference: Inference, data: Dataset, *, times: StageTimes) -> Timed:
    """Time the cell in this process; nothing where it is not timed, or timed in rounds."""
    if cell.time is None or is_timed_in_rounds(cell):
        return Timed()
    with times.stage("time"):
        return time_inference(
            inference, data, cell.time, on_step=times.news, seed=cell.seed, recipe=cell.train
        )


def save_attachments(
    cell: Cell, data: Dataset, metrics: Mapping[str, Metric], evaluated: Findings, timed: Timed, staged: Path
) -> tuple[Attachment, ...]:
    """Write per-image results, raw samples, diagnostics and the worst images into `staged`."""
    return (
        *(save_outcomes(metric, name, cell, staged) for name, metric in metrics.items()),
        *(save_series(one, cell, staged) for one in timed.series),
        *save_evidence(metrics, data.classes, cell, staged),
        *([save_pictures(evaluated.worst, data, cell, staged)] if evaluated.worst else []),
    )


def describe_model(built: Built[Learned]) -> Artifact:
    """The identity of the model that was scored and timed."""
    inference, exported = built.inference, built.inference.exported
    return artifact_of(
        inference.model,
        built.loaded.source,
        count_macs_of(inference),
        built.labels,
        exported=exported.sha256 if exported else None,
    )


def save_for_rounds(inference: Inference, staged: Path) -> None:
    """Write the weights, and the exported file of an engine, for the processes that time the cell."""
    save_weights(inference.model, staged / WEIGHTS)
    if inference.exported is not None:
        (staged / EXPORTED).write_bytes(inference.exported.content)
