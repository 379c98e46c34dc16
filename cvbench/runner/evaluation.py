"""Scores a model on every image of a data set, once each, and makes sure that it was so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cvbench.data.images.color import normalize
from cvbench.data.images.loader import batches
from cvbench.errors import CellError
from cvbench.interfaces import Annotated, Dataset, Metric
from cvbench.record import Measurement
from cvbench.runner.inference import Inference
from cvbench.runner.predictions import checked
from cvbench.runner.progress import Progress
from cvbench.runner.unsound import Unsound
from cvbench.runner.worst_images import Bad, Worst
from cvbench.spec.cell import Cell


@dataclass(frozen=True)
class Findings:
    """What an evaluation yields."""

    measurements: tuple[Measurement, ...]
    skipped: tuple[str, ...]
    """Samples that could not be decoded and that the suite allows to skip."""
    worst: tuple[Bad, ...]
    """The images that the model did worst on, the worst first."""
    warnings: tuple[str, ...] = ()
    """What a reader of the metrics has to know: how many images the model gave no numbers for."""
    notes: tuple[str, ...] = ()
    """What a reader of the metrics should know of the truths."""


def evaluate(
    inference: Inference,
    data: Dataset,
    metrics: Sequence[Metric],
    *,
    cell: Cell,
    on_step: Callable[[Progress], None],
) -> Findings:
    """All measurements of all metrics over `data`; without metrics, no image is read.

    Predictions are scored in pixels of the images as read. Raises CellError unless every image is scored or
    skipped exactly once, and where the output is NaN for every image.
    """
    if not metrics:
        return Findings((), (), ())
    seen, skipped, worst, start = 0, list[str](), Worst(), time.perf_counter()
    preprocessing = inference.model.preprocessing
    positions: list[int] = []
    unsound = Unsound()
    loader = batches(
        data,
        preprocessing,
        batch=cell.runtime.batch,
        workers=cell.data.workers or 0,
        undecodable=cell.data.undecodable,
        needs_masks=any(getattr(metric, "needs_masks", False) for metric in metrics),
        pin=inference.device.type == "cuda",
    )
    for batch in loader:
        skipped += batch.skipped
        positions += batch.positions
        if batch.ids:
            images = normalize(inference.place(batch.images), preprocessing)
            outputs = inference.forward(images)
            decoded = checked(inference.decode(outputs), batch.ids, task=data.task, classes=data.classes)
            unsound.see(outputs, decoded, images=len(batch.ids))
            predictions = [
                placement.restore(one) for placement, one in zip(batch.placements, decoded, strict=True)
            ]
            for metric in metrics:
                metric.update(batch.ids, predictions, batch.truths)
            worst.see(batch, predictions)
        seen += len(batch.ids)
        share = (seen + len(skipped)) / len(data)
        elapsed = time.perf_counter() - start
        on_step(Progress("evaluate", share, f"{seen / elapsed:.0f} images/s", elapsed / share - elapsed))
    _check_whole(positions, skipped, len(data))
    unsound.require_numbers()
    figures = tuple(figure for metric in metrics for figure in metric.compute())
    notes = tuple(note for metric in metrics if isinstance(metric, Annotated) for note in metric.notes())
    return Findings(figures, tuple(skipped), tuple(worst.images()), unsound.warnings(), notes)


def _check_whole(scored: Sequence[int], skipped: Sequence[str], images: int) -> None:
    """Raise CellError unless the samples scored and skipped are the data set, each exactly once."""
    looked_at = [*scored, *(int(text.partition(":")[0]) for text in skipped)]
    if sorted(looked_at) != list(range(images)):
        left_out, twice = images - len(set(looked_at)), len(looked_at) - len(set(looked_at))
        raise CellError(
            f"{len(scored)} images scored and {len(skipped)} skipped, but the data set has {images}: "
            f"{left_out} left out, {twice} more than once."
        )
