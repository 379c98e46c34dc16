"""What a suite expects of its results, with every override applied: floors, and published values.

A suite resolves them when it is loaded; `run.json` stores them; `cvbench.compare.gate.floors` judges them.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from cvbench.spec.canonical import Frozen
from cvbench.spec.cell import Fraction


class Published(Frozen):
    """A figure that others found with these weights on this data."""

    value: Fraction
    within: Fraction
    """How far from it ours may be, up or down."""


class Expectations(Frozen):
    """The floors of a suite's models and the published values of its cells."""

    expect: Mapping[str, Mapping[str, Fraction]] = Field(default_factory=dict)
    """Model → metric → the least value that passes."""
    published: Mapping[str, Mapping[str, Published]] = Field(default_factory=dict)
    """Cell key → metric → the published value; cells limited to some of the images have other keys."""
