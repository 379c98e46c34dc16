"""Tables of one cell's errors: the confusion matrix, and AP50 lost to each type of error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np

from cvbench.record import Record
from cvbench.report.frame import Attached, Source
from cvbench.report.page.views import Column, Row, Table, Value
from cvbench.units import show_count

MATRIX_SIDE: Final = 24
"""With more classes, the largest confusions are listed instead of the matrix."""

Tables: TypeAlias = list[tuple[str, Table]]
"""Captions and tables; none where the run stored no data for them."""


def confusion(source: Source, record: Record) -> Tables:
    """The confusion matrix."""
    files = source.attached(record, "confusion")
    if not files:
        return []
    [first, *_] = files
    names = [*first.classes, "background"]
    columns = first.columns()
    counts = np.zeros((len(names), len(names)), np.int64)
    counts[columns["true"], columns["predicted"]] = columns["count"]
    used = len(names) if counts[-1].any() or counts[:, -1].any() else len(names) - 1
    counts, names = counts[:used, :used], names[:used]
    unit = first.about.get("unit", "images")
    if used > MATRIX_SIDE:
        return [_largest_confusions(counts, names, unit)]
    return [(_caption(first, unit), _matrix(counts, names))]


def _caption(found: Attached, unit: str) -> str:
    caption = (
        f"Confusion matrix ({unit}): rows are true classes, columns are predictions. "
        "Darker cells are a larger share of the true class."
    )
    if "score" in found.about:
        score = float(found.about["score"])
        caption += f" Detections with a score of at least {score:.2f}, the threshold with the best F1 score."
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
                why=f"{name} predicted as {names[j]}: {n:,} ({shares[i, j]:.1%})",
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
    columns = [Column("predicted as", numeric=False), Column(unit), Column("share of the class")]
    return f"The largest confusions among {len(names)} classes.", Table("largest confusions", columns, rows)


def errors(source: Source, record: Record) -> Tables:
    """AP50 lost to each type of error."""
    files = source.attached(record, "errors")
    if not files:
        return []
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
        f"AP50 lost to each type of error: how much AP50 ({float(files[0].about['ap50']):.3f}) would rise "
        "if only the errors of this type were fixed (TIDE, Bolya et al. 2020)."
    )
    return [(caption, Table("errors", [Column("AP50"), Column("count")], rows))]
