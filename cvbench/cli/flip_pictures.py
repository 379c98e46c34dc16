"""The images that flipped, for a folder or a page; opens the data set, and so imports torch."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from cvbench.compare.changed_images import Flip
from cvbench.data.datasets import open_dataset
from cvbench.models.building import task_of
from cvbench.record import Record
from cvbench.report.drawing import draw
from cvbench.report.page.flipped import Shown
from cvbench.runner.pictures import small_picture
from cvbench.values import Sample


def draw_flips(record: Record, flips: Sequence[Flip], folder: Path) -> Iterator[Path]:
    """A PNG an image, named by its place among the flips, its id, and what was said before and now."""
    wanted = {flip.id: (place, flip) for place, flip in enumerate(flips, 1)}
    folder.mkdir(parents=True, exist_ok=True)
    for sample, classes in _samples(record, wanted):
        place, flip = wanted[sample.id]
        told = f"{place:03d}-{flip.id}-{flip.before}-to-{flip.now}"
        path = folder / f"{record.key}-{re.sub(r'[^A-Za-z0-9-]+', '_', told)[:100]}.png"
        draw(sample.image, sample.truth, classes).save(path)
        yield path


def open_flips(record: Record, flips: Sequence[Flip]) -> dict[str, Shown]:
    """Id → image, made small for a page."""
    return {
        sample.id: Shown(sample.image.shape[2], sample.image.shape[1], small_picture(sample.image))
        for sample, _ in _samples(record, {flip.id for flip in flips})
    }


def _samples(record: Record, ids: Collection[str]) -> Iterator[tuple[Sample, Sequence[str]]]:
    """The images of these ids, with the names of all classes."""
    data = open_dataset(record.cell.data, task=task_of(record.cell.model))
    left = set(ids)
    for number in range(len(data)):
        if not left:
            return
        sample = data[number]
        if sample.id in left:
            left.remove(sample.id)
            yield sample, data.classes
