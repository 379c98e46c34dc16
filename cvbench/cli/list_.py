"""`cvbench list`: everything that a suite can name, the suites at hand, and the runs that are kept."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cvbench.catalogue import DATASETS, METRICS, MODELS
from cvbench.cli.listing import print_json, print_table
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
    out: Annotated[Path, typer.Option(help="Where results are kept.", envvar="CVBENCH_RESULTS")] = Path(
        "results"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List models, datasets, metrics, the suites of this folder, or the runs that are kept."""
    entries = _entries(kind, out)
    if as_json:
        print_json(entries)
    elif entries:
        print_table([_row(kind, entry) for entry in entries])
    else:
        where = "suites" if kind is Kind.SUITES else str(out)
        typer.echo(f"There are no {kind} in {where}.", err=True)


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
                {"file": str(path), "purpose": purpose_of(path)}
                for path in sorted(Path("suites").glob("*.yaml"))
            ]
        case Kind.RUNS:
            return _runs(out)


def purpose_of(suite: Path) -> str:
    """What a suite says of itself: its `# Purpose:` line and the lines that continue it."""
    told: list[str] = []
    for line in suite.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(_PURPOSE):
            told.append(line.removeprefix(_PURPOSE).strip())
        elif told and line.startswith("#  "):
            told.append(line.removeprefix("#").strip())
        elif told:
            break
    return " ".join(told)


def _runs(out: Path) -> list[dict[str, Any]]:
    from cvbench.store import Store

    entries = []
    for run in Store(out).runs():
        about = run.about
        outcomes = [
            json.loads(path.read_bytes())["outcome"] for path in (run.folder / "cells").glob("*.json")
        ]
        entries.append(
            {
                "run": f"{run.folder.parent.name}/{run.folder.name}",
                "created": about.get("created"),
                "cells": len(about.get("cells", [])),
                "ok": outcomes.count("ok"),
                "folder": str(run.folder),
            }
        )
    return entries


def _row(kind: Kind, entry: dict[str, Any]) -> dict[str, str]:
    match kind:
        case Kind.MODELS:
            classes, parameters = next(iter(entry["parameters"].items()), (0, 0))
            return {
                "name": entry["name"],
                "task": entry["task"],
                "year": str(entry["year"]),
                "parameters": f"{show_count(parameters)} ({classes} classes)" if classes else "",
                "input": " x ".join(map(str, entry["input"])),
                "summary": entry["summary"],
            }
        case Kind.DATASETS:
            return {
                "name": entry["name"],
                "tasks": ", ".join(entry["tasks"]),
                "classes": str(entry["classes"]),
                "splits": ", ".join(f"{name} {images}" for name, images in entry["splits"].items()),
                "root": "needed" if entry["needs_root"] else "",
                "summary": entry["summary"],
            }
        case Kind.METRICS:
            return {
                "name": entry["name"],
                "task": entry["task"],
                "default": "yes" if entry["default"] else "no",
                "figures": ", ".join(entry["figures"]),
                "protocol": entry["protocol"],
                "summary": entry["summary"],
            }
        case Kind.SUITES | Kind.RUNS:
            return {name: str(value) for name, value in entry.items()}
