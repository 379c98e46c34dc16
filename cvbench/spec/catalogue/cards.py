"""Cards, and how a name becomes the object it stands for.

A Card says all that a person or a plan needs to know before anything heavy is imported; only
`Catalogue.load` imports, and then only the one module that the Card names.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from cvbench.errors import UnknownName, suggestion
from cvbench.spec.catalogue.own_code import reach_working_folder
from cvbench.spec.cell import Option, TaskName
from cvbench.spec.moved import moved_address

Compared: TypeAlias = Literal["classes", "pixels", "boxes", "masks"]
_ADDRESS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Choice:
    """An option that a suite may set: its default and what it does."""

    default: Option | None
    help: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """What every plug-in tells of itself."""

    name: str
    address: str
    """``module:object``, imported when it is used."""
    summary: str
    """One line for `cvbench list`."""
    aliases: tuple[str, ...] = ()
    """Other names that mean the same, such as one of an earlier release."""
    options: Mapping[str, Choice] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelCard(Card):
    """An architecture. Its object is a builder: `builder(classes, **options) -> Model`."""

    task: TaskName
    title: str
    authors: str
    year: int
    link: str
    input: tuple[int, int, int]
    """Channels, height, width that the paper or the reference weights use."""
    parameters: Mapping[int, int]
    """Classes → exact count of trainable parameters, with every option at its default."""
    macs: int | None = None
    """Multiply-accumulates of one image with the first of those class counts and default options, as
    cvbench counts them; None where it has not been counted."""
    reference: tuple[str, ...] = ()
    """Published figures, each with its protocol."""

    @property
    def usual_classes(self) -> int:
        """As many classes as ImageNet, COCO or VOC has by the task, else the first whose count is known."""
        usual = {"classification": 1000, "detection": 80, "segmentation": 21}[self.task]
        return usual if usual in self.parameters else next(iter(self.parameters))


@dataclass(frozen=True, kw_only=True)
class DatasetCard(Card):
    """A data set. Its object is an opener: `opener(task=, split=, root=, **options) -> Dataset`."""

    tasks: tuple[TaskName, ...]
    classes: int | None
    """None where the user's files say it."""
    splits: Mapping[str, int | None]
    """Split → number of images, as it comes without options; None where the user's files say it."""
    licence: str
    source: str
    needs_root: bool = False
    """True where the user has to bring a copy."""
    notice: str | None = None
    """``package:file`` of the text that its licence wants beside every copy of the images."""

    @property
    def told_classes(self) -> str:
        """How many classes there are, in words."""
        return "your own" if self.classes is None else f"{self.classes}"

    def told_split(self, split: str) -> str:
        """A split and how many images it has, in words."""
        images = self.splits[split]
        return split if images is None else f"{split} {images:,}"


@dataclass(frozen=True, kw_only=True)
class MetricCard(Card):
    """A metric. Its object is a constructor: `constructor(classes) -> Metric`, class names given."""

    task: TaskName
    protocol: str
    """The exact rule, as records carry it."""
    compares: Compared
    """What it compares, and with it which files `cvbench score` reads."""
    figures: tuple[str, ...]
    """Names of the Measurements it yields, the primary metric first."""
    default: bool = False
    """Taken for models of its task when a suite names no metrics."""
    key_name: str = ""
    """The name in cells, and so in keys and records, where it is not `name`: see docs/decisions/0010."""

    @property
    def stored_name(self) -> str:
        """The name by which cells store it: one for all its aliases, for ever."""
        return self.key_name or self.name


C = TypeVar("C", bound=Card)


@dataclass(frozen=True)
class Family(Generic[C]):
    """All that another library brings, each under the library's name: ``timm/resnet50``.

    The library is imported when one of its names is looked up, and not before. The object behind a
    Card of a family takes the member's name before everything else.
    """

    prefix: str
    names: Callable[[], Sequence[str]]
    """Its members, without the prefix."""
    card: Callable[[str], C]
    """The Card of a member."""


