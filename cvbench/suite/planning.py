"""Which cells would run on this machine, and why the others would not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cvbench.catalogue import DATASETS
from cvbench.catalogue.datasets import ROOT_VARIABLE, find_root
from cvbench.catalogue.weight_files import weight_file
from cvbench.spec import Cell, DataSpec, ModelSpec
from cvbench.suite.suite import Suite


class Planned(NamedTuple):
    """A cell, and the reason why it would be skipped; None where it would run."""

    cell: Cell
    skip: str | None


def plan(suite: Suite, *, has_gpu: bool) -> list[Planned]:
    """What `cvbench run` would do with each cell on this machine."""
    return [Planned(cell, reason_to_skip(cell, has_gpu=has_gpu)) for cell in suite.cells]


def reason_to_skip(cell: Cell, *, has_gpu: bool) -> str | None:
    """Why a cell cannot be run where it is, or None; it looks for the files that the cell names."""
    on_cpu = cell.runtime.device == "cpu" or (cell.runtime.device == "auto" and not has_gpu)
    if cell.runtime.device.startswith("cuda") and not has_gpu:
        return f"no GPU seen, and the suite wants {cell.runtime.device}"
    for use, precision in _precisions(cell):
        if on_cpu and precision == "fp16":
            return f"{use} in fp16 needs a GPU; bf16 runs on a CPU"
        if on_cpu and precision == "tf32":
            return f"{use} in tf32 needs a GPU; a CPU has fp32"
    if cell.model.name.startswith("onnx/") and (cell.runtime.precision != "fp32" or cell.runtime.compile):
        return "an ONNX file computes as it was exported: run it in fp32, not compiled"
    missing = [what for what in (_missing_data(cell.data), _missing_weights(cell.model)) if what]
    return "; ".join(missing) or None


def _missing_data(data: DataSpec) -> str | None:
    card, root = DATASETS.get(data.name), find_root(data.name, data.root)
    if root is not None and not Path(root).is_dir():
        return f"no data: there is no folder {root}"
    if root is None and card is not None and card.needs_root:
        return f"no data: name the folder of {card.name} as root, or put it at ${ROOT_VARIABLE}/{card.name}"
    return None


def _missing_weights(model: ModelSpec) -> str | None:
    file = weight_file(model)
    if file is None or file.found() is not None:
        return None
    return f"no weights: {file.missing()}"


def _precisions(cell: Cell) -> list[tuple[str, str]]:
    training = [("training", cell.train.precision)] if cell.train else []
    return [("running", cell.runtime.precision), *training]
