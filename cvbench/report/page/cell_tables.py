"""One cell's mistakes: what was taken for what, and what each kind of error costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np

from cvbench.record import Record
from cvbench.report.frame import Attached, Source
from cvbench.report.page.views import Column, Missing, Row, Table, Value, finds_objects
from cvbench.units import show_count

MATRIX_SIDE: Final = 24
"""With more classes a confusion is told by its largest mistakes."""

Tables: TypeAlias = tuple[list[tuple[str, Table]], list[Missing]]
"""Tables with their captions, and what is not there."""


def confusion(source: Source, record: Record) -> Tables:
    """What was taken for what."""
    files = source.attached(record, "confusion")
    if not files:
        return [], [Missing("what was taken for what", "its metrics keep no confusion matrix")]
    [first, *_] = files
    names = [*first.classes, "nothing"]
    columns = first.columns()
    counts = np.zeros((len(names), len(names)), np.int64)
    counts[columns["true"], columns["predicted"]] = columns["count"]
    used = len(names) if counts[-1].any() or counts[:, -1].any() else len(names) - 1
    counts, names = counts[:used, :used], names[:used]
    unit = first.about.get("unit", "images")
    if used > MATRIX_SIDE:
        return [_largest_confusions(counts, names, unit)], []
    return [(_told(first, unit), _matrix(counts, names))], []


def _told(found: Attached, unit: str) -> str:
    caption = (
        f"What was taken for what, {unit}: true classes down, answers across; "
        "the darker, the larger its share of the true class."
    )
    if "score" in found.about:
        score = float(found.about["score"])
        caption += f" Detections from score {score:.2f} on, where precision and recall balance best."
    return caption


def _matrix(counts: np.ndarray, names: Sequence[str]) -> Table:
    totals = np.maximum(counts.sum(1, keepdims=True), 1)
    shares = counts / totals
    rows = []
    for i, name in enumerate(names):
        values = [
            Value(
                show_count(n) if n >= 10_000 else str(n),
                sort=n,
                share=float(shares[i, j]),
                kind="hit" if i == j else "",
                why=f"{name} taken for {names[j]}: {n:,} ({shares[i, j]:.1%})",
            )
            if (n := int(counts[i, j]))
            else Value("·", sort=0)
            for j in range(len(names))
        ]
        rows.append(Row("", name, "", values))
    return Table("confusion", [Column(name) for name in names], rows)


def _largest_confusions(counts: np.ndarray, names: Sequence[str], unit: str) -> tuple[str, Table]:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(wrong, axis=None)[::-1][:20]
    rows = []
    for at in order.tolist():
        i, j = divmod(at, len(names))
        if wrong[i, j]:
            share = wrong[i, j] / counts[i].sum()
            rows.append(
                Row("", names[i], "", [Value(names[j]), Value(f"{wrong[i, j]:,}"), Value(f"{share:.1%}")])
            )
    columns = [Column("taken for", numeric=False), Column(unit), Column("of the class")]
    return f"The largest mistakes among {len(names)} classes.", Table("the largest mistakes", columns, rows)


def errors(source: Source, record: Record) -> Tables:
    """What each kind of error costs."""
    files = source.attached(record, "errors")
    if not files:
        why = "its metrics do not sort their errors" if finds_objects(record) else ""
        return [], [Missing("what each kind of error costs", why)] if why else []
    columns = files[0].columns()
    most = max([*columns["cost"], 1e-9])
    rows = [
        Row(
            "",
            kind,
            "",
            [
                Value(f"{cost:+.3f}", sort=cost, share=max(cost, 0.0) / most, kind="bar"),
                Value(f"{count:,}", sort=count),
            ],
        )
        for kind, cost, count in zip(columns["kind"], columns["cost"], columns["count"], strict=True)
    ]
    caption = (
        f"What keeps AP50 from 1 (it is {float(files[0].about['ap50']):.3f}): by how much it would rise if "
        "errors of one kind alone were put right (TIDE, Bolya et al. 2020)."
    )
    return [(caption, Table("errors", [Column("AP50"), Column("how many")], rows))], []
