"""One cell's turn in a round of timing: load what was scored, make sure that it is that, and time it."""

from __future__ import annotations

import gc
import sys
from typing import Any

import torch

from cvbench.data.datasets import open_dataset
from cvbench.errors import CellError
from cvbench.interfaces import Model, module_of
from cvbench.models.building import task_of
from cvbench.models.external.onnx import OnnxModel
from cvbench.models.labels import build_for
from cvbench.models.weights.loading import load_weight_file
from cvbench.record import Measurement
from cvbench.runner import environment
from cvbench.runner.attachments import save_series
from cvbench.runner.exported import EXPORTED, read_exported
from cvbench.runner.fingerprint import fingerprint
from cvbench.runner.inference import Inference, device_of, set_precision
from cvbench.runner.progress import Ledger
from cvbench.runner.round_process import Turn
from cvbench.runner.time_model import cold, time_inference
from cvbench.spec.catalogue.weights import weight_file
from cvbench.training import load_weights


def take_turn(turn: Turn, *, ledger: Ledger, seed: int = 0, is_first: bool = True) -> dict[str, Any]:
    """The findings of a turn, as fields of its Round and its attachments; the files lie in its folder.

    Raises CellError where the weights are not those that were scored: nothing else is timed.
    """
    cell = turn.cell
    assert cell.time is not None
    torch.manual_seed(cell.seed)
    set_precision(cell.runtime.precision)
    torch.set_num_threads(cell.runtime.threads or environment.threads_available())
    with ledger.stage("data"):
        data = open_dataset(cell.data, task=task_of(cell.model))
    with ledger.stage("build"):
        model, _ = build_for(cell.model, data.classes)
        if isinstance(model, OnnxModel):  # what is run is its file
            file = weight_file(cell.model)
            assert file is not None
            load_weight_file(model, file)
        else:
            load_weights(model, turn.weights)
        _make_sure(model, turn)
        device = device_of(cell.runtime.device)
        inference = Inference.of(model, cell.runtime, device, exported=_exported(turn))
    with ledger.stage("time"):
        timed = time_inference(
            inference,
            data,
            cell.time,
            on_step=ledger.news,
            seed=seed,
            frozen=turn.frozen,
            is_fresh=True,
            recipe=cell.train,
        )
    with ledger.stage("save"):
        attachments = tuple(save_series(series, cell, turn.staged) for series in timed.series)
    del model, inference
    _make_room()
    return {
        "measurements": (*timed.readings, *_cold(ledger, is_first=is_first)),
        "cautions": timed.warnings,
        "conditions": timed.conditions,
        "attachments": attachments,
        "frozen": {series.title: dict(series.counts) for series in timed.series if series.counts},
        "worn": timed.worn,
    }


def _cold(ledger: Ledger, *, is_first: bool) -> list[Measurement]:
    """What it took until the model could be called; only the process's first cell pays for the imports."""
    found = [cold("cold_load", ledger.spent["build"])]
    return [cold("cold_import", ledger.spent["import"]), *found] if is_first else found


def _make_sure(model: Model, turn: Turn) -> None:
    found = fingerprint(module_of(model))
    if found != turn.sha256:
        raise CellError(
            f"{turn.weights}: these weights are not what was scored ({found[:12]}, not {turn.sha256[:12]}).\n"
            "  Run the suite again with --fresh."
        )


def _exported(turn: Turn) -> bytes | None:
    """The file that an engine was given when the cell was scored."""
    if turn.cell.runtime.engine is None:
        return None
    return read_exported(turn.weights.parent / EXPORTED, turn.exported)


def _make_room() -> None:
    """Leave the next cell a process as it would find it first."""
    if "torch._dynamo" in sys.modules:  # importing it takes seconds
        torch.compiler.reset()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
