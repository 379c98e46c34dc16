"""Records made by hand, for the tests of whatever reads records."""

from __future__ import annotations

from datetime import UTC, datetime

from cvbench.record import Artifact, Environment, Measurement, PlannedCell, Record, RunInfo
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, TrainRecipe

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOWHERE = Environment(hard={"cpu": "a processor"}, soft={}, volatile={})


def cell(model: str = "resnet18", data: str = "fashion", **fields) -> Cell:
    return Cell(model=ModelSpec(name=model), data=DataSpec(name=data), train=TrainRecipe(), **fields)


def top1(value: float | None, **fields) -> Measurement:
    given = {"n": 100, "interval": (value - 0.1, value + 0.1)} if value is not None else {}
    return Measurement(
        name="top1", value=value, unit="fraction", direction="higher", protocol="topk", **given, **fields
    )


def good(of: Cell, *measurements: Measurement, **fields) -> Record:
    artifact = Artifact(
        sha256="0" * 64,
        source="trained",
        parameters=11_689_512,
        macs=1_814_073_344,
        input=(3, 224, 224),
        preprocessing={"resize": "stretch"},
    )
    return Record(
        key=of.key,
        cell=of,
        outcome="ok",
        started=STARTED,
        wall_s=12.0,
        spent={"import": 2.0, "train": 9.0},
        environment=NOWHERE,
        artifact=artifact,
        measurements=measurements,
        **fields,
    )


def bad(of: Cell, reason: str = "it broke\nin two lines") -> Record:
    return Record(
        key=of.key,
        cell=of,
        outcome="failed",
        reason=reason,
        output="the last line it printed",
        started=STARTED,
        wall_s=1.0,
        environment=NOWHERE,
    )


def run_info(suite: str = "demo", *cells: Cell, **fields) -> RunInfo:
    """What a run of these cells writes into its run.json."""
    planned = tuple(PlannedCell(key=one.key, title=one.title, model=one.model.name) for one in cells)
    return RunInfo.model_validate({"suite": suite, "identity": "one", "cells": planned, **fields})
