"""The errors a user can cause or fix, and how messages are formatted.

    CvbenchError                 shown without a traceback; ends the command with its exit code
    ├── SuiteError               problems in a suite file or an override, reported together
    ├── UnknownName              no such model, dataset, metric, run …, with the nearest name
    ├── DataError                a dataset that is missing, incomplete or corrupt
    ├── InputError               an invalid input file of a command (predictions, truth)
    ├── StoreError               results that cannot be read or written
    │   └── RunInUse             another process is writing this results folder
    └── CellError                raised in a worker; becomes the reason in the cell's record
        └── Diverged             the loss became NaN or infinite, with the step

A programming error is a ValueError or a TypeError and keeps its traceback.
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
    """A user error or a failure of the environment: one clear message, no traceback."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True)
class Problem:
    """One problem: where it is, what is wrong, and what to do about it."""

    place: str
    """File and position, such as ``suites/detection.yaml: models[1]``."""
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" + (f"\n  {self.remedy}" if self.remedy else "")


MOST_PROBLEMS: Final = 50
"""Problems that one message lists; it gives the number of the rest."""


class SuiteError(CvbenchError):
    """Every problem found in a suite, reported together."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - MOST_PROBLEMS
        lines = [
            *map(str, self.problems[:MOST_PROBLEMS]),
            *([f"… and {more:,} more problems"] if more > 0 else []),
        ]
        super().__init__("\n".join(lines))


class UnknownName(CvbenchError):
    """A name that is in no catalogue and no folder."""


class DataError(CvbenchError):
    """A dataset that is missing, incomplete or corrupt."""


class InputError(CvbenchError):
    """An invalid input file of a command."""


class StoreError(CvbenchError):
    """Results that cannot be read or written."""


class RunInUse(StoreError):
    """Another process is writing this results folder."""


class CellError(CvbenchError):
    """A cell that cannot run; the message becomes the reason in its record."""

    exit_code: ClassVar[int] = 3


class Diverged(CellError):
    """The training loss became NaN or infinite."""


_REFUSALS: Final = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.EFBIG,
        errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ESTALE, errno.ENODEV, errno.ENXIO,
        errno.ENAMETOOLONG,
    }
)  # fmt: skip


def is_refusal(error: OSError) -> bool:
    """Whether the operating system refused: full or read-only disk, missing permission, resource limit."""
    return error.errno in _REFUSALS


def refusal(error: OSError) -> str:
    """The message for an error of `is_refusal`, with the file's name where it is known."""
    name = "standard output or a file" if error.filename is None else error.filename
    name = name.decode(errors="replace") if isinstance(name, bytes) else name
    return (
        f"{name}: cannot be read or written ({error.strerror or error}).\n"
        "  Finished results are safe. Free disk space or change the permissions, then run the command again."
    )


def cut(text: str, most: int) -> str:
    r"""The text as valid UTF-8, at most about `most` characters: the middle of a longer text is removed.

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
    r"""The text as valid UTF-8: bytes of a file name that are not UTF-8 become escapes.

    >>> writable("caf\udce9.png")
    'caf\\udce9.png'
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, bidirectional marks, and surrogates."""


def printable(text: str, *, lines: bool = False) -> str:
    r"""The text with control characters as escapes, so that no name can control a terminal.

    All output goes through this function. With `lines`, line ends and tabs are preserved.

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
    """The value for a CSV cell; text gets a quote in front where a spreadsheet would read a formula.

    >>> inert("=1+1"), inert("resnet18"), inert(-1.0)
    ("'=1+1", 'resnet18', -1.0)
    """
    if not isinstance(value, str):
        return value
    text = printable(value, lines=True)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


class Trusted(str):
    """Text with intended control characters, built from filtered parts: it is written unchanged."""

    __slots__ = ()


def suggestion(name: str, known: Iterable[str], *, listing: str = "") -> str:
    """The remedy for an unknown name: the nearest known names, and the command that lists all.

    >>> suggestion("yolo_v33", ["yolo_v3", "unet"], listing="cvbench list models")
    'Did you mean yolo_v3?   See all: cvbench list models'
    """
    near = get_close_matches(name, list(known), n=2, cutoff=0.6)
    asked = f"Did you mean {' or '.join(near)}?" if near else ""
    seen = f"See all: {listing}" if listing else ""
    return "   ".join(part for part in (asked, seen) if part)


def shown(value: Any) -> str:
    """The value as written in a suite (JSON), cut to 60 characters.

    >>> shown("ten"), shown([1, True]), shown(2.0)
    ('"ten"', '[1, true]', '2')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
