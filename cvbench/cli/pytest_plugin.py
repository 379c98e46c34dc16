"""The pytest plugin: `pytest --cvbench suites/ci.yaml` makes one test per cell.

With `--cvbench-against BASELINE` one more test compares all of them with a baseline or another run, as
`cvbench check` does: together, because a verdict corrects for the number of comparisons.

A cell passes if it finishes and meets the floors and published values of its suite; a cell that this machine
cannot run is skipped. `-k` selects cells; finished cells are taken from the results folder. Nothing is
imported unless the option is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cvbench.compare.gate.result import Item
    from cvbench.record import Record
    from cvbench.runner.session import Session
    from cvbench.spec.cell import Cell
    from cvbench.spec.suite import Suite


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options."""
    group = parser.getgroup("cvbench", "benchmarks of vision models")
    group.addoption(
        "--cvbench",
        action="append",
        default=[],
        metavar="SUITE",
        help="Run each cell of this suite file as a test; may be repeated.",
    )
    group.addoption("--cvbench-out", default="results", metavar="FOLDER", help="Folder of the results.")
    group.addoption(
        "--cvbench-against",
        metavar="BASELINE",
        help="Add a test that compares all cells with this baseline file or run.",
    )


@pytest.hookimpl(tryfirst=True)  # before -k and -m choose
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the cells after the other tests."""
    for name in config.getoption("--cvbench"):
        items.extend(SuiteTests.from_parent(session, path=Path(name).resolve()).collect())


class SuiteTests(pytest.File):
    """A suite, as a file of tests."""

    def collect(self) -> Iterator[CellItem | AgainstItem]:
        """One item per cell, and one for the baseline; raises UsageError for an invalid suite."""
        from cvbench.errors import CvbenchError
        from cvbench.spec.suite import load_suite

        try:
            suite = load_suite(self.path)
        except CvbenchError as error:
            raise pytest.UsageError(str(error)) from error
        bench = _Bench(suite, Path(self.config.getoption("--cvbench-out")), self.session)
        self.config.add_cleanup(bench.close)
        from cvbench.spec.titles import distinct_titles

        for cell, name in zip(suite.cells, distinct_titles(suite.cells), strict=True):
            yield CellItem.from_parent(self, name=name, cell=cell, bench=bench)
        against = self.config.getoption("--cvbench-against")
        if against is not None:
            yield AgainstItem.from_parent(self, name=f"no worse than {against}", against=against, bench=bench)


class CellFailed(Exception):
    """A cell that did not finish, or missed a floor."""


class _BenchItem(pytest.Item):
    """A test of a suite; its failures are reported without a traceback."""

    bench: _Bench

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Only the reason of a failed cell; a traceback for other errors."""
        from cvbench.errors import CvbenchError

        if isinstance(excinfo.value, CellFailed | CvbenchError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The head of a failure report."""
        return self.path, None, f"{self.path.name}: {self.name}"


class AgainstItem(_BenchItem):
    """All selected cells, compared with a baseline."""

    def __init__(self, *, against: str, bench: _Bench, **more: Any) -> None:
        super().__init__(**more)
        self.against, self.bench = against, bench

    def runtest(self) -> None:
        """Fail with every metric that is worse; skip if all are inconclusive."""
        from cvbench.compare.gate.result import Answer

        items = self.bench.check_against(self.against)
        found = {answer: [f"{i.name}: {i.message}" for i in items if i.answer is answer] for answer in Answer}
        worse = [*found[Answer.FAILED], *found[Answer.REGRESSION]]
        if worse:
            raise CellFailed("\n".join(worse))
        if not found[Answer.PASS]:
            undecided = (Answer.INCOMPARABLE, Answer.INCONCLUSIVE, Answer.NOT_JUDGED)
            pytest.skip("; ".join(why for answer in undecided for why in found[answer]) or "no metric")


class CellItem(_BenchItem):
    """One cell."""

    def __init__(self, *, cell: Cell, bench: _Bench, **more: Any) -> None:
        super().__init__(**more)
        self.cell, self.bench = cell, bench

    def runtest(self) -> None:
        """Run the cell, or take its record from the results folder."""
        from cvbench.compare.gate.floors import check_records
        from cvbench.compare.gate.result import Answer

        record = self.bench.record(self.cell)
        if record.outcome == "skipped":
            pytest.skip(str(record.reason))
        items = check_records([record], self.bench.suite.expectations)
        failed = [item.message for item in items if item.answer is Answer.FAILED]
        missed = [f"{item.cell}: {item.message}" for item in items if item.answer is Answer.REGRESSION]
        if failed:
            raise CellFailed("\n".join([*failed, record.output or ""]).rstrip())
        if missed:
            raise CellFailed("missed expectation: " + "\n".join(missed))


class _Bench:
    """The run of a suite's items, opened by the first item with all selected cells."""

    def __init__(self, suite: Suite, out: Path, session: pytest.Session) -> None:
        self.suite, self._out, self._session = suite, out, session
        self._stack = ExitStack()
        self._opened: Session | None = None
        self._cells: Iterator[Record] = iter(())

    def record(self, cell: Cell) -> Record:
        """The cell's record; runs the cells before it if needed."""
        if self._opened is None:
            self._open()
        assert self._opened is not None
        while True:
            for record in self._opened.records:
                if record.key == cell.key:
                    return record
            next(self._cells)

    def _open(self) -> None:
        from dataclasses import replace

        from cvbench.runner.session import Silence, opened

        part = replace(self.suite, cells=self._chosen(), whole=self.suite.cells)
        self._opened = self._stack.enter_context(opened(part, out=self._out, listener=Silence()))
        self._cells = self._opened.run_suite()

    def _chosen(self) -> tuple[Cell, ...]:
        """The cells whose tests are selected; all if none is."""
        kept = [i.cell.key for i in self._session.items if isinstance(i, CellItem) and i.bench is self]
        return tuple(cell for cell in self.suite.cells if not kept or cell.key in kept)

    def check_against(self, against: str) -> list[Item]:
        """The gate's items for the selected cells, and for cells that only the baseline has."""
        from cvbench.compare.gate.check import check_against

        chosen = self._chosen()
        for cell in chosen:
            self.record(cell)
        assert self._opened is not None
        left_out = {cell.title for cell in self.suite.cells} - {cell.title for cell in chosen}
        done = check_against(self._opened.run, against, out=self._out)
        return [item for item in done.items if item.cell not in left_out]

    def close(self) -> None:
        """End the run."""
        self._stack.close()
