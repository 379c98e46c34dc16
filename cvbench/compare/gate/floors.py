"""Check records against what their suite expects: one rule for `run`, `check`, pytest and Python.

A cell has to finish, reach the floors of `expect:`, and be near the values of `published:`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from cvbench.compare.gate.result import Answer, Item
from cvbench.compare.seeds import titles
from cvbench.errors import StoreError, SuiteError
from cvbench.record import Record
from cvbench.spec.expectations import Expectations, Published
from cvbench.spec.suite import parse_suite
from cvbench.spec.suite.planning import lacks_files
from cvbench.store import Run

_ROUNDING = 1e-12
"""Tolerance for rounding at the ends of the published range."""


def check_records(
    records: Iterable[Record], expectations: Expectations, *, allow_skips: bool = False
) -> list[Item]:
    """One item per cell, floor and published value.

    A cell that did not finish is FAILED, and one that was skipped because its data or weights are missing,
    unless `allow_skips`. One that was skipped for another reason, such as a GPU that is not there, passes. A
    finished cell is a REGRESSION for each metric that is missing, not finite, below its floor, or too far
    from its published value.
    """
    several = list(records)
    named = zip(several, titles(several), strict=True)
    items = [_record_items(record, title, expectations, allow_skips=allow_skips) for record, title in named]
    return [item for some in items for item in some]


def check_run(run: Run, records: Iterable[Record], *, allow_skips: bool = False) -> list[Item]:
    """The items of a stored run, and a FAILED one for each cell of its suite that has no record.

    Raises StoreError if the run's expectations cannot be read.
    """
    info = run.info
    items = check_records(records, expectations_of(run), allow_skips=allow_skips)
    present = {record.key for record in records}
    why = "not run yet; run the same cvbench run command again to resume"
    absent = [cell.title or cell.key for cell in info.cells if cell.key not in present]
    return [*items, *(Item(title, "outcome", Answer.FAILED, why) for title in absent)]


def expectations_of(run: Run) -> Expectations:
    """What the run's suite expects, overrides applied.

    A run.json that predates the field `expectations` has the suite's text and the overrides: these are loaded
    again. Raises StoreError if they are no longer a valid suite.
    """
    info = run.info
    if info.expectations is not None:
        return info.expectations
    try:
        return parse_suite(info.suite_text, path=info.source, overrides=info.overrides).expectations
    except SuiteError as error:
        raise StoreError(
            f"{run.folder / 'run.json'}: the suite stored here is not valid, so its floors are unknown:\n"
            f"{error}\n"
            "  Run the suite again, or check this run with the version of cvbench that made it."
        ) from error


def _record_items(
    record: Record, title: str, expectations: Expectations, *, allow_skips: bool
) -> Iterator[Item]:
    yield _outcome(record, title, allow_skips=allow_skips)
    if record.outcome != "ok":
        return
    for metric, floor in expectations.expect.get(record.cell.model.name, {}).items():
        value = _value(record, metric)
        answer = Answer.PASS if value is not None and value >= floor else Answer.REGRESSION
        shown = f"{_measured(record, metric)}, expected at least {floor:g}"
        yield Item(title, f"expect {metric}", answer, shown)
    for metric, known in expectations.published.get(record.key, {}).items():
        answer = Answer.PASS if _is_near(_value(record, metric), known) else Answer.REGRESSION
        shown = f"{_measured(record, metric)}, published {known.value:g} ± {known.within:g}"
        yield Item(title, f"published {metric}", answer, shown)


def _outcome(record: Record, title: str, *, allow_skips: bool) -> Item:
    if record.outcome == "skipped" and lacks_files(record.reason) and not allow_skips:
        return Item(title, "outcome", Answer.FAILED, f"skipped: {record.reason}")
    if record.outcome not in ("ok", "skipped"):
        return Item(title, "outcome", Answer.FAILED, f"{record.outcome}: {record.reason}")
    broken = [m.name for m in record.measurements if m.value is not None and not math.isfinite(m.value)]
    if broken:
        return Item(title, "outcome", Answer.REGRESSION, f"NaN or infinite: {', '.join(broken)}")
    return Item(title, "outcome", Answer.PASS, record.reason or record.outcome)


def _value(record: Record, metric: str) -> float | None:
    measured = record.measurement(metric)
    return measured.value if measured is not None else None


def _is_near(value: float | None, known: Published) -> bool:
    return value is not None and abs(value - known.value) <= known.within + _ROUNDING


def _measured(record: Record, metric: str) -> str:
    measured = record.measurement(metric)
    if measured is None:
        return f"{metric} was not measured"
    if measured.value is None:
        return f"{metric} is missing ({measured.missing})"
    return f"{metric} is {measured.value:.4g}"
