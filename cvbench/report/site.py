"""A static site: an index of all runs below a folder, one page per run, and the history of each metric."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import pandas as pd
from pydantic import TypeAdapter, ValidationError

import cvbench
from cvbench.compare.comparison import compare
from cvbench.compare.formatting import rows
from cvbench.errors import InputError, StoreError
from cvbench.files import sha256_of_file, sha256_of_sources, write_whole
from cvbench.report.frame import Source, read_sources
from cvbench.report.page import html_page
from cvbench.report.page.building import rendered
from cvbench.report.page.history import SuiteHistory, machine_name, suite_history
from cvbench.report.page.views import Column, Row, Table, Value
from cvbench.spec.canonical import digest
from cvbench.store import Run, Store

INDEX: Final = "index.html"
STAMPS: Final = ".cvbench-site.json"
"""The file with a hash of the inputs of each page."""
_OURS: Final = 'name="generator" content="cvbench"'


class SitePage(NamedTuple):
    """The content of the index."""

    title: str
    facts: Sequence[tuple[str, str]]
    runs: Table
    suites: Sequence[SuiteHistory]


class Written(NamedTuple):
    """What `write_site` did."""

    pages: int
    unreadable: int
    new: int
    """Pages that were written; the others were up to date."""


def write_site(root: Path, folder: Path, *, with_pictures: bool, force: bool) -> Written:
    """Write `index.html` and one page per run below `root` into `folder`; only pages that change are written.

    A run that cannot be read is a row with the reason. Raises StoreError where there is no run at all, and
    InputError where the folder holds anything other than an earlier site, unless `force`.
    """
    runs = Store(root).runs()
    if not runs:
        raise StoreError(
            f"{root}: there is no run below this folder.\n  Expected: {root}/<suite>/<run>/run.json"
        )
    index = folder / INDEX
    if folder.exists() and any(folder.iterdir()) and not force:
        ours = index.is_file() and _OURS in index.read_text(encoding="utf-8", errors="replace")[:2000]
        if not ours:
            raise InputError(
                f"{folder}: this folder holds other files.\n  Choose another folder, or add --force."
            )
    sources, unreadable = _read(root, runs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known, made, new = _known(folder), dict[str, str](), 0
        for number, source in enumerate(sources):
            before = next((s for s in reversed(sources[:number]) if _suite(s) == _suite(source)), None)
            name, stamp = page_name(source.run), _stamp(source, before, with_pictures=with_pictures)
            if known.get(name) != stamp or not (folder / name).is_file():
                write_whole(folder / name, _page(source, before, with_pictures=with_pictures))
                new += 1
            made[name] = stamp
        new += _write_changed(index, rendered("site.html.j2", page=_index(root, sources, unreadable)))
        _write_changed(folder / STAMPS, json.dumps(made, indent=1).encode())
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror or error}).") from error
    return Written(len(sources) + 1, len(unreadable), new)


def _known(folder: Path) -> dict[str, str]:
    """Page → hash of its inputs; empty where the file cannot be read, so that all pages are written."""
    try:
        return TypeAdapter(dict[str, str]).validate_json((folder / STAMPS).read_bytes())
    except (OSError, ValidationError):
        return {}


def _stamp(source: Source, before: Source | None, *, with_pictures: bool) -> str:
    """A hash of a page's inputs: this program, and the files of both runs.

    Records hold the hash of each attachment, so names, sizes and times of all files are enough to detect a
    change.
    """
    files = [_files(one.run) for one in (source, before) if one is not None]
    return digest({"program": _program(), "pictures": with_pictures, "files": files})


def _files(run: Run) -> list[tuple[str, int, int]]:
    """Name, size and modification time of every file that a page of the run may show, sorted."""
    paths = [run.folder / "run.json", *run.folder.glob("*/*")]
    shown = [path for path in paths if path.is_file() and not path.parent.name.startswith(".")]
    stats = [(str(path.relative_to(run.folder)), path.stat()) for path in sorted(shown)]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


@cache
def _program() -> str:
    """A hash of the sources of cvbench: another version may write another page."""
    package = Path(cvbench.__file__).parent
    templates = sorted(path for path in (package / "report/page/templates").iterdir() if path.is_file())
    return digest([sha256_of_sources([package]), *map(sha256_of_file, templates)])


def _write_changed(path: Path, content: bytes) -> int:
    """Write the file unless it has this content already; returns the number of files written, 0 or 1."""
    if path.is_file() and path.read_bytes() == content:
        return 0
    write_whole(path, content)
    return 1


def page_name(run: Run) -> str:
    """The file name of a run's page: letters, digits, dots, dashes and underscores only."""
    name = f"{run.folder.parent.name}-{run.folder.name}"
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip(".") + ".html"


