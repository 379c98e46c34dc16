"""Strips of light of several lengths, filled up with black, and two nets that tell bright ones from dark.

The sound one looks at each strip by itself. The other one has the fault that padding brings: it looks as
far as the longest strip of the batch reaches, so that what it says of one depends on the others.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from cvbench.record import Passport
from cvbench.values import ClassScores, Preprocessing, Sample

LENGTHS = (4, 8, 16, 24)


class Strips:
    """Strip k has the length k % 4 stands for; odd ones are bright."""

    classes = ("dark", "bright")
    task = "classification"

    def __init__(self, *, task, split, root=None, images=12):
        self.images = images
        self.passport = Passport(name="strips", split=split, images=images, classes=2, sha256="0" * 64)

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        image = torch.zeros(3, 8, 24, dtype=torch.uint8)
        image[:, :, : LENGTHS[index % 4]] = 180 if index % 2 else 70
        return Sample(image, ClassScores.of(index % 2, 2), f"strip-{index:02}")


class Sound(nn.Module):
    """Averages the strip it sees."""

    preprocessing = Preprocessing(size=(8, 24))

    def __init__(self, classes):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(8.0))

    def lengths(self, images):
        return (images.amax((1, 2)) > 0.1).sum(1)  # b

    def forward(self, images):
        mean = images.sum((1, 2, 3)) / (24 * self.lengths(images))
        return torch.stack([0.5 - mean, mean - 0.5], 1) * self.scale

    def loss(self, outputs, truths):
        return {"cross_entropy": F.cross_entropy(outputs, torch.stack([t.scores for t in truths]))}

    def decode(self, outputs):
        return [ClassScores(row) for row in outputs.softmax(1)]


class Leaky(Sound):
    """Averages as far as the longest strip of the batch reaches."""

    def lengths(self, images):
        return super().lengths(images).amax()


def sound(classes):
    return Sound(classes)


def leaky(classes):
    return Leaky(classes)
