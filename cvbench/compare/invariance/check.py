"""Compare the predictions of variants with their reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from cvbench.compare.invariance.distance import Distance, Table, distances
from cvbench.compare.invariance.variants import PREDICTIONS, Factor, Variant
from cvbench.record import Record
from cvbench.store import Run

Verdict: TypeAlias = Literal["identical", "agrees", "differs", "not run"]

ROUNDING: Final = 1e-3
"""Tolerance of a score, or a fraction of pixels, for a changed order of summation."""

REDUCED: Final[Mapping[Factor, float]] = {"precision": 5e-2}
"""Tolerance for numbers with 8 to 11 bits."""


@dataclass(frozen=True)
class VariantResult:
    """The result of one variant."""

    model: str
    setting: str
    verdict: Verdict
    tolerance: float
    reason: str | None = None
    """Why it was not run."""
    images: int = 0
    differing: int = 0
    """Images whose predictions differ from the reference by more than the tolerance."""
    flipped: int = 0
    """Images with another prediction, at any difference."""
    first: Distance | None = None
    """The first image that differs."""
    worst: Distance | None = None
    """The image that differs most, possibly within the tolerance."""
    figures: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Metrics that differ → values of the reference and the variant."""


def check(variants: Sequence[Variant], records: Sequence[Record], run: Run) -> list[VariantResult]:
    """One finding per variant, in order; raises StoreError for predictions that cannot be read."""
    by_key = {record.key: record for record in records}
    return [_finding(one, by_key[one.reference.key], by_key[one.cell.key], run) for one in variants]


def _finding(variant: Variant, reference: Record, record: Record, run: Run) -> VariantResult:
    tolerance = REDUCED.get(variant.factor, ROUNDING)
    title = variant.reference.title
    for one in (reference, record):
        if one.outcome != "ok":
            return VariantResult(
                title, variant.setting, "not run", tolerance, reason=f"{one.outcome}: {one.reason}"
            )
    apart = distances(_predictions(reference, run), _predictions(record, run))
    differing = [one for one in apart if one.amount > tolerance]
    worst = max(apart, key=lambda one: one.amount)
    figures = _other_figures(reference, record)
    verdict: Verdict = "agrees"
    if differing:
        verdict = "differs"
    elif worst.amount == 0 and not figures:
        verdict = "identical"
    return VariantResult(
        title,
        variant.setting,
        verdict,
        tolerance,
        images=len(apart),
        differing=len(differing),
        flipped=sum(one.flipped for one in apart),
        first=differing[0] if differing else None,
        worst=worst if worst.amount > 0 else None,
        figures=figures,
    )


def _other_figures(reference: Record, record: Record) -> dict[str, tuple[float, float]]:
    others: dict[str, tuple[float, float]] = {}
    for ours in reference.measurements:
        theirs = record.measurement(ours.name, ours.at)
        if ours.unit != "fraction" or ours.value is None or theirs is None or theirs.value is None:
            continue
        if ours.value != theirs.value:
            others[ours.name] = (ours.value, theirs.value)
    return others


def _predictions(record: Record, run: Run) -> Table:
    [kept] = [one for one in record.attachments if one.kind == "outcomes" and one.name == PREDICTIONS]
    columns: dict[str, list[object]] = run.table(record, kept).to_pydict()
    return columns
