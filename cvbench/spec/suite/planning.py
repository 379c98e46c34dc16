"""Which cells can run on this machine, and why the others are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from cvbench.spec.catalogue import DATASETS
from cvbench.spec.catalogue.datasets import ROOT_VARIABLE, find_root
from cvbench.spec.catalogue.weights import WeightFile, weight_file
from cvbench.spec.cell import Cell, DataSpec
from cvbench.spec.suite.suite import Suite

ENGINES: Final = {"onnx": ("onnxruntime", "onnx"), "openvino": ("openvino", "openvino")}
"""Engine → its package, and the extra of cvbench that installs it."""
NO_DATA: Final = "no data: "
NO_WEIGHTS: Final = "no weights: "
"""Prefixes of the skip reasons of cells with missing files."""


def lacks_files(reason: str | None) -> bool:
    """Whether a record's skip reason is missing data or weights."""
    return any(one.startswith((NO_DATA, NO_WEIGHTS)) for one in (reason or "").split("; "))


class Planned(NamedTuple):
    """A cell, its weight file, and the reasons to skip it (empty if it can run)."""

    cell: Cell
    weights: WeightFile | None
    """The resolved `weights` of the model; None for a model without weights."""
    reasons: tuple[str, ...]

    @property
    def skip(self) -> str | None:
        """The reasons as one line; None if the cell can run."""
        return "; ".join(self.reasons) or None


def plan(suite: Suite, *, has_gpu: bool) -> list[Planned]:
    """Plan each cell of a suite on this machine."""
    return [plan_cell(cell, has_gpu=has_gpu) for cell in suite.cells]


def plan_cell(cell: Cell, *, has_gpu: bool) -> Planned:
    """Resolve a cell's weights and find why it cannot run here; looks for its files."""
    weights = weight_file(cell.model)
    return Planned(cell, weights, _reasons(cell, weights, has_gpu=has_gpu))


def _reasons(cell: Cell, weights: WeightFile | None, *, has_gpu: bool) -> tuple[str, ...]:
    """The first setting that does not work on this machine, else the missing data and weights."""
    unfit = next(_unfit(cell, has_gpu=has_gpu), None)
    if unfit is not None:
        return (unfit,)
    return tuple(what for what in (_missing_data(cell.data), _missing_weights(weights)) if what)


def _unfit(cell: Cell, *, has_gpu: bool) -> Iterator[str]:
    """Runtime settings that exclude each other, or that this machine does not support."""
    runtime = cell.runtime
    on_cpu = runtime.device == "cpu" or (runtime.device == "auto" and not has_gpu)
    yield from _unfit_device(cell, has_gpu=has_gpu, on_cpu=on_cpu)
    if cell.model.name.startswith("onnx/"):
        if runtime.precision != "fp32" or runtime.compile or runtime.cuda_graphs or runtime.engine:
            yield "an ONNX file runs as exported: use fp32, without compile, cuda_graphs and engine"
        if cell.time is not None and cell.time.train_step is not None:
            yield "an ONNX file cannot be trained: remove time.train_step"
    if runtime.engine is not None:
        yield from _unfit_engine(cell, on_cpu=on_cpu)
    if runtime.cuda_graphs and on_cpu:
        yield "CUDA graphs need a GPU"
    if runtime.cuda_graphs and isinstance(runtime.compile, str):
        yield f"torch.compile in the mode {runtime.compile} already uses CUDA graphs: remove cuda_graphs"


def _unfit_device(cell: Cell, *, has_gpu: bool, on_cpu: bool) -> Iterator[str]:
    if cell.runtime.device.startswith("cuda") and not has_gpu:
        yield f"no GPU found; the suite asks for {cell.runtime.device}"
    for use, precision in _precisions(cell):
        if on_cpu and precision == "fp16":
            yield f"{use} in fp16 needs a GPU; bf16 runs on a CPU"
        if on_cpu and precision == "tf32":
            yield f"{use} in tf32 needs a GPU; a CPU runs fp32"


def _unfit_engine(cell: Cell, *, on_cpu: bool) -> Iterator[str]:
    runtime, engine = cell.runtime, cell.runtime.engine
    assert engine is not None
    package, extra = ENGINES[engine]
    if runtime.precision != "fp32":
        yield f"{package} runs the exported model in fp32, not in {runtime.precision}"
    if runtime.compile or runtime.cuda_graphs:
        yield f"{package} runs the model without torch: remove compile and cuda_graphs"
    if cell.time is not None and cell.time.train_step is not None:
        yield f"{package} does not train: remove time.train_step"
    if not on_cpu:
        yield f"{package} runs on the CPU here: set runtime.device: cpu"
    for needed in ("onnx", "onnxscript", package):
        if find_spec(needed) is None:
            yield f"{needed} is not installed: pip install 'cvbench[{extra}]'"


def _missing_data(data: DataSpec) -> str | None:
    card, root = DATASETS.get(data.name), find_root(data.name, data.root)
    if root is not None and not Path(root).is_dir():
        return f"{NO_DATA}there is no folder {root}"
    if root is None and card is not None and card.needs_root:
        place = f"${ROOT_VARIABLE}/{card.name}"
        return f"{NO_DATA}set data.root to the folder of {card.name}, or put it at {place}"
    return None


def _missing_weights(weights: WeightFile | None) -> str | None:
    if weights is None or weights.found() is not None:
        return None
    return f"{NO_WEIGHTS}{weights.missing()}"


def _precisions(cell: Cell) -> list[tuple[str, str]]:
    training = [("training", cell.train.precision)] if cell.train else []
    return [("running", cell.runtime.precision), *training]
