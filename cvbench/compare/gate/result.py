"""The items of a gate, one check each, and the exit code that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias


class Answer(Enum):
    """The result of an item; the value is its name in messages."""

    PASS = "pass"  # noqa: S105, a word, not a password
    REGRESSION = "regression"
    FAILED = "failed"
    """The cell did not finish or is missing."""
    INCONCLUSIVE = "inconclusive"
    INCOMPARABLE = "not comparable"
    NOT_JUDGED = "not judged"
    """Listed with the reason; it never decides."""


OnInconclusive: TypeAlias = Literal["pass", "fail"]
_ORDER = (
    (Answer.FAILED, 3),
    (Answer.REGRESSION, 1),
    (Answer.INCOMPARABLE, 5),
    (Answer.INCONCLUSIVE, 4),
)


@dataclass(frozen=True)
class Item:
    """One check and its result."""

    cell: str
    about: str
    """A metric, `outcome`, or `expect`."""
    answer: Answer
    message: str

    @property
    def name(self) -> str:
        """Its name in lists: `resnet18: top1`."""
        return f"{self.cell}: {self.about}"


def exit_code(items: Iterable[Item], on_inconclusive: OnInconclusive | None = None) -> int:
    """0 all passed, 3 a cell failed, 1 a regression or a missed floor, 5 not comparable, 4 inconclusive.

    The most severe counts; items that are not judged do not. `on_inconclusive` turns 4 into 0 or 1.
    """
    answers = {item.answer for item in items}
    for answer, code in _ORDER:
        if answer in answers:
            if answer is Answer.INCONCLUSIVE and on_inconclusive is not None:
                return 0 if on_inconclusive == "pass" else 1
            return code
    return 0


def remedy(items: Iterable[Item]) -> str:
    """What to do about inconclusive items; empty if there are none."""
    metrics = dict.fromkeys(item.about for item in items if item.answer is Answer.INCONCLUSIVE)
    if not metrics:
        return ""
    return (
        f"inconclusive: {len(metrics)} metric{'s' if len(metrics) > 1 else ''} cannot be decided by these "
        "measurements, so the exit code is 4.\n"
        "  --on-inconclusive pass (or fail) decides what they mean, --metrics 'top1' selects the metrics to "
        "check,\n  and more processes in the suite (time: {rounds: 10}) make timings more certain."
    )


def counted(items: Sequence[Item]) -> str:
    """`12 pass, 1 regression`."""
    answers = [item.answer for item in items]
    return ", ".join(f"{answers.count(a)} {a.value}" for a in Answer if a in answers) or "nothing to check"
