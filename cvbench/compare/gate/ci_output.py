"""Gate results for other programs: JUnit XML, GitHub annotations, and a Markdown summary."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from cvbench.compare.comparison import Comparison
from cvbench.compare.formatting import remarks
from cvbench.compare.gate.result import Answer, Item, counted
from cvbench.compare.markdown import escaped, table_of
from cvbench.errors import Trusted, printable

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEVELS = {
    Answer.FAILED: "error",
    Answer.REGRESSION: "error",
    Answer.INCONCLUSIVE: "warning",
    Answer.INCOMPARABLE: "warning",
}
_SKIPPED = (Answer.INCONCLUSIVE, Answer.INCOMPARABLE, Answer.NOT_JUDGED)


def junit(items: Sequence[Item], suite: str) -> bytes:
    """JUnit XML: a regression is a failure, an unfinished cell an error, an undecided metric is skipped."""
    failures = sum(item.answer is Answer.REGRESSION for item in items)
    errors = sum(item.answer is Answer.FAILED for item in items)
    skipped = sum(item.answer in _SKIPPED for item in items)
    counts = {"tests": len(items), "failures": failures, "errors": errors, "skipped": skipped}
    numbers = {name: str(count) for name, count in counts.items()}
    root = ET.Element("testsuites", {"name": "cvbench", **numbers})
    under = ET.SubElement(root, "testsuite", {"name": _clean(suite), **numbers})
    tags = {Answer.REGRESSION: "failure", Answer.FAILED: "error"}
    for item in items:
        case = ET.SubElement(
            under, "testcase", {"classname": _clean(f"{suite}.{item.cell}"), "name": _clean(item.about)}
        )
        if item.answer is not Answer.PASS:
            tag = tags.get(item.answer, "skipped")
            entry = ET.SubElement(case, tag, {"message": _clean(f"{item.answer.value}: {item.message}")})
            if tag != "skipped":
                entry.text = _clean(item.message)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def workflow_commands(items: Sequence[Item]) -> Iterator[str]:
    """GitHub's workflow commands, one line per item that decides and did not pass."""
    for item in items:
        if item.answer in _LEVELS:
            title = _property(f"cvbench {item.answer.value}: {item.name}")
            yield f"::{_LEVELS[item.answer]} title={title}::{_data(item.message)}"


def to_github(items: Sequence[Item], page: str) -> None:
    """Under GitHub Actions, write annotations to standard error and the page to the job summary."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    for line in workflow_commands(items):
        sys.stderr.write(Trusted(f"{line}\n"))
    if job := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(job).open("a", encoding="utf-8") as file:
            file.write(page)


def summary(items: Sequence[Item], comparison: Comparison | None, suite: str) -> str:
    """A Markdown page: items that did not pass, passed items, then other differences."""
    worth = [item for item in items if item.answer is not Answer.PASS]
    parts = [f"## cvbench: {escaped(suite)}\n", f"**{counted(items)}**\n"]
    if worth:
        parts.append(table_of([_row(item) for item in worth]))
    passed = [item for item in items if item.answer is Answer.PASS]
    if passed:
        parts += [
            f"<details><summary>{len(passed)} passed</summary>\n",
            table_of([_row(item) for item in passed]),
            "</details>\n",
        ]
    if comparison is not None:
        parts.append("".join(f"- {escaped(line)}\n" for line in remarks(comparison)))
    return "\n".join(part for part in parts if part)


def _row(item: Item) -> dict[str, str]:
    return {"cell": item.cell, "metric": item.about, "answer": item.answer.value, "": item.message}


def _clean(text: str) -> str:
    """Text without characters that XML does not allow."""
    return _NOT_XML.sub("?", printable(text, lines=True))


def _data(text: str) -> str:
    """Text that cannot end a workflow command and start another."""
    return printable(text, lines=True).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
