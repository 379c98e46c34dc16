"""The results of a comparison: one Difference per metric value, from the Findings of its family."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from cvbench.compare.comparability import Domain, is_primary
from cvbench.record import Measurement
from cvbench.statistics.distributions import Interval
from cvbench.statistics.verdicts import Verdict, VerdictRule, Worsening, decide, holm, is_no_worse


@dataclass(frozen=True)
class ClassDifference:
    """The difference of a metric within one class: information, not part of the verdict."""

    name: str
    effect: float
    q: float
    """Its p-value, adjusted for all classes (Benjamini and Hochberg)."""


@dataclass(frozen=True)
class Difference:
    """One metric value of one cell in two runs."""

    figure: str
    at: str
    domain: Domain
    unit: str
    direction: str
    a: float | None
    b: float | None
    scale: Literal["difference", "ratio"]
    """Whether `effect` is b - a, or b / a - 1."""
    effect: float | None
    interval: Interval | None
    """99 %: the truth exceeds each end with a probability of 0.5 %."""
    verdict: Verdict
    no_worse: bool
    """Whether a relevant loss is ruled out, which is the condition of a gate."""
    detectable: float | None
    """Minimum detectable effect: the smallest loss detected in 95 of 100 cases, scaled as `effect`."""
    p: float | None
    """p-value of the verdict, adjusted for the number of cells."""
    n: int | None
    method: str
    primary: bool
    reason: str = ""
    """Why there is no verdict, or a remark on it."""
    classes: tuple[ClassDifference, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A difference before its p-value is adjusted for its family."""

    draft: Difference
    loss: Worsening | None = None
    rule: VerdictRule | None = None


def plain(a: Measurement | None, b: Measurement | None, domain: Domain) -> Difference:
    """The plain difference of two values, without test and verdict."""
    known = a or b
    assert known is not None
    x, y = (None if m is None else m.value for m in (a, b))
    return Difference(
        figure=known.name,
        at=known.at,
        domain=domain,
        unit=known.unit,
        direction=known.direction,
        a=x,
        b=y,
        scale="difference" if domain == "accuracy" else "ratio",
        effect=_effect(x, y, ratio=domain != "accuracy"),
        interval=None,
        verdict="inconclusive",
        no_worse=False,
        detectable=None,
        p=None,
        n=None,
        method="",
        primary=is_primary(known),
    )


def _effect(a: float | None, b: float | None, *, ratio: bool) -> float | None:
    if a is None or b is None or (ratio and a == 0):
        return None
    return b / a - 1 if ratio else b - a


def judge(findings: list[Finding]) -> list[Difference]:
    """The verdicts. Holm's adjustment covers all cells of a metric name."""
    families: dict[str, list[int]] = {}
    for place, finding in enumerate(findings):
        if finding.loss is not None:
            families.setdefault(finding.draft.figure, []).append(place)
    judged = [finding.draft for finding in findings]
    for members in families.values():
        losses = [loss for place in members if (loss := findings[place].loss)]
        worse, better = holm([x.p_worse for x in losses]), holm([x.p_better for x in losses])
        for place, loss, p_worse, p_better in zip(members, losses, worse, better, strict=True):
            rule = findings[place].rule
            assert rule is not None
            adjusted = loss._replace(p_worse=float(p_worse), p_better=float(p_better))
            judged[place] = replace(
                judged[place],
                verdict=decide(adjusted, rule),
                no_worse=is_no_worse(adjusted, rule),
                p=float(min(p_worse, p_better)),
            )
    return judged
