"""Which differences between two records invalidate which metrics.

A metric is comparable if only the compared setting can explain a difference. Another GPU invalidates speed
and memory, not accuracy; other images invalidate accuracy, not speed; another protocol invalidates the
metrics measured by it. Weights, precision, layout and package versions are what users compare: they
invalidate nothing, and are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from cvbench.record import Measurement, Passport, Record
from cvbench.runner.environment.software import PACKAGES
from cvbench.spec.catalogue import METRICS

Domain: TypeAlias = Literal["accuracy", "speed", "memory"]
MACHINE: tuple[Domain, ...] = ("speed", "memory")
SOFTWARE = frozenset({"cvbench", "python", "torch_git", "torch_cuda", *PACKAGES})
"""Entries of the hard environment that users compare; all others describe the machine."""


class Unlike(NamedTuple):
    """One difference between two records."""

    what: str
    a: str
    b: str
    voids: tuple[Domain, ...] = ()
    """Domains whose metrics it invalidates; empty: it is only listed, as a possible cause."""

    def __str__(self) -> str:
        return f"{self.what}: {self.a} → {self.b}"


def domain_of(figure: Measurement) -> Domain:
    """The domain of a metric, by its unit."""
    if figure.unit == "bytes":
        return "memory"
    return "accuracy" if figure.unit in ("fraction", "nats") or figure.parts else "speed"


def unlike(a: Record, b: Record) -> list[Unlike]:
    """All differences, invalidating ones first."""
    found = [*_environment(a, b), *_data(a, b), *_artifact(a, b), *_cell(a, b)]
    return sorted(found, key=lambda one: not one.voids)


def _environment(a: Record, b: Record) -> Iterator[Unlike]:
    for name, x, y in _entries(a.environment.hard, b.environment.hard):
        known = name in a.environment.hard and name in b.environment.hard
        # An entry that an earlier version did not record may be equal.
        yield Unlike(name, x, y, MACHINE if known and name not in SOFTWARE else ())
    for name, x, y in _entries(a.environment.soft, b.environment.soft):
        yield Unlike(name, x, y)


def _data(a: Record, b: Record) -> Iterator[Unlike]:
    """Other images invalidate accuracy, unless they are parts of one dataset: see `pairing`."""
    x, y = a.passports.get(a.cell.data.split), b.passports.get(b.cell.data.split)
    if x is None or y is None or x.sha256 == y.sha256:
        return
    parts = a.cell.data.split != b.cell.data.split or x.images != y.images
    same_source = x.name == y.name and x.classes == y.classes and parts
    yield Unlike("data", _passport(x), _passport(y), () if same_source else ("accuracy",))


def _artifact(a: Record, b: Record) -> Iterator[Unlike]:
    x, y = a.artifact, b.artifact
    if x is None or y is None:
        return
    if x.sha256 != y.sha256:
        yield Unlike("weights", f"{x.source} {x.sha256[:12]}", f"{y.source} {y.sha256[:12]}")
    for name in ("parameters", "macs", "input"):
        if getattr(x, name) != getattr(y, name):
            yield Unlike(name, str(getattr(x, name)), str(getattr(y, name)))
    for name, mine, other in _entries(x.preprocessing, y.preprocessing):
        yield Unlike(f"preprocessing.{name}", mine, other)


def _cell(a: Record, b: Record) -> Iterator[Unlike]:
    if a.key == b.key:
        return
    no_part = {"data": {"root", "workers"}, "model": {"title"}}  # of the experiment
    x, y = (record.cell.model_dump(mode="json", exclude=no_part) for record in (a, b))
    for name, mine, other in _entries(_flat(x), _flat(y)):
        yield Unlike(name, mine, other)


def _entries(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if a == b:
        return
    for name in dict.fromkeys([*a, *b]):
        if a.get(name) != b.get(name):
            yield name, str(a.get(name)), str(b.get(name))


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _passport(passport: Passport) -> str:
    return f"{passport.name} {passport.split}, {passport.images} images, {passport.sha256[:12]}"


_OF_METRICS = frozenset(card.figures[0] for card in METRICS.values())
_OF_MACHINES = frozenset({"throughput", "peak_memory"})


def is_primary(figure: Measurement) -> bool:
    """Whether it is the first value of a metric, a median timing, throughput, or peak memory."""
    return figure.name in _OF_METRICS | _OF_MACHINES or figure.name.endswith("_p50")
