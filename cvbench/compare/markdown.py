"""Markdown tables, and text in which nothing from files is read as markup."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import Final

from cvbench.errors import printable

_HARMLESS: Final = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"} | {c: f"\\{c}" for c in "|\\`*[]~"})
_LINE_ENDS: Final = re.compile(r"[\r\n]")
_AT_A_WORDS_END: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


class Markup(str):
    """Text that is already Markdown: tables do not escape it."""

    __slots__ = ()


def escaped(text: str) -> str:
    r"""Text on one line that Markdown and HTML show as it is.

    An underscore inside a word is not markup and stays.

    >>> print(escaped("<b> top_1 | _x_ [1, 2]"))
    &lt;b&gt; top_1 \| \_x\_ \[1, 2\]
    """
    return _AT_A_WORDS_END.sub(r"\\_", printable(_LINE_ENDS.sub(" ", text)).translate(_HARMLESS))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Container[str] = ()) -> str:
    r"""A table, its cells escaped; the columns named in `right` are aligned right.

    >>> print(table(("model", "top1"), [("a|b", "0.5")], right={"top1"}), end="")
    | model | top1 |
    |---|---:|
    | a\|b | 0.5 |
    """
    first, *others = (f"| {' | '.join(map(_cell, row))} |\n" for row in (head, *rows))
    rule = "".join("---:|" if name in right else "---|" for name in head)
    return "".join((first, f"|{rule}\n", *others))


def table_of(rows: Sequence[Mapping[str, str]]) -> str:
    """A table of rows with equal keys, which are its head."""
    if not rows:
        return "(nothing)\n"
    head = list(rows[0])
    return table(head, [[row[name] for name in head] for row in rows])


def _cell(text: str) -> str:
    return text if isinstance(text, Markup) else escaped(text)
