"""Which cells would run on this machine, and why the others would not."""

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
"""Engine → the package that it is, and the extra of ours that brings it."""
NO_DATA: Final = "no data: "
NO_WEIGHTS: Final = "no weights: "
"""How the reasons of cells begin whose files are missing."""


def lacks_files(reason: str | None) -> bool:
    """Whether a cell was skipped because its data or weights are not there, as the record's reason says."""
    return any(one.startswith((NO_DATA, NO_WEIGHTS)) for one in (reason or "").split("; "))


class Planned(NamedTuple):
    """A cell, the file of its weights, and the reasons why it would be skipped; none where it would run."""

    cell: Cell
    weights: WeightFile | None
    """What the model's `weights` were resolved to, here and nowhere else; None for a model without."""
    reasons: tuple[str, ...]

    @property
    def skip(self) -> str | None:
        """The reasons in one line."""
        return "; ".join(self.reasons) or None


def plan(suite: Suite, *, has_gpu: bool) -> list[Planned]:
    """What `cvbench run` would do with each cell on this machine."""
    return [plan_cell(cell, has_gpu=has_gpu) for cell in suite.cells]


def plan_cell(cell: Cell, *, has_gpu: bool) -> Planned:
    """The cell with its weights resolved, and why it cannot be run here; looks for the files it names."""
    weights = weight_file(cell.model)
    return Planned(cell, weights, _reasons(cell, weights, has_gpu=has_gpu))


def _reasons(cell: Cell, weights: WeightFile | None, *, has_gpu: bool) -> tuple[str, ...]:
    """The first thing that does not fit this machine, else the data and weights that are missing."""
    unfit = next(_unfit(cell, has_gpu=has_gpu), None)
    if unfit is not None:
        return (unfit,)
    return tuple(what for what in (_missing_data(cell.data), _missing_weights(weights)) if what)


def _unfit(cell: Cell, *, has_gpu: bool) -> Iterator[str]:
    """What in the way a net is run does not go together, or with this machine."""
    runtime = cell.runtime
    on_cpu = runtime.device == "cpu" or (runtime.device == "auto" and not has_gpu)
    yield from _unfit_device(cell, has_gpu=has_gpu, on_cpu=on_cpu)
    if cell.model.name.startswith("onnx/"):
        if runtime.precision != "fp32" or runtime.compile or runtime.cuda_graphs or runtime.engine:
            yield "an ONNX file computes as it was exported: run it in fp32, not compiled, without an engine"
        if cell.time is not None and cell.time.train_step is not None:
            yield "an ONNX file cannot be trained: leave time.train_step out"
    if runtime.engine is not None:
        yield from _unfit_engine(cell, on_cpu=on_cpu)
    if runtime.cuda_graphs and on_cpu:
        yield "CUDA graphs need a GPU"
    if runtime.cuda_graphs and isinstance(runtime.compile, str):
        yield f"torch.compile in the mode {runtime.compile} makes CUDA graphs itself: leave cuda_graphs out"


def _unfit_device(cell: Cell, *, has_gpu: bool, on_cpu: bool) -> Iterator[str]:
    if cell.runtime.device.startswith("cuda") and not has_gpu:
        yield f"no GPU seen, and the suite wants {cell.runtime.device}"
    for use, precision in _precisions(cell):
        if on_cpu and precision == "fp16":
            yield f"{use} in fp16 needs a GPU; bf16 runs on a CPU"
        if on_cpu and precision == "tf32":
            yield f"{use} in tf32 needs a GPU; a CPU has fp32"


def _unfit_engine(cell: Cell, *, on_cpu: bool) -> Iterator[str]:
    runtime, engine = cell.runtime, cell.runtime.engine
    assert engine is not None
    package, extra = ENGINES[engine]
    if runtime.precision != "fp32":
        yield f"{package} runs what was exported in fp32, not in {runtime.precision}"
    if runtime.compile or runtime.cuda_graphs:
        yield f"{package} runs the net without torch: leave compile and cuda_graphs out"
    if cell.time is not None and cell.time.train_step is not None:
        yield f"{package} does not train: leave time.train_step out"
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
        return f"{NO_DATA}name the folder of {card.name} as root, or put it at ${ROOT_VARIABLE}/{card.name}"
    return None


def _missing_weights(weights: WeightFile | None) -> str | None:
    if weights is None or weights.found() is not None:
        return None
    return f"{NO_WEIGHTS}{weights.missing()}"


def _precisions(cell: Cell) -> list[tuple[str, str]]:
    training = [("training", cell.train.precision)] if cell.train else []
    return [("running", cell.runtime.precision), *training]
