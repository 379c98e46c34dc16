"""The result of a cell: a Record with its Measurements and their context (environment, data, artifact).

Versions of the file format (all can be read):

    1   first version; a later `run.json` also has `expectations`
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, model_validator

from cvbench.spec.canonical import Frozen
from cvbench.spec.cell import Cell
from cvbench.spec.expectations import Expectations

SCHEMA = 1
"""The schema version that this program writes."""

Outcome: TypeAlias = Literal["ok", "skipped", "oom", "timeout", "failed"]
Direction: TypeAlias = Literal["higher", "lower", "neither"]
AttachmentKind: TypeAlias = Literal["samples", "outcomes", "curves", "confusion", "errors", "pictures"]
"""Raw timings; per-image results; and diagnostics: precision-recall curves, confusion matrix, cost of each
error type, and the worst images."""
Scalar: TypeAlias = bool | int | float | str | None
Real: TypeAlias = Annotated[float, Field(ge=-1e100, le=1e100)]
"""A measured number; the limits keep sums and charts from overflowing."""


class Part(Frozen):
    """The value of a measurement for one class or one group."""

    name: str
    value: Real | None
    missing: str | None = None
    """Reason why there is no value."""
    n: int | None = None


class Measurement(Frozen):
    """One measured value with unit, interval and protocol, or the reason why it is missing."""

    name: str
    """The usual name, such as `AP50`, `top1`, `latency_p50`."""
    at: str = ""
    """The condition if one name is measured under several, such as `batch=8`."""
    value: Real | None
    missing: str | None = None
    """Reason why there is no value; set exactly when `value` is None."""
    unit: str
    """`fraction`, `s`, `images/s`, `bytes`, `parameters`, `MACs` …: never a scaled unit."""
    direction: Direction
    """Which direction is better."""
    n: int | None = None
    """Number of independent observations: images, iterations or windows, see `protocol`."""
    interval: tuple[Real, Real] | None = None
    """95 % confidence interval; None if there is none: `interval_missing` or `protocol` has the reason."""
    effective_n: Real | None = None
    """For AP and AR: the harmonic mean of the objects per class, over the classes with objects.
    None for other metrics, and in older records."""
    interval_missing: str | None = None
    """Why there is no interval, if it was withheld."""
    protocol: str
    """The exact measurement rule."""
    parts: tuple[Part, ...] = ()
    """The value per class, in label order."""

    @model_validator(mode="after")
    def _whole(self) -> Measurement:
        if (self.value is None) != (self.missing is not None):
            raise ValueError(f"{self.name}: give a value, or the reason why it is missing")
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise ValueError(f"{self.name}: the interval {self.interval} runs backwards")
        if self.interval is not None and self.interval_missing is not None:
            raise ValueError(f"{self.name}: give an interval, or the reason why it is missing")
        return self


class Passport(Frozen):
    """Dataset fingerprint: equal fingerprints mean equal images and truths in equal order."""

    name: str
    split: str
    images: int
    classes: int
    objects: int | None = None
    """Number of annotated objects, if the task has objects."""
    sha256: str
    """SHA-256 of everything that defines the samples: pixels or files, truths, order, options."""
    rule: str | None = None
    """What the hash covers, if not every pixel: `manifest/1` covers names, order, truths and the sizes of the
    image files (see `docs/data.md`)."""
    drawn: str | None = None
    """How these images were sampled from the split, if they are a subset. Records without this field used
    the first images."""


class Artifact(Frozen):
    """The model that was scored and timed; equal artifacts are identical bit for bit."""

    sha256: str
    """SHA-256 of names, shapes and bytes of all parameters and buffers, in order."""
    source: Literal["trained", "reused", "loaded", "untrained"]
    """`reused`: the checkpoint of an earlier identical training was loaded."""
    parameters: int
    macs: int | None
    """Multiply-accumulates per image; None if they cannot be counted."""
    input: tuple[int, int, int]
    """Channels, height, width of the preprocessed input."""
    preprocessing: Mapping[str, Scalar | tuple[float, ...]]
    labels: Mapping[str, int] | None = None
    """The dataset's class name → the label in the weights; None if they are the same."""
    exported: str | None = None
    """SHA-256 of the ONNX file that was scored and timed instead of the torch model; None if torch ran it."""


class Curve(Frozen):
    """The training loss curve: one entry per logged point."""

    step: tuple[int, ...]
    epoch: tuple[Real, ...]
    lr: tuple[Real, ...]
    terms: Mapping[str, tuple[Real, ...]]
    """Each named loss term, averaged since the previous point."""

    @model_validator(mode="after")
    def _even(self) -> Curve:
        counts = {len(self.step), len(self.epoch), len(self.lr), *map(len, self.terms.values())}
        if len(counts) > 1:
            raise ValueError(f"lists of different lengths: {', '.join(map(str, sorted(counts)))} points")
        return self


class Environment(Frozen):
    """Machine and software, in three groups of decreasing importance."""

    hard: Mapping[str, Scalar]
    """Must be equal for speed measurements to be comparable."""
    soft: Mapping[str, Scalar]
    """Compared; a difference is a warning."""
    volatile: Mapping[str, Scalar]
    """Changes from minute to minute; reported, never compared."""


