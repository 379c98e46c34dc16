"""One cell's slot in a timing round: load the scored weights, check their hash, and time the model."""

from __future__ import annotations

import gc
import sys

import torch

from cvbench.errors import CellError
from cvbench.interfaces import Model, module_of
from cvbench.models.external.onnx import OnnxModel
from cvbench.models.weights.loading import load_weight_file
from cvbench.record import Measurement
from cvbench.runner import environment
from cvbench.runner.build import build_inference, open_cell
from cvbench.runner.exported import EXPORTED, read_exported
from cvbench.runner.fingerprint import fingerprint
from cvbench.runner.messages import RoundSlot, SlotTimings
from cvbench.runner.parquet import save_series
from cvbench.runner.progress import StageTimes
from cvbench.runner.time_model import cold, time_inference
from cvbench.training import load_weights


def time_slot(slot: RoundSlot, *, times: StageTimes, seed: int = 0, is_first: bool = True) -> SlotTimings:
    """The timings of a slot; the raw samples are in its folder.

    Raises CellError where the weights differ from the scored ones.
    """
    cell = slot.cell
    assert cell.time is not None
    torch.set_num_threads(cell.runtime.threads or environment.threads_available())
    opened = open_cell(cell, times=times)
    with times.stage("build"):
        exported = _exported(slot)
    inference = build_inference(
        cell,
        opened,
        slot.weights,
        load=lambda model: _load_scored(model, slot, times=times),
        times=times,
        exported=exported,
    ).inference
    with times.stage("time"):
        timed = time_inference(
            inference,
            opened.data,
            cell.time,
            on_step=times.news,
            seed=seed,
            frozen=slot.frozen,
            is_fresh=True,
            recipe=cell.train,
        )
    with times.stage("save"):
        attachments = tuple(save_series(series, cell, slot.staged) for series in timed.series)
    del inference
    _make_room()
    return SlotTimings(
        measurements=(*timed.readings, *_cold(times, is_first=is_first)),
        cautions=timed.warnings,
        conditions=timed.conditions,
        attachments=attachments,
        frozen={series.title: dict(series.counts) for series in timed.series if series.counts},
        worn=timed.worn,
    )


def _load_scored(model: Model, slot: RoundSlot, *, times: StageTimes) -> None:
    """Load the weights that were scored; raises CellError where the model with them is another one."""
    with times.stage("build"):
        if isinstance(model, OnnxModel):  # what is run is its file
            assert slot.weights is not None
            load_weight_file(model, slot.weights)
        else:
            load_weights(model, slot.checkpoint)
        found = fingerprint(module_of(model))
    if found != slot.sha256:
        raise CellError(
            f"{slot.checkpoint}: these are not the scored weights "
            f"({found[:12]}, not {slot.sha256[:12]}).\n  Run the suite again with --fresh."
        )


def _cold(times: StageTimes, *, is_first: bool) -> list[Measurement]:
    """What it took until the model could be called; only the process's first cell pays for the imports."""
    found = [cold("cold_load", times.spent["build"])]
    return [cold("cold_import", times.spent["import"]), *found] if is_first else found


def _exported(slot: RoundSlot) -> bytes | None:
    """The file that an engine was given when the cell was scored."""
    if slot.cell.runtime.engine is None:
        return None
    return read_exported(slot.checkpoint.parent / EXPORTED, slot.exported)


def _make_room() -> None:
    """Leave the next cell a process as it would find it first."""
    if "torch._dynamo" in sys.modules:  # importing it takes seconds
        torch.compiler.reset()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
