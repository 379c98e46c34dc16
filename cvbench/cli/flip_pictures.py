"""The images that flipped, drawn with their truth; opens the data set, and so imports torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cvbench.comparing.flips import Flip
from cvbench.datasets import open_dataset
from cvbench.images.draw import draw
from cvbench.models.building import task_of
from cvbench.record import Record


def draw_flips(record: Record, flips: Sequence[Flip], folder: Path) -> Iterator[Path]:
    """A PNG an image, named by its place among the flips, its id, and what was said before and now."""
    data = open_dataset(record.cell.data, task=task_of(record.cell.model))
    wanted = {flip.id: (place, flip) for place, flip in enumerate(flips, 1)}
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(len(data)):
        sample = data[number]
        if sample.id in wanted:
            place, flip = wanted.pop(sample.id)
            told = f"{place:03d}-{flip.id}-{flip.before}-to-{flip.now}"
            path = folder / f"{record.key}-{re.sub(r'[^A-Za-z0-9-]+', '_', told)[:100]}.png"
            draw(sample.image, sample.truth, data.classes).save(path)
            yield path
        if not wanted:
            return
