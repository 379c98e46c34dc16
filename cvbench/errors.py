"""What can go wrong on the user's side, and how it is said.

    CvbenchError                 shown without a traceback; ends the command with its exit code
    ├── SuiteError               a suite file or an override: every problem at once
    ├── UnknownName              no such model, dataset, metric, run …, with the nearest name
    ├── DataError                a data set that is absent, incomplete or cannot be decoded
    ├── InputError               a file handed to a command (predictions, truth) that is not sound
    ├── StoreError               results that cannot be read or written
    │   └── RunInUse             another process is writing this results folder
    └── CellError                raised in a worker; becomes the reason in the cell's record
        └── Diverged             a loss that is no longer a number, with the step

A programmer's mistake is a ValueError or a TypeError and keeps its traceback.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar, Final


class CvbenchError(Exception):
    """A user's mistake or a failing surrounding: one clear message, no traceback."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it stands, what it is, and what to do about it."""

    place: str
    """A path a reader can follow, such as ``suites/detection.yaml: models[1]``."""
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" + (f"\n  {self.remedy}" if self.remedy else "")


MOST_PROBLEMS: Final = 50
"""Of a suite, in one message; how many more there are is told by their number."""


class SuiteError(CvbenchError):
    """Every problem found in a suite, reported together."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - MOST_PROBLEMS
        told = [
            *map(str, self.problems[:MOST_PROBLEMS]),
            *([f"… and {more:,} more problems"] if more > 0 else []),
        ]
        super().__init__("\n".join(told))


class UnknownName(CvbenchError):
    """A name that no catalogue or folder holds."""


class DataError(CvbenchError):
    """A data set that is absent, incomplete or holds something that cannot be decoded."""


class InputError(CvbenchError):
    """A file handed to a command that is not what the command needs."""


class StoreError(CvbenchError):
    """Results that cannot be read or written."""


class RunInUse(StoreError):
    """Another process is writing this results folder."""


class CellError(CvbenchError):
    """A cell that cannot be carried out; the message becomes its record's reason."""

    exit_code: ClassVar[int] = 3


class Diverged(CellError):
    """A training loss that is not a number any more."""


_REFUSALS: Final = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.EFBIG,
        errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ESTALE, errno.ENODEV, errno.ENXIO,
        errno.ENAMETOOLONG,
    }
)  # fmt: skip


def is_refusal(error: OSError) -> bool:
    """Whether the system refused: a disk that is full or read-only, a permission, a limit."""
    return error.errno in _REFUSALS


def refusal(error: OSError) -> str:
    """What the system refused, with the file's name where it is known."""
    name = "standard output, or a file" if error.filename is None else error.filename
    name = name.decode(errors="replace") if isinstance(name, bytes) else name
    return (
        f"{name}: cannot be read or written ({error.strerror or error}).\n"
        "  What was finished before is safe. Make room or change the permissions, then run the command again."
    )


def cut(text: str, most: int) -> str:
    r"""A text as any output and any record can hold it: its start and its end where it is long.

    >>> cut("abcdefghij" * 10, 40)
    'abcdefgh… (84 characters cut) …cdefghij'
    >>> cut("caf\udce9", 40)
    'caf\\udce9'
    """
    part = max(4, (most - 24) // 2)
    if len(text) > most:
        text = f"{text[:part]}… ({len(text) - 2 * part} characters cut) …{text[-part:]}"
    return writable(text)


def writable(text: str) -> str:
    r"""A text that UTF-8 can hold: bytes of a file name that are no UTF-8 are written as escapes.

    >>> writable("caf\udce9.png")
    'caf\\udce9.png'
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of text, and what is no character."""


def printable(text: str, *, lines: bool = False) -> str:
    r"""Text in which characters that are not seen, but act, are shown as escapes: no name steers a terminal.

    Every output goes through this. Line ends and tabs stay in a text of several `lines`, not in a name.

    >>> print(printable("a\x1b[31m\nb"))
    a\u001b[31m\nb
    >>> print(printable("a\x1b[31m\nb", lines=True))
    a\u001b[31m
    b
    """
    if _UNSEEN.search(text) is None:
        return text
    return _UNSEEN.sub(lambda found: _shown_escape(found[0], lines=lines), text)


def _shown_escape(character: str, *, lines: bool) -> str:
    if character in "\n\t":
        return character if lines else {"\n": "\\n", "\t": " "}[character]
    return f"\\u{ord(character):04x}"


def inert(value: Any) -> Any:
    """A value for a spreadsheet: text there is never a formula.

    >>> inert("=1+1"), inert("resnet18"), inert(-1.0)
    ("'=1+1", 'resnet18', -1.0)
    """
    if not isinstance(value, str):
        return value
    text = printable(value, lines=True)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


class Trusted(str):
    """Text that is to steer something and was made for it of filtered parts: it is written as it is."""

    __slots__ = ()


def suggestion(name: str, known: Iterable[str], *, listing: str = "") -> str:
    """What to say behind an unknown name: the nearest known ones, and where all stand.

    >>> suggestion("yolo_v33", ["yolo_v3", "unet"], listing="cvbench list models")
    'Did you mean yolo_v3?   See all: cvbench list models'
    """
    near = get_close_matches(name, list(known), n=2, cutoff=0.6)
    asked = f"Did you mean {' or '.join(near)}?" if near else ""
    seen = f"See all: {listing}" if listing else ""
    return "   ".join(part for part in (asked, seen) if part)


def shown(value: Any) -> str:
    """A value as it would stand in a suite, cut where it is long.

    >>> shown("ten"), shown([1, True]), shown(2.0)
    ('"ten"', '[1, true]', '2')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