class Attachment(Frozen):
    """A file that belongs to a record."""

    kind: AttachmentKind
    """The file's format, described in `docs/records.md`."""
    name: str
    """The measurement or metric that it belongs to."""
    file: str
    """Path relative to the run's folder."""
    sha256: str


class Round(Frozen):
    """One timing round of a cell: a new process times all cells of the suite, in shuffled order."""

    number: int
    """From 0; equals the column `round` of the raw samples."""
    seed: int
    """Random seed of the cell order."""
    place: int
    """Position of this cell in that order, from 0."""
    outcome: Outcome
    reason: str | None = None
    """Reason if the outcome is not ok."""
    output: str | None = None
    """Last lines of the process's output if the outcome is not ok."""
    started: datetime
    wall_s: Real
    spent: Mapping[str, Real] = Field(default_factory=dict)
    """Seconds per stage, as in a Record."""
    conditions: Mapping[str, Scalar] = Field(default_factory=dict)
    """The volatile environment at the time of this round."""
    measurements: tuple[Measurement, ...] = ()
    """Values that this process measured once; metrics of many samples are computed from the raw samples."""
    cautions: tuple[str, ...] = ()
    """Warnings about this round's measurements."""


MEANS_LITTLE = "absolute values on this machine are unreliable"
"""End of the warning about a series in which most slices were disturbed."""


class Record(Frozen):
    """The result of one cell, whatever its outcome."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    key: str
    cell: Cell
    outcome: Outcome
    reason: str | None = None
    """Reason if the outcome is not ok."""
    output: str | None = None
    """Last lines of the worker's output if the outcome is not ok."""
    started: datetime
    wall_s: Real
    spent: Mapping[str, Real] = Field(default_factory=dict)
    """Seconds per stage: import, data, build, train, evaluate, time, save; the rest is overhead."""
    environment: Environment
    artifact: Artifact | None = None
    passports: Mapping[str, Passport] = Field(default_factory=dict)
    """Dataset fingerprint of each split that was used."""
    inputs: Mapping[str, str] = Field(default_factory=dict)
    """Hashes of the files that the cell names (`weights`, `data` and others) at the start of the run. Empty
    for a cell that names no files, and in records that predate the field."""
    measurements: tuple[Measurement, ...] = ()
    curve: Curve | None = None
    skipped_samples: tuple[str, ...] = ()
    """Corrupt images that the suite allows to skip."""
    shadowed_objects: int | None = None
    """Training objects, summed over epochs, that were not learned because they share a grid cell with another
    object; only for detectors with such a limit."""
    attachments: tuple[Attachment, ...] = ()
    cautions: tuple[str, ...] = ()
    """Warnings about the speed measurements: disturbances, an incomplete warm-up, a wide interval."""
    notes: tuple[str, ...] = ()
    """Notes on the accuracy metrics, such as test images that are also in the training set. The text before
    the first colon is the short form, which tables show."""
    rounds: tuple[Round, ...] = ()
    """The timing rounds, if the suite asks for several; empty if the cell's own process timed it."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _explained(self) -> Record:
        if (self.outcome == "ok") != (self.reason is None):
            raise ValueError(f"outcome {self.outcome!r} with reason {self.reason!r}")
        if self.key != self.cell.key:
            raise ValueError(f"the key {self.key} does not belong to the cell, whose key is {self.cell.key}")
        return self

    def attachment(self, kind: AttachmentKind, name: str) -> Attachment | None:
        """The attachment of this kind and name, if any."""
        return next((item for item in self.attachments if (item.kind, item.name) == (kind, name)), None)

    def measurement(self, name: str, at: str | None = None) -> Measurement | None:
        """The first measurement of this name (and condition, if given), or None."""
        for m in self.measurements:
            if m.name == name and at in (None, m.at):
                return m
        return None


class PlannedCell(Frozen):
    """A cell in a run's plan."""

    key: str
    title: str = ""
    model: str = ""


class RunInfo(Frozen):
    """The content of `run.json`: the run's suite, machine and code.

    A field that is missing in the file has its default, which means unknown.
    """

    schema_version: int = Field(default=SCHEMA, alias="schema")
    suite: str = ""
    """The suite's name."""
    run: str = ""
    """The run's name; the store sets it."""
    identity: str = ""
    """Hash of the machine, the code and the data folders; `cvbench run` resumes a run with an equal hash."""
    created: str = ""
    """Start of the run, ISO 8601 with the time zone; the store sets it."""
    source: str = ""
    """Path of the suite file."""
    suite_text: str = ""
    """Content of the suite file, without the overrides."""
    overrides: tuple[str, ...] = ()
    """Overrides of the suite, `key=value`, as on the command line."""
    limit: int | None = None
    """Images per cell, if `--limit` was given."""
    commits: Mapping[str, str | None] = Field(default_factory=dict)
    """Git commits of `cvbench` and of the `suite` file; None outside a repository."""
    code_sha256: str = ""
    environment: Environment = Field(default_factory=lambda: Environment(hard={}, soft={}, volatile={}))
    """Machine and software at the start of the run."""
    expectations: Expectations | None = None
    """The suite's floors and published values, overrides applied; None in files that predate the field."""
    cells: tuple[PlannedCell, ...] = ()
    """The suite's cells as last run, in the suite's order."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)
