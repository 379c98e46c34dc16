"""The messages between the processes of a run, as types: jobs, news and results.

    session → worker   WorkerJob: a CellJob or a RoundJob, one line of JSON on standard input
    worker → session   News, one line of JSON each through a pipe: ProgressNews, CellFinished, SlotStarted,
                       SlotFinished
                       record.json (a Record) or round.json (a RoundResult), in the folder the job names

Each is validated by its receiver. News that cannot be read is a failure of its cell, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from cvbench.errors import CellError, cut
from cvbench.files import read_regular
from cvbench.record import Artifact, Attachment, Curve, Measurement, Outcome, Passport, Record, Round, Scalar
from cvbench.runner.progress import Progress
from cvbench.spec.canonical import Frozen
from cvbench.spec.catalogue.weights import WeightFile
from cvbench.spec.cell import Cell

WEIGHTS: Final = "weights.safetensors"
"""The weights of a scored cell, next to its record, until its rounds are timed."""
RECORD: Final = "record.json"
"""The record of a cell's worker, in its staging folder."""
ROUND: Final = "round.json"
"""The result of a slot of a round, next to its raw samples."""


class Failure(NamedTuple):
    """Why a worker left no result."""

    outcome: Outcome
    reason: str


# Jobs, from the session to a worker.


class CellJob(Frozen):
    """One cell from start to end."""

    kind: Literal["cell"] = "cell"
    cell: Cell
    weights: WeightFile | None
    """What the model's `weights` were resolved to when the cell was planned."""
    staged: Path
    """A folder for the record and the files that it names."""
    checkpoints: Path
    """The folder of trained weights that all runs share."""


class RoundSlot(Frozen):
    """One cell's part of a round of timing."""

    cell: Cell
    weights: WeightFile | None = None
    """What the model's `weights` were resolved to; read again only for models that run their file."""
    place: int = 0
    """How many cells come before this one in the round's shuffled order."""
    checkpoint: Path
    """The weights that were scored …"""
    sha256: str
    """… and the fingerprint of the model with them."""
    exported: str | None = None
    """The SHA-256 of the exported file next to the checkpoint, where an engine runs one."""
    staged: Path
    """The folder for the slot's result and raw samples."""
    frozen: Mapping[str, Mapping[str, int]] = Field(default_factory=dict)
    """What the first round settled: calls of the warm-up's phases and calls per window, by series."""


class RoundJob(Frozen):
    """Some slots of a round, timed one after the other in one process."""

    kind: Literal["round"] = "round"
    number: int
    seed: int
    slots: tuple[RoundSlot, ...]


class WorkerJob(Frozen):
    """A job, and how the worker answers."""

    job: Annotated[CellJob | RoundJob, Field(discriminator="kind")]
    news_fd: int
    """The file descriptor that the worker writes its news to."""
    started: float
    """When the job was sent: seconds since the epoch."""


# News, from a worker to the session.


class ProgressNews(Frozen):
    """How far a stage is."""

    kind: Literal["progress"] = "progress"
    progress: Progress


class CellFinished(Frozen):
    """The cell's record is written, whole."""

    kind: Literal["cell_finished"] = "cell_finished"


class SlotStarted(Frozen):
    """A slot of a round begins."""

    kind: Literal["slot_started"] = "slot_started"
    place: int


class SlotFinished(Frozen):
    """A slot of a round is over; its round.json is written."""

    kind: Literal["slot_finished"] = "slot_finished"
    place: int


News: TypeAlias = ProgressNews | CellFinished | SlotStarted | SlotFinished
_NEWS: Final[TypeAdapter[News]] = TypeAdapter(
    Annotated[News, Field(discriminator="kind")], config=ConfigDict(defer_build=True)
)


def read_news(line: bytes) -> News:
    """The news in one line of JSON; raises CellError for a line that is not valid news."""
    try:
        return _NEWS.validate_json(line)
    except ValidationError as error:
        raise CellError(f"the worker sent a message that cannot be read: {_excerpt(line)}") from error


def read_cell_record(path: Path) -> Record:
    """The record that a cell's worker left; raises CellError where it or one of its files cannot be read."""
    try:
        record = Record.model_validate_json(read_regular(path))
    except (OSError, ValidationError) as error:
        raise CellError(f"the worker left a record that cannot be read: {cut(str(error), 1000)}") from error
    _check_files(record.attachments, path.parent)
    return record


def read_round_result(path: Path) -> RoundResult:
    """The result that a slot of a round left; raises CellError where it or a file of it cannot be read."""
    try:
        result = RoundResult.model_validate_json(read_regular(path))
    except (OSError, ValidationError) as error:
        what = cut(str(error), 1000)
        raise CellError(f"{path}: this result of a round cannot be read: {what}") from error
    _check_files(result.attachments, path.parent)
    return result


def _check_files(attachments: Sequence[Attachment], folder: Path) -> None:
    for item in attachments:
        file = folder / Path(item.file).name
        if not file.is_file() or file.is_symlink():
            raise CellError(
                f"{cut(item.file, 200)}: the worker's result names this file, but the file is missing."
            )


def _excerpt(line: bytes) -> str:
    shown = line[:120].decode(errors="replace")
    return shown + ("…" if len(line) > 120 else "")


# Results: what running a cell or a slot yields inside the worker, and what a slot leaves on disk.


@dataclass(frozen=True)
class CellResult:
    """What running a cell yields: these fields of its Record, or why there are none."""

    outcome: Outcome = "ok"
    reason: str | None = None
    output: str | None = None
    """The end of the traceback, where an exception was not a CvbenchError."""
    artifact: Artifact | None = None
    passports: Mapping[str, Passport] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    cautions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    conditions: Mapping[str, Scalar] = field(default_factory=dict)
    """What changed by the minute while it was timed."""
    curve: Curve | None = None
    skipped_samples: tuple[str, ...] = ()
    shadowed_objects: int | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class SlotTimings:
    """What timing a slot yields: fields of its Round and of its RoundResult, or why there are none."""

    outcome: Outcome = "ok"
    reason: str | None = None
    output: str | None = None
    """The end of the traceback, where an exception was not a CvbenchError."""
    measurements: tuple[Measurement, ...] = ()
    cautions: tuple[str, ...] = ()
    conditions: Mapping[str, Scalar] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    frozen: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What each series settled, for later rounds to keep to."""
    worn: bool = False
    """Whether the process ran out of memory on the way."""


class RoundResult(Frozen):
    """The result that a slot writes to its folder, next to its raw samples."""

    round: Round
    attachments: tuple[Attachment, ...] = ()
    frozen: Mapping[str, Mapping[str, int]] = Field(default_factory=dict)
    """What each series settled, for later rounds to keep to."""
    worn: bool = False
    """Whether its process ran out of memory on the way."""

    @property
    def is_last(self) -> bool:
        """Whether its process times no other slot."""
        return self.worn or self.round.outcome != "ok"
