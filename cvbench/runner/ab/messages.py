"""The messages between a side's process and its owner: one order, one answer, each one line of JSON.

Both are validated by their receiver. An answer that cannot be read is a failure of the side that gave it.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from cvbench.errors import CellError
from cvbench.spec.canonical import Frozen
from cvbench.spec.catalogue.weights import WeightFile
from cvbench.spec.cell import Cell


class Free(Frozen):
    """Free the memory of the last benchmark; answered with Freed."""

    kind: Literal["free"] = "free"


class Prepare(Frozen):
    """Build the cell's network at one batch size and warm it up; answered with Ready."""

    kind: Literal["prepare"] = "prepare"
    cell: Cell
    weights: WeightFile | None = None
    """What the model's `weights` were resolved to."""
    batch: int
    warmup_s: float


class TimeSlice(Frozen):
    """Time some iterations of the prepared benchmark; answered with SliceTimes."""

    kind: Literal["slice"] = "slice"
    iterations: int


class Freed(Frozen):
    """Nothing is prepared any more."""

    kind: Literal["freed"] = "freed"


class Ready(Frozen):
    """The network is warm."""

    kind: Literal["ready"] = "ready"
    once_s: float
    """Seconds of one iteration."""


class SliceTimes(Frozen):
    """When a slice was timed, and how long it took."""

    kind: Literal["slice_times"] = "slice_times"
    seconds: float
    """Per iteration."""
    iterations: int
    start: int
    """Nanoseconds of a clock that both sides share …"""
    end: int
    """… as is the end."""


class Failed(Frozen):
    """The order could not be carried out."""

    kind: Literal["failed"] = "failed"
    reason: str


SideOrder: TypeAlias = Free | Prepare | TimeSlice
SideAnswer: TypeAlias = Freed | Ready | SliceTimes | Failed
_LAZY: Final = ConfigDict(defer_build=True)
_ORDERS: Final[TypeAdapter[SideOrder]] = TypeAdapter(
    Annotated[SideOrder, Field(discriminator="kind")], config=_LAZY
)
_ANSWERS: Final[TypeAdapter[SideAnswer]] = TypeAdapter(
    Annotated[SideAnswer, Field(discriminator="kind")], config=_LAZY
)


def read_order(line: str | bytes) -> SideOrder:
    """The order in one line; raises ValidationError for a line that is none."""
    return _ORDERS.validate_json(line)


def read_answer(line: bytes) -> SideAnswer:
    """The answer in one line; raises CellError for a line that is none."""
    try:
        return _ANSWERS.validate_json(line)
    except ValidationError as error:
        raise CellError(f"the worker gave an answer that cannot be read: {line[:120]!r}") from error
