"""Expected results of a suite, with all overrides applied: floors and published values.

They are resolved when a suite is loaded, stored in `run.json`, and checked by `cvbench.compare.gate.floors`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from cvbench.spec.canonical import Frozen
from cvbench.spec.cell import Fraction


class Published(Frozen):
    """A published value of a metric, for these weights on this data."""

    value: Fraction
    within: Fraction
    """Tolerance in both directions."""


class Expectations(Frozen):
    """The floors of a suite's models and the published values of its cells."""

    expect: Mapping[str, Mapping[str, Fraction]] = Field(default_factory=dict)
    """Model → metric → the lowest value that passes."""
    published: Mapping[str, Mapping[str, Published]] = Field(default_factory=dict)
    """Cell key → metric → the published value. Cells with `limit` have other keys, and none of these."""
