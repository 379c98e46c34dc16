"""What a gate asks, one question an item, and the exit code that all answers come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias


class Answer(Enum):
    """How an item ends; the value is the word for it."""

    PASS = "pass"  # noqa: S105, a word and no password
    REGRESSION = "regression"
    FAILED = "failed"
    """The cell itself: it did not finish, or is not there."""
    INCONCLUSIVE = "inconclusive"
    INCOMPARABLE = "not comparable"


OnInconclusive: TypeAlias = Literal["pass", "fail"]
_ORDER = (
    (Answer.FAILED, 3),
    (Answer.REGRESSION, 1),
    (Answer.INCOMPARABLE, 5),
    (Answer.INCONCLUSIVE, 4),
)


@dataclass(frozen=True)
class Item:
    """One question and its answer."""

    cell: str
    about: str
    """A figure, `outcome`, or `expect`."""
    answer: Answer
    message: str

    @property
    def name(self) -> str:
        """Names it in lists: `resnet18: top1`."""
        return f"{self.cell}: {self.about}"


def exit_code(items: Iterable[Item], on_inconclusive: OnInconclusive | None = None) -> int:
    """0 all passed, 3 a cell failed, 1 a regression or a missed floor, 5 not comparable, 4 inconclusive.

    The gravest counts. `on_inconclusive` makes 4 a pass, or a regression.
    """
    answers = {item.answer for item in items}
    for answer, code in _ORDER:
        if answer in answers:
            if answer is Answer.INCONCLUSIVE and on_inconclusive is not None:
                return 0 if on_inconclusive == "pass" else 1
            return code
    return 0


def counted(items: Sequence[Item]) -> str:
    """`12 pass, 1 regression`."""
    answers = [item.answer for item in items]
    return ", ".join(f"{answers.count(a)} {a.value}" for a in Answer if a in answers) or "nothing to check"
