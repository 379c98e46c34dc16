"""`cvbench list`: models, datasets, metrics, suites and stored runs."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cvbench.cli.output import RESULTS, AsJson, OutFolder, print_json
from cvbench.errors import StoreError
from cvbench.report.text_table import print_table
from cvbench.spec.catalogue import DATASETS, METRICS, MODELS, ModelCard
from cvbench.spec.suite import suites
from cvbench.units import show_count

_PURPOSE = "# Purpose:"


class Kind(StrEnum):
    """What can be listed."""

    MODELS = "models"
    DATASETS = "datasets"
    METRICS = "metrics"
    SUITES = "suites"
    RUNS = "runs"


def list_(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    out: OutFolder = RESULTS,
    as_json: AsJson = False,
) -> None:
    """List models, datasets, metrics, suites (of ./suites and bundled ones), or stored runs."""
    entries = _entries(kind, out)
    if as_json:
        print_json(entries)
    elif entries:
        print_table(
            [_row(kind, entry) for entry in entries],
            keep=("name", "run", "created", "cells", "ok"),
            prose=("summary", "purpose", "problem"),
        )
    else:
        typer.echo(f"No {kind} in {out}.", err=True)


def _entries(kind: Kind, out: Path) -> list[dict[str, Any]]:
    match kind:
        case Kind.MODELS:
            return [asdict(card) for card in MODELS.values()]
        case Kind.DATASETS:
            return [asdict(card) for card in DATASETS.values()]
        case Kind.METRICS:
            return [asdict(card) for card in METRICS.values()]
        case Kind.SUITES:
            return [
                {"suite": name, "file": "bundled" if is_bundled else str(path), "purpose": purpose_of(path)}
                for name, path, is_bundled in suites()
            ]
        case Kind.RUNS:
            return _runs(out)


def purpose_of(suite: Path) -> str:
    """The purpose of a suite: its `# Purpose:` line and continuation lines."""
    purpose: list[str] = []
    for line in suite.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(_PURPOSE):
            purpose.append(line.removeprefix(_PURPOSE).strip())
        elif purpose and line.startswith("#  "):
            purpose.append(line.removeprefix("#").strip())
        elif purpose:
            break
    return " ".join(purpose)


def _runs(out: Path) -> list[dict[str, Any]]:
    from cvbench.store import Store

    entries = []
    for run in Store(out).runs():
        entry: dict[str, Any] = {
            "run": f"{run.folder.parent.name}/{run.folder.name}",
            "folder": str(run.folder),
        }
        try:
            info, records = run.info, run.records()
        except StoreError as error:  # one broken run hides no other
            entries.append({**entry, "created": None, "cells": None, "ok": None, "problem": str(error)})
            continue
        ok = sum(record.outcome == "ok" for record in records)
        cells = len(info.cells)
        entries.append({**entry, "created": info.created or None, "cells": cells, "ok": ok, "problem": None})
    return entries


def _parameters(card: ModelCard) -> dict[str, str]:
    return {
        "parameters": show_count(card.parameters[card.usual_classes]),
        "classes": str(card.usual_classes),
    }


def _row(kind: Kind, entry: dict[str, Any]) -> dict[str, str]:
    match kind:
        case Kind.MODELS:
            return {
                "name": entry["name"],
                "task": entry["task"],
                "year": str(entry["year"]),
                **_parameters(MODELS[entry["name"]]),
                "input": "x".join(map(str, entry["input"])),
                "summary": entry["summary"],
            }
        case Kind.DATASETS:
            return {
                "name": entry["name"],
                "tasks": ", ".join(entry["tasks"]),
                "classes": DATASETS[entry["name"]].told_classes,
                "splits": ", ".join(map(DATASETS[entry["name"]].told_split, entry["splits"])),
                "root": "needed" if entry["needs_root"] else "",
                "summary": entry["summary"],
            }
        case Kind.METRICS:
            return {
                "name": entry["name"],
                "also": ", ".join(entry["aliases"]),
                "task": entry["task"],
                "default": "yes" if entry["default"] else "no",
                "metrics": ", ".join(entry["figures"]),
                "protocol": entry["protocol"],
                "summary": entry["summary"],
            }
        case Kind.SUITES | Kind.RUNS:
            return {name: "" if value is None else str(value) for name, value in entry.items()}
