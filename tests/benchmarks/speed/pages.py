"""A report of fifty cells in a browser: from opening the page to a sorted table."""

import atexit
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from cvbench.report.frame import read_sources
from cvbench.report.page import html_page
from cvbench.store import Store
from tests.benchmarks.speed.peers import Absent
from tests.report.page.chromium import MISSING, browsing
from tests.report.page.runs import made_run

CELLS = 48
"""In addition to one failed and one skipped cell."""
SORT = """
const table = document.querySelector("table.comparison"), head = table.querySelector("thead th:nth-child(2)");
head.querySelector("button").click();
table.getBoundingClientRect();
return [head.hasAttribute("aria-sort"), document.querySelectorAll("table.comparison tbody tr").length];
"""
_OPEN = ExitStack()


def opening() -> dict[str, Callable[[], int] | Absent]:
    """A call reloads the page and sorts its first table; its result is the number of rows of all tables."""
    if MISSING:
        return {"cvbench": Absent(MISSING)}
    folder = Path(_OPEN.enter_context(tempfile.TemporaryDirectory(prefix="cvbench-speed-page-")))
    run = made_run(folder / "results", CELLS)
    file = folder / "page.html"
    file.write_bytes(html_page(read_sources(Store(folder / "results"), [str(run.folder)])))
    browser = _OPEN.enter_context(browsing(folder / "profile"))
    atexit.register(_OPEN.close)

    def call() -> int:
        browser.get(file.as_uri())
        is_sorted, rows = browser.execute_script(SORT)
        assert is_sorted
        return int(rows)

    return {"cvbench": call}
