"""Small detection sets to be exported: composed scenes, and one image written by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch

from cvbench.data.datasets.fashion_scenes import fashion_scenes
from cvbench.interfaces import Dataset
from cvbench.record import Passport
from cvbench.values import Detections, Sample


@dataclass
class Handmade:
    """A detection set of samples that are given."""

    samples: list[Sample]
    classes: tuple[str, ...] = ("a/b", "c d")
    task: str = "detection"
    passport: Passport = field(
        default_factory=lambda: Passport(name="handmade", split="val", images=1, classes=2, sha256="0" * 64)
    )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


@pytest.fixture
def scenes() -> list[Dataset]:
    """Both splits of `fashion-scenes`, short."""
    return [fashion_scenes(task="detection", split=split, train=6, test=4) for split in ("train", "test")]


@pytest.fixture
def handmade() -> Handmade:
    """A crowd, a difficult object and a plain one, without masks and with an area of its own."""
    truth = Detections(
        boxes=torch.tensor([[0.0, 0, 4, 3], [1, 2, 5, 6], [2.5, 0, 7, 6]]),
        labels=torch.tensor([0, 0, 1]),
        scores=torch.ones(3),
        crowd=torch.tensor([True, False, False]),
        difficult=torch.tensor([False, True, False]),
        areas=torch.tensor([7.0, 16, 20]),
    )
    image = torch.arange(3 * 6 * 8, dtype=torch.uint8).reshape(3, 6, 8)
    return Handmade([Sample(image, truth, "val/../a b")])
