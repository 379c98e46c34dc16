"""Cards, and how names are resolved to objects.

A Card describes an object without importing it. Only `Catalogue.load` imports, and only the Card's module.
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
    """An option of a model or dataset: its default and a description."""

    default: Option | None
    help: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """The description of a model, dataset or metric."""

    name: str
    address: str
    """Import path ``module:object``, imported on use."""
    summary: str
    """One line for `cvbench list`."""
    aliases: tuple[str, ...] = ()
    """Alternative names, such as a name of an earlier release."""
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
    """Channels, height and width in the paper, or of the reference weights."""
    parameters: Mapping[int, int]
    """Number of classes → number of trainable parameters, with default options."""
    macs: int | None = None
    """Multiply-accumulates per image, with the first class count of `parameters` and default options, as
    cvbench counts them; None if not counted."""
    reference: tuple[str, ...] = ()
    """Published results, each with its protocol."""

    @property
    def usual_classes(self) -> int:
        """The task's usual class count (1000, 80 or 21) if `parameters` has it, else its first."""
        usual = {"classification": 1000, "detection": 80, "segmentation": 21}[self.task]
        return usual if usual in self.parameters else next(iter(self.parameters))


@dataclass(frozen=True, kw_only=True)
class DatasetCard(Card):
    """A dataset. Its object is an opener: `opener(task=, split=, root=, **options) -> Dataset`."""

    tasks: tuple[TaskName, ...]
    classes: int | None
    """None if it depends on the user's files."""
    splits: Mapping[str, int | None]
    """Split → number of images with default options; None if it depends on the user's files."""
    licence: str
    source: str
    needs_root: bool = False
    """Whether the user has to provide the files."""
    notice: str | None = None
    """``package:file`` of the notice that its license requires with every copy of the images."""

    @property
    def told_classes(self) -> str:
        """The number of classes as text."""
        return "your own" if self.classes is None else f"{self.classes}"

    def told_split(self, split: str) -> str:
        """A split and its number of images as text."""
        images = self.splits[split]
        return split if images is None else f"{split} {images:,}"


@dataclass(frozen=True, kw_only=True)
class MetricCard(Card):
    """A metric. Its object is a constructor: `constructor(classes) -> Metric`; classes are names."""

    task: TaskName
    protocol: str
    """Identifier of the exact protocol, as stored in records."""
    compares: Compared
    """What it compares; decides which files `cvbench score` reads."""
    figures: tuple[str, ...]
    """Names of its Measurements, the primary metric first."""
    default: bool = False
    """Whether models of its task use it when a suite names no metrics."""
    key_name: str = ""
    """The name in cells, keys and records if it differs from `name`: see docs/decisions/0010."""

    @property
    def stored_name(self) -> str:
        """The name in cells, the same for all aliases and all releases."""
        return self.key_name or self.name


C = TypeVar("C", bound=Card)


@dataclass(frozen=True)
class Family(Generic[C]):
    """The models of another library, with its name as prefix: ``timm/resnet50``.

    The library is imported only when one of its names is looked up. The object of a family's Card takes the
    member's name as its first argument.
    """

    prefix: str
    names: Callable[[], Sequence[str]]
    """Names of its members, without the prefix."""
    card: Callable[[str], C]
    """The Card of a member."""


class Catalogue(Mapping[str, C], Generic[C]):
    """Cards by name or alias; iterates over the names, in display order.

    Members of families are found by name, but not listed.
    """

    def __init__(self, kind: str, *cards: C, families: Sequence[Family[C]] = ()) -> None:
        self.kind = kind
        self._cards = {card.name: card for card in cards}
        self._aliases = {alias: card.name for card in cards for alias in card.aliases}
        self._found: dict[str, C] = {}
        self.families = {family.prefix: family for family in families}
        if len({*self.spellings}) != sum(1 + len(card.aliases) for card in cards):
            raise ValueError(f"two {kind}s have the same name")

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
        """Whether a name is listed: not an alias, and not a member of a family."""
        return name in self._cards

    @property
    def spellings(self) -> Sequence[str]:
        """All names and aliases, without members of families."""
        return [*self._cards, *self._aliases]

    def find(self, name: str) -> C:
        """The Card of this name; raises UnknownName with the nearest names."""
        if name in self:
            return self[name]
        raise UnknownName(f'there is no {self.kind} "{name}".\n  {self.suggest(name)}'.rstrip())

    def suggest(self, name: str) -> str:
        """The hint for an unknown name."""
        family = self.families.get(name.partition("/")[0])
        known = [f"{family.prefix}/{member}" for member in family.names()] if family else self.spellings
        return suggestion(name, known, listing=f"cvbench list {self.kind}s")

    def load(self, name: str) -> Any:
        """The object of a name of this catalogue, or of the user's import path."""
        if is_address(name):
            return load(name)
        found, (prefix, _, member) = load(self.find(name).address), name.partition("/")
        return partial(found, member) if prefix in self.families else found


def is_address(name: str) -> bool:
    """Whether a name is an import path ``module:object`` outside the catalogues."""
    return _ADDRESS.fullmatch(name) is not None


def load(address: str) -> Any:
    """The object at ``module:object``; raises UnknownName if there is none.

    An import path of the last release is resolved to its new module, with a DeprecationWarning.
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
            raise  # the module exists, but one of its imports does not
        raise UnknownName(
            f'{address}: there is no module "{error.name}".\n'
            "  Install it, or run from the folder that contains it."
        ) from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        near = suggestion(attribute, [n for n in vars(module) if not n.startswith("_")])
        raise UnknownName(f'{address}: {module_name} has no "{attribute}".\n  {near}'.rstrip()) from error


WIDTH = Choice(1.0, "width multiplier: channels of every layer, rounded to a multiple of 8")


def reporting(*, score: float, nms: float) -> dict[str, Choice]:
    """The options of a detector's postprocessing, with these default thresholds."""
    return {
        "score_threshold": Choice(score, "minimum score of reported detections"),
        "nms_threshold": Choice(nms, "IoU threshold of non-maximum suppression, per class"),
        "max_detections": Choice(100, "maximum number of detections per image"),
    }


def preparing(*ways: str, normalized: bool) -> dict[str, Choice]:
    """The preprocessing options of models of other libraries; the defaults come from their weights."""
    cut = [way for way in ways if way in ("crop", "scale")]
    options = {
        "resize": Choice(None, f"{', '.join(ways[:-1])} or {ways[-1]} (default: as the weights expect)"),
        "fill": Choice(None, "gray level of the letterbox padding, 0 to 255"),
        "interpolation": Choice(None, "bilinear or bicubic"),
        "antialias": Choice(None, "whether to use antialiasing when downscaling"),
    }
    if cut:
        options["shorter"] = Choice(None, f"shorter side in pixels after resizing, for {cut[0]}")
    if "scale" in cut:
        options["longer"] = Choice(None, "maximum longer side in pixels, for scale")
    if normalized:
        options["mean"] = Choice(None, "mean per channel, of values from 0 to 1")
        options["std"] = Choice(None, "standard deviation per channel, of values from 0 to 1")
    return options
