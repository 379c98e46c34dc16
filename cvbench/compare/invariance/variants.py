"""Equivalent ways to run one model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias, get_args

from cvbench.spec.cell import Cell, Runtime
from cvbench.spec.expectations import Expectations
from cvbench.spec.suite import Suite

Factor: TypeAlias = Literal["batch", "layout", "workers", "compile", "precision"]
FACTORS: Final[tuple[Factor, ...]] = get_args(Factor)

PREDICTIONS: Final = "cvbench.metrics.predictions:Predictions"
"""The metric that stores the predictions of a variant."""


@dataclass(frozen=True)
class Variant:
    """A cell that differs from its reference in one setting."""

    reference: Cell
    cell: Cell
    factor: Factor
    setting: str
    """The changed setting, such as `batch=8`."""


def invariance_suite(
    suite: Suite, *, factors: Sequence[Factor], batch: int, has_gpu: bool
) -> tuple[Suite, list[Variant]]:
    """The suite of all references and variants, and the variants.

    A reference runs image by image, in fp32, contiguous, as written and without data-loader workers.
    """
    variants: list[Variant] = []
    cells: dict[str, Cell] = {}
    for cell in suite.cells:
        reference = _reference(cell)
        if reference.key in cells:
            continue  # a variant in the suite of a reference already seen
        cells[reference.key] = reference
        on_cpu = cell.runtime.device == "cpu" or not has_gpu
        for factor in factors:
            for name, value in _changes(factor, batch=batch, on_cpu=on_cpu):
                varied = _varied(reference, name, value)
                cells[varied.key] = varied
                variants.append(Variant(reference, varied, factor, f"{name}={str(value).lower()}"))
    whole = replace(
        suite,
        name=f"{suite.name}-invariance",
        cells=tuple(cells.values()),
        expectations=Expectations(),
    )
    return whole, variants


def _changes(factor: Factor, *, batch: int, on_cpu: bool) -> Iterator[tuple[str, Any]]:
    match factor:
        case "batch":
            yield "batch", batch
        case "layout":
            yield "layout", "channels_last"
        case "workers":
            yield "workers", 2
        case "compile":
            yield "compile", True
        case "precision":
            yield from (("precision", one) for one in (["bf16"] if on_cpu else ["tf32", "bf16", "fp16"]))


def _reference(cell: Cell) -> Cell:
    """The cell in its plainest form: untimed, with stored predictions."""
    plain = {"batch": 1, "precision": "fp32", "layout": "contiguous", "compile": False}
    runtime: Runtime = cell.runtime.model_copy(update=plain)
    data = cell.data.model_copy(update={"workers": None})
    metrics = tuple(name for name in cell.metrics if name != PREDICTIONS)
    changes = {"runtime": runtime, "data": data, "time": None, "metrics": (*metrics, PREDICTIONS)}
    return cell.model_copy(update=changes)


def _varied(reference: Cell, name: str, value: Any) -> Cell:
    if name != "workers":
        return reference.model_copy(update={"runtime": reference.runtime.model_copy(update={name: value})})
    # Workers are not part of a cell's key. The order of metrics is, and does not change the result.
    # A single metric is named twice instead.
    data = reference.data.model_copy(update={"workers": value})
    metrics = reference.metrics[::-1] if len(reference.metrics) > 1 else reference.metrics * 2
    return reference.model_copy(update={"data": data, "metrics": metrics})
