"""`cvbench plan`: the cells of a suite, why any is skipped, and the expected time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import typer

from cvbench.cli.durations import SKIPPED, Forecast, earlier_records, expected, forecast
from cvbench.cli.output import (
    RESULTS,
    AsJson,
    Limit,
    Only,
    OutFolder,
    Overrides,
    SuiteFile,
    chosen_cells,
    print_json,
)
from cvbench.report.skips import skip_lines
from cvbench.report.text_table import print_table, print_text
from cvbench.runner.environment import has_gpu, probe
from cvbench.spec.catalogue import DATASETS, known_task, shown_metric
from cvbench.spec.catalogue.datasets import find_root
from cvbench.spec.cell import Cell
from cvbench.spec.titles import distinct_titles

if TYPE_CHECKING:  # imports torch
    from cvbench.data.datasets import Inspection
    from cvbench.spec.suite import Planned


def plan(
    suite: SuiteFile,
    overrides: Overrides = None,
    only: Only = None,
    limit: Limit = None,
    out: OutFolder = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Show the cells `cvbench run SUITE` would run, why any is skipped, and how long they will take.

    Opens your own datasets without decoding images. Exit code 2 if a dataset cannot be opened.
    """
    from cvbench.spec.suite import plan as planned_cells

    wanted = chosen_cells(suite, overrides, only=only, limit=limit)
    planned = planned_cells(wanted, has_gpu=has_gpu())
    inspected = _inspected(planned)
    problems = dict.fromkeys(found.problem for found in inspected.values() if found.problem)
    known = earlier_records(out)
    machine = probe().hard if known else {}
    named = distinct_titles([one.cell for one in planned])
    forecasts = [SKIPPED if one.skip else forecast(one.cell, known, machine) for one in planned]
    if as_json:
        cells = [
            _document(one, told, title, inspected.get(one.cell.key))
            for one, told, title in zip(planned, forecasts, named, strict=True)
        ]
        print_json(
            {"suite": wanted.name, "source": wanted.source, "timeout_s": wanted.timeout_s, "cells": cells}
        )
        _end(problems)
        return
    print_table(
        [_row(*one) for one in zip(planned, forecasts, named, strict=True)],
        keep=("model", "time"),
    )
    skipped = sum(bool(one.reasons) for one in planned)
    typer.echo()
    for line in skip_lines(((one.cell, one.skip) for one in planned if one.skip), str(suite)):
        if ":" in line:  # the table has the other reasons in full
            print_text(line)
    for problem in problems:
        print_text(f"will fail: {problem}")
    for note in dict.fromkeys(note for found in inspected.values() for note in found.notes):
        print_text(f"note: {note}")
    time = f"; expected time: {expected(forecasts)}" if skipped < len(planned) else ""
    skips = f", {skipped} of them skipped" if skipped else ""
    print_text(f"{wanted.name}: {len(planned)} cells{skips}{time}")
    _end(problems)


def _end(problems: Collection[str]) -> None:
    """Exit with 2 if a dataset cannot be opened."""
    if problems:
        raise typer.Exit(2)


def _inspected(planned: Sequence[Planned]) -> dict[str, Inspection]:
    """Cell key → inspection of its dataset, for datasets in a folder of the user."""
    cells = [
        one.cell
        for one in planned
        if not one.skip
        and one.cell.data.name in DATASETS
        and find_root(one.cell.data.name, one.cell.data.root)
    ]
    if not cells:
        return {}
    from cvbench.data.datasets import inspect_cells  # imports torch

    return inspect_cells(cells)


def _document(planned: Planned, told: Forecast, title: str, found: Inspection | None) -> dict[str, object]:
    cell = planned.cell
    return {
        "key": cell.key,
        "title": title,
        "skip": planned.skip,
        "problem": None if found is None else found.problem,
        "notes": [] if found is None else list(found.notes),
        "expected_s": told.wall_s,
        "expected_by": told.by,
        "least_s": told.least_s,
        "unknown": told.unknown,
        "cell": cell.model_dump(mode="json"),
    }


def _row(planned: Planned, told: Forecast, title: str) -> dict[str, str]:
    cell = planned.cell
    return {
        "model": title,
        "task": str(known_task(cell.model)),
        "data": _data(cell),
        "weights": _weights(cell),
        "metrics": ", ".join(map(shown_metric, cell.metrics)),
        "timing": _timing(cell),
        "runtime": _runtime(cell),
        "seed": str(cell.seed),
        "time": told.shown,
        "key": cell.key,
        "skipped": ", ".join(reason.partition(":")[0] for reason in planned.reasons),
    }


def _data(cell: Cell) -> str:
    limit = f" {cell.data.limit} images" if cell.data.limit else ""
    return f"{cell.data.name}/{cell.data.split}{limit}"


def _weights(cell: Cell) -> str:
    if cell.model.weights:
        return cell.model.weights
    return _training(cell.train.epochs) if cell.train else "untrained"


def _training(epochs: int) -> str:
    return f"train {epochs} epoch{'s' if epochs > 1 else ''}"


def _timing(cell: Cell) -> str:
    plans = cell.time
    kinds = ("latency", "throughput", "end_to_end", "train_step", "energy")
    return ", ".join(name for name in kinds if plans and getattr(plans, name))


def _runtime(cell: Cell) -> str:
    runtime = cell.runtime
    words = [runtime.device, runtime.precision, runtime.layout, f"batch {runtime.batch}"]
    if runtime.compile:
        words.append("compiled" if runtime.compile is True else f"compiled ({runtime.compile})")
    if runtime.engine:
        words.append(f"by {runtime.engine}")
    if runtime.cuda_graphs:
        words.append("CUDA graphs")
    if runtime.threads:
        words.append(f"{runtime.threads} threads")
    return ", ".join(words)
