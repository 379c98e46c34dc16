"""Compare trainings that differ only in their seed, over all seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

import numpy as np

from cvbench.compare.accuracy import loss_of
from cvbench.compare.differences import Difference, Finding, judge
from cvbench.record import Record
from cvbench.spec.titles import distinct_titles
from cvbench.statistics.mean_effects import of_pairs
from cvbench.statistics.verdicts import ALPHA


@dataclass(frozen=True)
class OverSeeds:
    """One cell with all its trainings."""

    title: str
    data: str
    seeds: tuple[int, ...]
    differences: tuple[Difference, ...]
    """Accuracy differences; each is the mean over the seeds."""
    keys: tuple[str, ...] = ()
    """Keys of the first run's cells."""
    deviations: tuple[tuple[float, float], ...] = ()
    """Standard deviations over the seeds per difference, in both runs."""


def seeds_together(records: Sequence[Record]) -> list[list[int]]:
    """Groups of indices of the records that differ only in the seed, in order."""
    if len({record.cell.seed for record in records}) == 1:
        return [[place] for place in range(len(records))]
    groups: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        groups.setdefault(record.cell.model_copy(update={"seed": 0}).key, []).append(place)
    return list(groups.values())


def titles(records: Sequence[Record], *, shown: Collection[str] = ()) -> list[str]:
    """A distinct title per cell, as in `distinct_titles`; untrained models are marked."""
    named = distinct_titles([record.cell for record in records], shown=shown)
    return [
        f"{title} (untrained)" if is_untrained(one) else title
        for title, one in zip(named, records, strict=True)
    ]


def is_untrained(record: Record) -> bool:
    """Whether its weights are random: its accuracy is meaningless."""
    return record.artifact is not None and record.artifact.source == "untrained"


def was_trained(record: Record) -> bool:
    """Whether its weights depend on the seed."""
    return record.artifact is not None and record.artifact.source in ("trained", "reused")


def over_seeds(
    pairs: Sequence[tuple[Record, Record]], found: Sequence[Sequence[Finding]]
) -> Iterator[OverSeeds]:
    """One item per cell trained with several seeds in both runs; `found` has the findings per pair."""
    groups = [
        places
        for places in seeds_together([a for a, _ in pairs])
        if len(places) > 1 and all(map(was_trained, (record for place in places for record in pairs[place])))
    ]
    taken = [list(_taken_together([found[place] for place in places])) for places in groups]
    judged = iter(judge([finding for of_cell in taken for finding in of_cell]))
    for places, of_cell in zip(groups, taken, strict=True):
        cells = [pairs[place][0].cell for place in places]
        ends = dict.fromkeys(record.cell.title for record in pairs[places[0]])  # two models of one run differ
        yield OverSeeds(
            title=" → ".join(ends),
            data=cells[0].data.name,
            seeds=tuple(cell.seed for cell in cells),
            differences=tuple(next(judged) for _ in of_cell),
            keys=tuple(cell.key for cell in cells),
            deviations=tuple(_deviations([found[place] for place in places], one.draft) for one in of_cell),
        )


def _deviations(found: Sequence[Sequence[Finding]], draft: Difference) -> tuple[float, float]:
    drafts = [
        f.draft for seed in found for f in seed if (f.draft.figure, f.draft.at) == (draft.figure, draft.at)
    ]
    return stdev(d.a for d in drafts if d.a is not None), stdev(d.b for d in drafts if d.b is not None)


def _taken_together(found: Sequence[Sequence[Finding]]) -> Iterator[Finding]:
    first, *others = ({(f.draft.figure, f.draft.at): f for f in of_seed} for of_seed in found)
    for key, finding in first.items():
        several = [finding, *(of_seed[key] for of_seed in others if key in of_seed)]
        if len(several) == len(found) and all(f.draft.domain == "accuracy" and f.loss for f in several):
            yield taken_together(several)


def taken_together(found: Sequence[Finding]) -> Finding:
    """Combine the findings of one metric over the seeds: Student's t on the paired differences."""
    drafts, rule = [finding.draft for finding in found], found[0].rule
    assert rule is not None
    effect = of_pairs(np.array([draft.effect for draft in drafts], np.float64))
    draft = replace(
        drafts[0],
        a=fmean(draft.a for draft in drafts if draft.a is not None),
        b=fmean(draft.b for draft in drafts if draft.b is not None),
        effect=effect.estimate,
        interval=effect.limits(ALPHA),
        detectable=effect.detectable(alpha=ALPHA, margin=rule.margin),
        n=len(found),
        method=f"{len(found)} seeds in pairs: Student's t on the differences",
        reason="",
        classes=(),
    )
    return Finding(draft, loss_of(effect, draft.direction, rule), rule)
