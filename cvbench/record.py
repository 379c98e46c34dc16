"""What happened: a Record, its Measurements, and the circumstances they need to be understood.

History of the file formats (a reader of today loads every one of them):

    1   first form; a later `run.json` also has `expectations`
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
"""The version that this program writes."""

Outcome: TypeAlias = Literal["ok", "skipped", "oom", "timeout", "failed"]
Direction: TypeAlias = Literal["higher", "lower", "neither"]
AttachmentKind: TypeAlias = Literal["samples", "outcomes", "curves", "confusion", "errors", "pictures"]
"""Raw timings; outcomes per image; and what explains a figure: curves of precision, what was taken for
what, what each kind of error costs, and the images that the model did worst on."""
Scalar: TypeAlias = bool | int | float | str | None
Real: TypeAlias = Annotated[float, Field(ge=-1e100, le=1e100)]
"""A measured number: beyond these no unit has any use, and sums and charts of them would overflow."""


class Part(Frozen):
    """A figure's share of one class or one group."""

    name: str
    value: Real | None
    missing: str | None = None
    """Why there is no value."""
    n: int | None = None


class Measurement(Frozen):
    """One number that can stand alone, or the reason why it is missing."""

    name: str
    """The field's usual name, such as `AP50`, `top1`, `latency_p50`."""
    at: str = ""
    """The condition where one name is measured under several, such as `batch=8`."""
    value: Real | None
    missing: str | None = None
    """Why there is no value: given exactly where `value` is None."""
    unit: str
    """`fraction`, `s`, `images/s`, `bytes`, `parameters`, `MACs` …: never a scaled unit."""
    direction: Direction
    """Which way is better."""
    n: int | None = None
    """How many independent observations carry it: images, iterations or windows, as it says in `protocol`."""
    interval: tuple[Real, Real] | None = None
    """The 95 % interval; None where none can be given, and then `protocol` says why."""
    protocol: str
    """The exact rule by which it was measured."""
    parts: tuple[Part, ...] = ()
    """The same figure for each class, in label order."""

    @model_validator(mode="after")
    def _whole(self) -> Measurement:
        if (self.value is None) != (self.missing is not None):
            raise ValueError(f"{self.name}: give a value, or the reason why it is missing")
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise ValueError(f"{self.name}: the interval {self.interval} runs backwards")
        return self


class Passport(Frozen):
    """What a data set is, to the byte: equal passports are equal images and truths in equal order."""

    name: str
    split: str
    images: int
    classes: int
    objects: int | None = None
    """Annotated objects, where the task has them."""
    sha256: str
    """Of everything that makes a sample: pixels or files, truths, order, options."""
    rule: str | None = None
    """What the hash covers, where that is not every pixel: `manifest/1` covers names, order, truths and the
    sizes of the image files, as `docs/data.md` says."""
    drawn: str | None = None
    """How these images were drawn from the split, where they are not all of it. Records from before this
    field hold the first images."""


class Artifact(Frozen):
    """The thing that was scored and timed: two equal artifacts are one model, bit for bit."""

    sha256: str
    """Of names, shapes and bytes of all parameters and buffers, in order."""
    source: Literal["trained", "reused", "loaded", "untrained"]
    """`reused`: an equal training had been done before, and its checkpoint was taken."""
    parameters: int
    macs: int | None
    """Multiply-accumulates of one image; None where they cannot be counted."""
    input: tuple[int, int, int]
    """Channels, height, width of the prepared input."""
    preprocessing: Mapping[str, Scalar | tuple[float, ...]]
    labels: Mapping[str, int] | None = None
    """The data set's class → the label that the weights have for it; None where they are the same."""
    exported: str | None = None
    """The SHA-256 of the ONNX file that was scored and timed in the net's stead; None where torch ran it."""


class Curve(Frozen):
    """A training, seen from its loss: one entry a logged point."""

    step: tuple[int, ...]
    epoch: tuple[Real, ...]
    lr: tuple[Real, ...]
    terms: Mapping[str, tuple[Real, ...]]
    """Each named term of the loss, averaged since the point before."""

    @model_validator(mode="after")
    def _even(self) -> Curve:
        counts = {len(self.step), len(self.epoch), len(self.lr), *map(len, self.terms.values())}
        if len(counts) > 1:
            raise ValueError(f"its lists have {', '.join(map(str, sorted(counts)))} points")
        return self


class Environment(Frozen):
    """The machine and the software, in three groups of decreasing weight."""

    hard: Mapping[str, Scalar]
    """What makes speed figures comparable: equal or not."""
    soft: Mapping[str, Scalar]
    """What may matter: compared, and warned about."""
    volatile: Mapping[str, Scalar]
    """What changes by the minute: told, never compared."""


class Attachment(Frozen):
    """A file beside the record."""

    kind: AttachmentKind
    """Which form the file has: `docs/records.md` describes each."""
    name: str
    """Which measurement or metric it belongs to."""
    file: str
    """Relative to the run's folder."""
    sha256: str


