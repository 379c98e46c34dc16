"""A duet's verdicts as rows, as items of a gate, and in one line."""

from __future__ import annotations

from cvbench.compare.gate.result import Answer, Item
from cvbench.runner.ab.verdicts import Outcome, Verdicts, blurred
from cvbench.statistics.verdicts import Verdict

_ANSWERS: dict[Verdict, Answer] = {
    "worse": Answer.REGRESSION,
    "better": Answer.PASS,
    "same": Answer.PASS,
    "inconclusive": Answer.INCONCLUSIVE,
    "not comparable": Answer.INCOMPARABLE,
}


def items(verdicts: Verdicts) -> list[Item]:
    """An item a benchmark."""
    return [Item(o.name, "time", _ANSWERS[o.verdict], told(o)) for o in verdicts.outcomes]


def told(outcome: Outcome) -> str:
    """`+5.2 % (+3.1 % … +7.3 %), 9 rounds; it would have seen 4.4 %`."""
    if outcome.ratio is None or outcome.interval is None or outcome.detectable is None:
        return outcome.reason
    ends = " … ".join(_percent(end) for end in outcome.interval)
    seen = f"; it would have seen {100 * (outcome.detectable - 1):.1f} %"
    if outcome.reason == blurred(outcome.detectable):
        seen = ""  # the reason says it
    why = f" - {outcome.reason}" if outcome.reason else ""
    return f"{_percent(outcome.ratio)} ({ends}), {outcome.rounds} rounds{seen}{why}"


def rows(verdicts: Verdicts) -> list[dict[str, str]]:
    """A row a benchmark, the null control last."""
    known = [*verdicts.outcomes, *([verdicts.null] if verdicts.null else [])]
    return [
        {
            "benchmark": o.name + (" (null control)" if o is verdicts.null else ""),
            "verdict": o.verdict,
            "stage": str(o.stage),
            "time": told(o),
        }
        for o in known
    ]


def summary(verdicts: Verdicts) -> str:
    """`1 worse, 3 same`."""
    words = [o.verdict for o in verdicts.outcomes]
    return ", ".join(f"{words.count(word)} {word}" for word in _ANSWERS if word in words)


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
