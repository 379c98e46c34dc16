"""Tables and paragraphs as text: fitted to a terminal's width, one line per row in a file or pipe."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from cvbench.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

GAP: Final = 2
"""Characters between two columns."""
PROSE: Final = 40
"""A prose column narrower than this many characters is put below its row."""
LONG_HEAD: Final = 0.45
"""First columns that need more than this share of the width have a line of their own."""
COLORS: Final = {
    "worse": "red",
    "regression": "red",
    "failed": "red",
    "better": "green",
    "improvement": "green",
    "inconclusive": "yellow",
    "skipped": "yellow",
    "not comparable": "yellow",
}
"""Cell text → its color; every other cell has none."""


class TextLayout(NamedTuple):
    """Where each column of a table goes."""

    head: str | None
    """The column that has a line of its own above the values of its row."""
    across: list[str]
    """Columns side by side."""
    below: list[str]
    """Columns that are listed below their row, as `name: value`."""
    shared: list[str]
    """Columns with one value in all rows, listed once below the table."""


def print_table(
    rows: Sequence[Mapping[str, str]],
    *,
    console: Console | None = None,
    title: str = "",
    keep: Sequence[str] = (),
    prose: Collection[str] = (),
    right: Collection[str] = (),
) -> None:
    """Print rows with equal keys under a head of the keys; columns that are empty in every row are left out.

    A file or pipe gets one line per row. In a terminal that is too narrow, values that all rows share are
    listed once, below the table; then columns go below their row, the `keep` columns last. A `prose` column
    is wrapped in place or below its row, without its name. Columns in `right` are aligned to the right.
    Prints to `console`, by default to standard output.
    """
    columns = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    if not columns:
        return
    texts = [{printable(name): printable(row[name]) for name in columns} for row in rows]
    columns = list(texts[0])
    if not _is_terminal(console):
        file = sys.stdout if console is None else console.file
        if title:
            file.write(f"\n{title}\n")
        for line in _aligned(columns, [dict(zip(columns, columns, strict=True)), *texts], right):
            file.write(f"{line.rstrip()}\n")
        return
    _draw(texts, console or _console(), title=title, keep=keep, prose=prose, right=right)


def print_text(text: str, *, indent: str = "", hang: str = "  ", console: Console | None = None) -> None:
    """Print one paragraph: wrapped between words in a terminal, lines after the first indented by `hang`."""
    if not _is_terminal(console):
        (sys.stdout if console is None else console.file).write(f"{indent}{printable(text)}\n")
        return
    console = console or _console()
    for line in wrapped(printable(text), console.width, indent=indent, hang=indent + hang):
        console.print(line, markup=False, soft_wrap=True)


def wrapped(text: str, width: int, *, indent: str = "", hang: str = "") -> list[str]:
    """Lines of at most `width` characters, broken between words only: paths and ids stay whole."""
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=hang, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def layout(
    rows: Sequence[Mapping[str, str]], width: int, *, keep: Sequence[str] = (), prose: Collection[str] = ()
) -> TextLayout:
    """Where each column goes so that no line is longer than `width`."""
    columns = list(rows[0])
    widths = _widths(columns, rows)
    if _total(columns, widths) <= width:
        return TextLayout(None, columns, [], [])
    first = columns[0]
    shared = [
        name for name in columns[1:]
        if name not in keep and name not in prose and len(rows) > 2 and len({row[name] for row in rows}) == 1
    ]  # fmt: skip
    columns = [name for name in columns if name not in shared]
    if _total(columns, widths) <= width:
        return TextLayout(None, columns, [], shared)
    plain = [name for name in columns if name not in prose]
    if len(columns) == len(plain) + 1 and _total(plain, widths) + GAP + PROSE <= width:
        return TextLayout(None, [*plain, *(name for name in columns if name in prose)], [], shared)
    long = widths[first] > LONG_HEAD * width and _total(plain, widths) > width
    chosen: list[str] = [] if long else [first]
    for name in dict.fromkeys((*keep, *plain)):
        if name in plain and name != first and _total([*chosen, name], widths) <= width - GAP * long:
            chosen.append(name)
    across = [name for name in plain if name in chosen]
    below = [name for name in columns if name not in chosen and not (long and name == first)]
    return TextLayout(first if long else None, across, below, shared)


def _draw(
    rows: Sequence[Mapping[str, str]],
    console: Console,
    *,
    title: str,
    keep: Sequence[str],
    prose: Collection[str],
    right: Collection[str],
) -> None:
    width = console.width
    found = layout(rows, width, keep=keep, prose=prose)
    console.print()
    if title:
        _print(console, title, bold=True)
    last = found.across[-1] if found.across else ""
    pad = "  " if found.head else ""
    room = width - _total(found.across[:-1], _widths(found.across, rows)) - GAP
    if found.head:
        _print(console, found.head, bold=True)
    heads = {name: name for name in rows[0]}
    for number, row in enumerate((heads, *rows)):
        if found.head and number:
            _print(console, row[found.head])
        tail = wrapped(row[last], room) if last in prose and number else []
        shown = {**row, last: tail[0]} if tail else row
        lines = list(_aligned(found.across, [shown], right, _widths(found.across, rows)))
        _print(console, (pad + lines[0]).rstrip(), bold=not number)
        for more in tail[1:]:
            _print(console, " " * (width - room) + more)
        if number:
            for line in _below(row, found, prose, width, pad):
                _print(console, line)
    if found.shared:
        values = "; ".join(f"{name} {rows[0][name]}" for name in found.shared)
        for line in wrapped(f"all rows: {values}", width, hang="  "):
            _print(console, line)


def _below(
    row: Mapping[str, str], found: TextLayout, prose: Collection[str], width: int, pad: str
) -> Iterator[str]:
    """The lines below a row: names with values as many as fit, then each prose column."""
    indent = pad + "  "
    line = ""
    for name in found.below:
        if name in prose or row[name] in ("", "-"):
            continue
        part = f"{name}: {row[name]}"
        if line and len(indent) + len(line) + 3 + len(part) > width:
            yield from wrapped(line, width, indent=indent, hang=indent + "  ")
            line = part
        else:
            line = f"{line}   {part}" if line else part
    if line:
        yield from wrapped(line, width, indent=indent, hang=indent + "  ")
    for name in found.below:
        if name in prose:
            yield from wrapped(row[name], width, indent=indent, hang=indent)


def _print(console: Console, line: str, *, bold: bool = False) -> None:
    from rich.text import Text

    text = Text(line, style="bold" if bold else "")
    if not bold:
        for word, color in COLORS.items():
            text.highlight_regex(rf"(?<=  ){re.escape(word)}(?=  |$)", color)
    console.print(text, soft_wrap=True)


def _aligned(
    columns: Sequence[str],
    rows: Sequence[Mapping[str, str]],
    right: Collection[str],
    widths: Mapping[str, int] | None = None,
) -> Iterator[str]:
    widths = widths or _widths(columns, rows)
    for row in rows:
        yield (" " * GAP).join(
            " " * (widths[name] - _length(row[name])) + row[name]
            if name in right
            else row[name] + " " * (widths[name] - _length(row[name]))
            for name in columns
        )


def _widths(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> dict[str, int]:
    return {name: max(_length(name), *(_length(row[name]) for row in rows)) for name in columns}


def _total(columns: Sequence[str], widths: Mapping[str, int]) -> int:
    return sum(widths[name] for name in columns) + GAP * max(0, len(columns) - 1)


def _length(text: str) -> int:
    """Columns of a terminal that a text takes: two per wide character."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _is_terminal(console: Console | None) -> bool:
    return sys.stdout.isatty() if console is None else console.is_terminal


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)