def _read(root: Path, runs: Sequence[Run]) -> tuple[list[Source], list[tuple[Run, str]]]:
    sources, unreadable = list[Source](), list[tuple[Run, str]]()
    for run in runs:
        try:
            sources += read_sources(Store(root), [str(run.folder)])
        except StoreError as error:
            unreadable.append((run, str(error)))
    return sources, unreadable


def _suite(source: Source) -> str:
    return source.run.folder.parent.name


def _page(source: Source, before: Source | None, *, with_pictures: bool) -> bytes:
    """A run's page, compared with the previous run of its suite."""
    if before is None:
        return html_page([source], with_pictures=with_pictures)
    try:
        found = rows(compare(before.run, source.run))
    except (InputError, StoreError) as error:
        why = f"{before.name}: {str(error).splitlines()[0].rstrip('.')}"
        return html_page([source], why_none=why, with_pictures=with_pictures)
    differences = pd.DataFrame([{"cell": r["cell"], "compared with": before.name, **r} for r in found])
    why = f"{before.name} has no measurement in common with this run"
    return html_page(
        [source], differences=differences if found else None, why_none=why, with_pictures=with_pictures
    )


def _index(root: Path, sources: Sequence[Source], unreadable: Sequence[tuple[Run, str]]) -> SitePage:
    suites = dict.fromkeys(_suite(source) for source in sources)
    return SitePage(
        title=root.resolve().name,
        facts=[
            (
                "runs",
                f"{len(sources)}" + (f", and {len(unreadable)} unreadable" if unreadable else ""),
            ),
            ("suites", ", ".join(suites)),
            ("machines", "; ".join(dict.fromkeys(machine_name({}, source) for source in sources))),
        ],
        runs=_runs(sources, unreadable),
        suites=[suite_history(suite, [s for s in sources if _suite(s) == suite]) for suite in suites],
    )


def _runs(sources: Sequence[Source], unreadable: Sequence[tuple[Run, str]]) -> Table:
    columns = [
        Column(name, numeric=False) for name in ("suite", "started", "machine", "cells", "commit", "state")
    ]
    found: list[Row] = []
    for source in sources:
        outcomes = Counter(str(record.outcome) for record in source.records)
        commits = dict.fromkeys(commit[:12] for commit in source.info.commits.values() if commit)
        finished = outcomes["ok"] + outcomes["skipped"] == outcomes.total()
        values = [
            Value(_suite(source)),
            Value(source.info.created or "?"),
            Value(machine_name({}, source)),
            Value(", ".join(f"{n} {word}" for word, n in outcomes.items())),
            Value(", ".join(commits) or "–"),
            Value("ok" if finished else "failures", kind="ok" if finished else "failed"),
        ]
        name = source.run.folder.name
        found.append(Row(f"run-{len(found)}", name, quote(page_name(source.run)), values))
    for run, why in unreadable:
        words = [run.folder.parent.name, "?", "?", "?", "?"]
        values = [*map(Value, words), Value(why.splitlines()[0], kind="failed")]
        found.append(Row(f"run-{len(found)}", run.folder.name, "", values))
    return Table("all runs", columns, found)
