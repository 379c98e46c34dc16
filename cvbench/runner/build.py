"""A cell's data and its network, ready to run: written once for scoring, rounds of timing and A/B workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import torch

from cvbench.data.datasets import open_dataset
from cvbench.interfaces import Dataset, Model
from cvbench.models.labels import build_for
from cvbench.runner.inference import Inference, device_of, set_precision
from cvbench.runner.progress import StageTimes
from cvbench.spec.catalogue.models import task_of
from cvbench.spec.catalogue.weights import WeightFile
from cvbench.spec.cell import Cell

_Loaded = TypeVar("_Loaded")


class OpenCell(NamedTuple):
    """Where a cell runs, and on which images."""

    device: torch.device
    data: Dataset


@dataclass(frozen=True)
class Built(Generic[_Loaded]):
    """A network with its weights, as it is scored and timed."""

    inference: Inference
    labels: Mapping[str, int] | None
    """The data set's class → the weights' label; None where they are the same."""
    loaded: _Loaded
    """What `load` returned: how the network came to its weights."""


def open_cell(cell: Cell, *, times: StageTimes) -> OpenCell:
    """Seed torch, set the cell's precision, and open the images that are scored.

    Raises CellError for a device that is not there, and whatever opening the data set raises.
    """
    torch.manual_seed(cell.seed)
    set_precision(cell.runtime.precision)
    device = device_of(cell.runtime.device)
    with times.stage("data"):
        return OpenCell(device, open_dataset(cell.data, task=task_of(cell.model), seed=cell.seed))


def build_inference(
    cell: Cell,
    opened: OpenCell,
    weights: WeightFile | None,
    *,
    load: Callable[[Model], _Loaded],
    times: StageTimes,
    exported: bytes | None = None,
) -> Built[_Loaded]:
    """Build the cell's network for the data's classes, give it its weights by `load`, and set it up to run.

    `weights` is what the cell's weights were resolved to; they imply options and the mapping of classes.
    `load` runs outside of any stage of `times`. `exported` is the file that an engine runs, where it is
    made already.
    """
    with times.stage("build"):
        model, labels = build_for(cell.model, opened.data.classes, weights=weights)
    loaded = load(model)
    with times.stage("build"):
        inference = Inference.of(model, cell.runtime, opened.device, exported=exported)
    return Built(inference, labels, loaded)
