"""The index of runs: every run is listed, links lead to pages, and permanent changes are marked."""

import json
import shutil
import stat

import pytest

from cvbench.errors import InputError, StoreError
from cvbench.report.frame import read_sources
from cvbench.report.page.history import suite_history
from cvbench.report.site import page_name, write_site
from cvbench.store import Run, Store
from tests.records import NOWHERE, cell, good, run_info
from tests.report.page.runs import figure
from tests.report.page.test_page import HOSTILE, Reader


def made_runs(root, latencies, *, machine="a processor", suite="demo"):
    """A run for each latency, all of one cell."""
    store = Store(root)
    environment = NOWHERE.model_copy(update={"hard": {"cpu": machine}})
    for number, latency in enumerate(latencies):
        info = run_info(suite, source="demo.yaml", environment=environment, identity=f"{machine}{number}")
        with store.writing(info, fresh=True) as run:
            record = good(
                cell(),
                figure("top1", 0.8),
                figure("latency_p50", latency, unit="s", at="batch=1", direction="lower"),
            )
            run.commit(record.model_copy(update={"environment": environment}), store.staging(run))
    return store


def test_every_run_has_a_page_and_a_row_that_leads_there(tmp_path):
    store = made_runs(tmp_path / "results", [0.01, 0.011, 0.01])
    written = write_site(store.root, tmp_path / "site", with_pictures=True, force=False)
    assert (written.pages, written.unreadable) == (4, 0)
    reader = Reader((tmp_path / "site/index.html").read_text(encoding="utf-8"))
    pages = {a["href"] for a in reader.all("a") if a["href"].endswith(".html")}
    assert pages == {page_name(run) for run in store.runs()}
    assert all((tmp_path / "site" / page).is_file() for page in pages)


def test_only_what_changed_is_written_again(tmp_path):
    store, folder = made_runs(tmp_path / "results", [0.01, 0.011, 0.01]), tmp_path / "site"

    def written(**given):
        before = {path: path.stat().st_mtime_ns for path in folder.glob("*.html")}
        said = write_site(store.root, folder, with_pictures=True, force=False, **given).new
        changed = {p.name for p in folder.glob("*.html") if before.get(p) != p.stat().st_mtime_ns}
        assert len(changed) == said
        return changed

    pages = [page_name(run) for run in store.runs()]
    assert written() == {*pages, "index.html"}
    assert written() == set()
    (record,) = (store.runs()[1].folder / "cells").iterdir()
    record.write_text(record.read_text().replace("0.011", "0.022"))
    assert written() == {*pages[1:], "index.html"}  # the third page compares its run with the second
    (folder / pages[0]).unlink()
    assert written() == {pages[0]}
    (folder / ".cvbench-site.json").write_text("[")
    assert written() == set(pages)


def test_each_page_is_compared_with_the_previous_run_of_its_suite(tmp_path):
    store = made_runs(tmp_path / "results", [0.01, 0.02])
    write_site(store.root, tmp_path / "site", with_pictures=True, force=False)
    first, second = [(tmp_path / "site" / page_name(r)).read_text(encoding="utf-8") for r in store.runs()]
    assert "Differences between runs" not in first
    assert "compared with" in second
    assert f"demo/{store.runs()[0].folder.name}" in second


def test_a_change_that_lasts_is_marked_and_a_steady_history_is_not(tmp_path):
    steady = [0.01 * (1 + error) for error in (0.002, -0.003, 0.001, 0.000)]
    slower = [1.2 * value for value in reversed(steady)]

    def rules(values):
        store = made_runs(tmp_path / str(len(list(tmp_path.iterdir()))), values)
        history = suite_history("demo", read_sources(store, [str(run.folder) for run in store.runs()]))
        [(_, charts)] = history.cells
        [chart] = [chart for caption, chart in charts if caption == "latency p50"]
        return [rule.name for rule in chart.rules]

    assert rules(steady + steady) == []
    [change] = rules(steady + slower)
    assert change.startswith("+20.")


def test_machines_have_a_line_each(tmp_path):
    made_runs(tmp_path, [0.01, 0.01], machine="one")
    store = made_runs(tmp_path, [0.02, 0.02], machine="two")
    history = suite_history("demo", read_sources(store, [str(run.folder) for run in store.runs()]))
    [(_, [(_, chart), *_])] = history.cells
    assert [line.name.split(" [")[0] for line in chart.lines] == ["one", "two"]


def test_a_cell_of_one_run_only_has_no_history(tmp_path):
    store = made_runs(tmp_path / "results", [0.01])
    write_site(store.root, tmp_path / "site", with_pictures=True, force=False)
    text = "".join(Reader((tmp_path / "site/index.html").read_text(encoding="utf-8")).text)
    assert "resnet18" not in text
    assert "demo" in text


def test_a_run_that_cannot_be_read_is_a_row_that_says_why(tmp_path):
    store = made_runs(tmp_path / "results", [0.01, 0.01])
    broken, newer = [store.root / "demo" / name for name in ("0-half", "9-newer")]
    for folder, about in ((broken, "{"), (newer, json.dumps({"schema": 99}))):
        folder.mkdir()
        (folder / "run.json").write_text(about, encoding="utf-8")
    written = write_site(store.root, tmp_path / "site", with_pictures=True, force=False)
    assert (written.pages, written.unreadable) == (3, 2)
    text = "".join(Reader((tmp_path / "site/index.html").read_text(encoding="utf-8")).text)
    assert f"{broken}/run.json: not a valid run file" in text
    assert f"{newer}/run.json: schema 99 is newer than this cvbench" in text


def test_a_folder_with_other_things_is_left_alone_and_an_earlier_site_is_renewed(tmp_path):
    store = made_runs(tmp_path / "results", [0.01])
    (tmp_path / "home").mkdir()
    (tmp_path / "home/index.html").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="this folder holds other files"):
        write_site(store.root, tmp_path / "home", with_pictures=True, force=False)
    assert (tmp_path / "home/index.html").read_text(encoding="utf-8") == "mine"
    for _ in range(2):
        write_site(store.root, tmp_path / "site", with_pictures=True, force=False)


def test_without_any_run_the_place_is_named(tmp_path):
    with pytest.raises(StoreError, match="there is no run below this folder"):
        write_site(tmp_path, tmp_path / "site", with_pictures=True, force=False)


def test_names_of_folders_become_plain_file_names(tmp_path):
    assert page_name(Run(tmp_path / "../a b<x>/..r")) == "a-b-x--..r.html"


def test_hostile_names_are_text_and_their_pages_stay_in_the_folder(tmp_path):
    store = made_runs(tmp_path / "results", [0.01], machine=HOSTILE)
    shutil.move(store.root / "demo", store.root / "<img src=x onerror=alert(1)>")
    write_site(store.root, tmp_path / "site", with_pictures=True, force=False)
    reader = Reader((tmp_path / "site/index.html").read_text(encoding="utf-8"))
    assert not reader.all("img")
    assert len(reader.all("script")) == 1
    assert len(list((tmp_path / "site").glob("*.html"))) == 2


def test_pages_may_be_read_by_those_who_may_read_new_files(tmp_path):
    store = made_runs(tmp_path / "results", [0.01])
    write_site(store.root, tmp_path / "site", with_pictures=True, force=False)
    plain = tmp_path / "plain"
    plain.write_text("", encoding="utf-8")
    modes = {stat.S_IMODE(f.stat().st_mode) for f in (plain, tmp_path / "site/index.html")}
    assert len(modes) == 1
