"""What is scored is the data set: each image once, whoever loads it, or no figure at all."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from cvbench.data.datasets import open_dataset
from cvbench.errors import CellError
from cvbench.runner import evaluation
from cvbench.runner.inference import Inference
from cvbench.spec.catalogue import METRICS
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, Runtime
from cvbench.values import ClassScores, Preprocessing
from tests.data.datasets.trees.pixels import jpeg, pixels

IMAGES = 11
"""No multiple of a batch: what is left over is neither filled up nor dropped."""


class Brightness(nn.Module):
    """Believes in class 0 as much as an image is red."""

    preprocessing = Preprocessing(size=(24, 32))

    def forward(self, images):
        return images.mean((2, 3))

    def loss(self, outputs, truths):
        raise NotImplementedError

    def decode(self, outputs):
        return [ClassScores(one[[0, 2]]) for one in outputs]


@pytest.fixture
def root(tmp_path):
    for number in range(IMAGES):
        folder = tmp_path / "test" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(jpeg(pixels(number)))
    return tmp_path


def scored(root, **changes):
    """Findings, and the outcome of each image."""
    spec = DataSpec(name="folder", root=str(root), **changes)
    data = open_dataset(spec, task="classification")
    metric = METRICS.load("topk")(data.classes)
    runtime = Runtime(device="cpu", batch=4)
    cell = Cell(model=ModelSpec(name="a:b", task="classification"), data=spec, runtime=runtime)
    inference = Inference.of(Brightness(), runtime, torch.device("cpu"))
    found = evaluation.evaluate(inference, data, [metric], cell=cell, on_step=lambda progress: None)
    return found, {name: list(column) for name, column in metric.outcomes().items()}


@pytest.mark.full
def test_worker_processes_change_no_figure_and_no_outcome(root):
    alone, outcomes = scored(root)
    helped, same = scored(root, workers=2)

    assert helped.measurements == alone.measurements
    assert same == outcomes
    assert len(set(outcomes["id"])) == len(outcomes["id"]) == IMAGES


def test_how_many_processes_load_is_no_part_of_the_experiment():
    def key(**data):
        return Cell(model=ModelSpec(name="resnet18"), data=DataSpec(name="folder", **data)).key

    assert key() == key(workers=8) == key(root="/elsewhere", workers=0)


def test_what_is_skipped_is_counted_and_the_rest_is_whole(root):
    (root / "test/a/4.jpg").write_bytes(b"<html>")
    found, outcomes = scored(root, undecodable="skip")

    assert len(outcomes["id"]) == IMAGES - 1
    assert len(found.skipped) == 1
    assert "4.jpg: not a readable image" in found.skipped[0]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            lambda found: found[:-1],
            "8 images scored and 0 skipped, .* has 11: 3 left out, 0 more",
        ),
        (
            lambda found: [replace(found[0], ids=("x", "y", "z", "w")), *found],
            "15 images scored and 0 skipped, but the data set has 11: 0 left out, 4 more than once",
        ),
        (
            lambda found: [*found[:-1], replace(found[0], ids=("x", "y", "z", "w"))],
            "12 images scored and 0 skipped, but the data set has 11: 3 left out, 4 more than once",
        ),
    ],
)
def test_a_loader_that_leaves_out_or_repeats_ends_the_cell(root, monkeypatch, fault, message):
    load = evaluation.batches
    monkeypatch.setattr(evaluation, "batches", lambda *a, **k: iter(fault(list(load(*a, **k)))))

    with pytest.raises(CellError, match=message):
        scored(root)
