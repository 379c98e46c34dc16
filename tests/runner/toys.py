"""A data set and models small enough to start a worker for, and ways for a worker to come to grief.

Suites in the tests name them by address, as a user's own code is named.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from cvbench.errors import DataError
from cvbench.record import Passport
from cvbench.values import ClassScores, Preprocessing, Sample


class Shades:
    """Dark images are class 0, bright ones class 1."""

    classes = ("dark", "bright")
    task = "classification"

    def __init__(self, *, task, split, root=None, images=16, broken=-1):
        assert task == self.task
        self.images, self.broken, self.root = images, broken, root
        self.passport = Passport(name="shades", split=split, images=images, classes=2, sha256="0" * 64)

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        if index == self.broken:
            raise DataError(f"shade-{index}.png: cannot be decoded.")
        if not 0 <= index < self.images:
            raise IndexError(index)
        label = index % 2
        image = torch.full((3, 8, 8), 40 + 160 * label + index, dtype=torch.uint8)
        return Sample(image, ClassScores.of(label, 2), f"shade-{index}")


class Linear(nn.Module):
    """One linear layer on the mean colour."""

    preprocessing = Preprocessing(size=(8, 8), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))

    def __init__(self, classes):
        super().__init__()
        self.fc = nn.Linear(3, classes)

    def forward(self, images):
        return self.fc(images.mean((2, 3)))

    def loss(self, outputs, truths):
        return {"cross_entropy": F.cross_entropy(outputs, torch.stack([t.scores for t in truths]))}

    def decode(self, outputs):
        return [ClassScores(row) for row in outputs.softmax(1)]


def linear(classes, *, seed=0):
    """A model that works; `seed` only makes different cells of it."""
    return Linear(classes)


def slow(classes, *, seconds=300.0):
    """A model that hangs while it is built."""
    time.sleep(seconds)
    return Linear(classes)


def killed(classes):
    """A model whose process is killed from outside."""
    os.kill(os.getpid(), signal.SIGKILL)


def crashing(classes):
    """A model that brings the interpreter down."""
    print("about to crash", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def raising(classes):
    """A model with a programming mistake."""
    raise ZeroDivisionError("a mistake in the model")


def hungry(classes):
    """A model that wants more memory than there is."""
    return torch.empty(1 << 55)


def fragile(classes, *, diary, dies_at):
    """A model that brings down the process that builds it for the `dies_at`-th time; `diary` counts."""
    with Path(diary).open("a+") as file:
        file.write("built\n")
        file.seek(0)
        if len(file.readlines()) == dies_at:
            os.kill(os.getpid(), signal.SIGSEGV)
    return Linear(classes)


class _Poisoned(Linear):
    def loss(self, outputs, truths):
        return {"poison": outputs.sum() * float("nan")}


def poisoned(classes):
    """A model whose loss is not a number."""
    return _Poisoned(classes)


class _Unsound(Linear):
    def __init__(self, classes, broken, value):
        super().__init__(classes)
        self.broken, self.value, self.seen = broken, value, 0

    def forward(self, images):
        scores = super().forward(images)
        wrong = torch.arange(self.seen, self.seen + len(images)) < self.broken
        self.seen += len(images)
        return torch.where(wrong[:, None], self.value, scores)

    def decode(self, outputs):
        return [ClassScores(row) for row in outputs]


def unsound(classes, *, broken, value):
    """A model that gives NaN or infinity for the first so many images."""
    return _Unsound(classes, broken, float(value))