class Round(Frozen):
    """One fresh process's turn at timing a cell; that process served the other cells of the suite too."""

    number: int
    """From 0; the column `round` of the raw samples holds it."""
    seed: int
    """Of the order in which that process took the cells."""
    place: int
    """How many cells stood before this one in that order."""
    outcome: Outcome
    reason: str | None = None
    """Why it is not ok."""
    output: str | None = None
    """The last lines the process printed, where it is not ok."""
    started: datetime
    wall_s: Real
    spent: Mapping[str, Real] = Field(default_factory=dict)
    """Seconds by stage, as a Record's."""
    conditions: Mapping[str, Scalar] = Field(default_factory=dict)
    """What changes by the minute, as it was then."""
    measurements: tuple[Measurement, ...] = ()
    """What this process measured once; figures of many samples are derived from those."""
    cautions: tuple[str, ...] = ()
    """What a reader of its figures should know."""


MEANS_LITTLE = "absolute figures of this machine mean little"
"""Ends the caution on a series most of whose slices were disturbed."""


class Record(Frozen):
    """One cell, finished: whatever came of it."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    key: str
    cell: Cell
    outcome: Outcome
    reason: str | None = None
    """Why it is not ok."""
    output: str | None = None
    """The last lines the worker printed, where it is not ok."""
    started: datetime
    wall_s: Real
    spent: Mapping[str, Real] = Field(default_factory=dict)
    """Seconds by stage: import, data, build, train, evaluate, time, save; the rest is overhead."""
    environment: Environment
    artifact: Artifact | None = None
    passports: Mapping[str, Passport] = Field(default_factory=dict)
    """Of each split that was used."""
    inputs: Mapping[str, str] = Field(default_factory=dict)
    """Hashes of the files that the cell named when its run was opened: `weights`, `data` and others. Empty
    for a cell that names none, and in records that predate the field."""
    measurements: tuple[Measurement, ...] = ()
    curve: Curve | None = None
    skipped_samples: tuple[str, ...] = ()
    """Samples that could not be decoded and that the suite allows to skip."""
    shadowed_objects: int | None = None
    """Objects of the training, counted in every epoch anew, that no predictor learnt because another
    object held their place; for detectors whose places can be taken."""
    attachments: tuple[Attachment, ...] = ()
    cautions: tuple[str, ...] = ()
    """What a reader of the speed figures should know: disturbances, a warm-up that did not end, too wide
    an interval."""
    notes: tuple[str, ...] = ()
    """What a reader of the accuracy metrics should know, such as images that were trained on too. What comes
    before the first colon is the short form, which tables show."""
    rounds: tuple[Round, ...] = ()
    """The processes that timed it, where the suite asks for several; none where its own did."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _explained(self) -> Record:
        if (self.outcome == "ok") != (self.reason is None):
            raise ValueError(f"outcome {self.outcome!r} with reason {self.reason!r}")
        if self.key != self.cell.key:
            raise ValueError(f"the key {self.key} does not belong to the cell, whose key is {self.cell.key}")
        return self

    def attachment(self, kind: AttachmentKind, name: str) -> Attachment | None:
        """The attachment of this kind and name, or None."""
        return next((item for item in self.attachments if (item.kind, item.name) == (kind, name)), None)

    def measurement(self, name: str, at: str | None = None) -> Measurement | None:
        """The first measurement of this name (and condition, where one is given), or None."""
        for m in self.measurements:
            if m.name == name and at in (None, m.at):
                return m
        return None


class PlannedCell(Frozen):
    """A cell of the suite that a run carries out."""

    key: str
    title: str = ""
    model: str = ""


class RunInfo(Frozen):
    """The content of `run.json`: which suite a run carries out, where, and with which code.

    A field that the file does not have is unknown, and has its default.
    """

    schema_version: int = Field(default=SCHEMA, alias="schema")
    suite: str = ""
    """The suite's name."""
    run: str = ""
    """The run's own name; the store gives it."""
    identity: str = ""
    """Hash of the machine, the code and the data folders: an equal one continues the run."""
    created: str = ""
    """When the run began, ISO 8601 with the time zone; the store sets it."""
    source: str = ""
    """The suite file that it was read from."""
    suite_text: str = ""
    """That file, word for word, without the overrides."""
    overrides: tuple[str, ...] = ()
    """Changes to the suite, `key=value`, as typed on the command line."""
    limit: int | None = None
    """Images per cell, where `--limit` was given."""
    commits: Mapping[str, str | None] = Field(default_factory=dict)
    """Of `cvbench` and of the `suite` file; None outside of a repository."""
    code_sha256: str = ""
    environment: Environment = Field(default_factory=lambda: Environment(hard={}, soft={}, volatile={}))
    """Machine and software when the run was opened."""
    expectations: Expectations | None = None
    """The suite's floors and published values, overrides applied; None in files that predate the field."""
    cells: tuple[PlannedCell, ...] = ()
    """In the suite's order, as it was last read."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)