class Catalogue(Mapping[str, C], Generic[C]):
    """Cards by name or alias; it iterates over the names alone, in the order they are shown.

    Members of families are found by name like all others; they are too many to be listed.
    """

    def __init__(self, kind: str, *cards: C, families: Sequence[Family[C]] = ()) -> None:
        self.kind = kind
        self._cards = {card.name: card for card in cards}
        self._aliases = {alias: card.name for card in cards for alias in card.aliases}
        self._found: dict[str, C] = {}
        self.families = {family.prefix: family for family in families}
        if len({*self.spellings}) != sum(1 + len(card.aliases) for card in cards):
            raise ValueError(f"two {kind}s have one name")

    def __getitem__(self, name: str) -> C:
        prefix, _, member = name.partition("/")
        family = self.families.get(prefix)
        if not member or family is None:
            return self._cards[self._aliases.get(name, name)]
        if name not in self._found:
            if member not in family.names():
                raise KeyError(name)
            self._found[name] = family.card(member)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cards)

    def __len__(self) -> int:
        return len(self._cards)

    def lists(self, name: str) -> bool:
        """Whether a name is one of those that are listed, and no family's."""
        return name in self._cards

    @property
    def spellings(self) -> Sequence[str]:
        """All names and aliases, without those of families."""
        return [*self._cards, *self._aliases]

    def find(self, name: str) -> C:
        """The Card of this name; raises UnknownName with the nearest names."""
        if name in self:
            return self[name]
        raise UnknownName(f'there is no {self.kind} "{name}".\n  {self.suggest(name)}'.rstrip())

    def suggest(self, name: str) -> str:
        """What to say behind an unknown name."""
        family = self.families.get(name.partition("/")[0])
        known = [f"{family.prefix}/{member}" for member in family.names()] if family else self.spellings
        return suggestion(name, known, listing=f"cvbench list {self.kind}s")

    def load(self, name: str) -> Any:
        """The object behind a name of this catalogue, or behind an address of the user's own."""
        if is_address(name):
            return load(name)
        found, (prefix, _, member) = load(self.find(name).address), name.partition("/")
        return partial(found, member) if prefix in self.families else found


def is_address(name: str) -> bool:
    """Whether a name is the address ``module:object`` of something outside the catalogues."""
    return _ADDRESS.fullmatch(name) is not None


def load(address: str) -> Any:
    """The object at ``module:object``; raises UnknownName where there is none.

    An address of the last release is looked up where its module is now, with a DeprecationWarning.
    """
    if new := moved_address(address):
        warnings.warn(f"{address} has moved; write {new}", DeprecationWarning, stacklevel=2)
        address = new
    module_name, _, attribute = address.partition(":")
    reach_working_folder()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise  # the module is there; something that it imports is not
        raise UnknownName(
            f'{address}: there is no module "{error.name}".\n'
            "  Install it, or run from the folder that holds it."
        ) from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        near = suggestion(attribute, [n for n in vars(module) if not n.startswith("_")])
        raise UnknownName(f'{address}: {module_name} has no "{attribute}".\n  {near}'.rstrip()) from error


WIDTH = Choice(1.0, "multiplies the channels of every layer; rounded to a multiple of 8")


def reporting(*, score: float, nms: float) -> dict[str, Choice]:
    """What a detector reports, with these thresholds by default."""
    return {
        "score_threshold": Choice(score, "detections below it are not reported"),
        "nms_threshold": Choice(nms, "of two boxes of one class that overlap more, the weaker goes"),
        "max_detections": Choice(100, "the most that are reported of one image"),
    }


def preparing(*ways: str, normalized: bool) -> dict[str, Choice]:
    """How images come into a model of another library; what is not said is as its weights have it."""
    cut = [way for way in ways if way in ("crop", "scale")]
    options = {
        "resize": Choice(None, f"{', '.join(ways[:-1])} or {ways[-1]}; by default the weights' own way"),
        "fill": Choice(None, "the grey of a letterbox's bars, 0 to 255"),
        "interpolation": Choice(None, "bilinear or bicubic"),
        "antialias": Choice(None, "whether what shrinks is smoothed"),
    }
    if cut:
        options["shorter"] = Choice(None, f"pixels of the shorter side before a {cut[0]}")
    if "scale" in cut:
        options["longer"] = Choice(None, "the most pixels of a scaled image's longer side")
    if normalized:
        options["mean"] = Choice(None, "taken from values of 0 to 1, by channel")
        options["std"] = Choice(None, "what they are divided by then")
    return options
