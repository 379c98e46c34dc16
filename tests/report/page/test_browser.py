"""The page in a real browser: it works, logs no errors and loads nothing."""

import base64
import json
import re
from itertools import pairwise
from urllib.parse import urlparse

import pandas as pd
import pytest

from cvbench.report.frame import read_sources
from cvbench.report.page import html_page
from cvbench.store import Store
from tests.report.page.chromium import MISSING, browsing
from tests.report.page.runs import made_run
from tests.report.page.test_page import HOSTILE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(MISSING is not None, reason=str(MISSING)),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One browser for all tests."""
    pytest.importorskip("selenium.webdriver")
    with browsing(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A page of eight cells, one of them failed and one skipped."""
    folder = tmp_path_factory.mktemp("pages")
    run = made_run(folder / "results", 6, about={"suite_text": HOSTILE})
    differences = pd.DataFrame({"cell": [HOSTILE], "figure": ["top1"], "verdict": ["worse"]})
    sources = read_sources(Store(folder / "results"), [str(run.folder)])
    page = html_page(sources, differences=differences, separate_seeds=True)
    (folder / "page.html").write_bytes(page)
    return folder / "page.html"


@pytest.fixture
def page(browser, file):
    """The page, freshly opened; afterwards nothing was logged, loaded, or run that is not its own."""
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(file.as_uri())
    yield browser
    assert browser.get_log("browser") == []
    assert browser.execute_script("return window.caught") is None
    assert loaded(browser) <= {"file", "data"}


def loaded(browser):
    """The schemes of all requests since the log was read last."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {urlparse(url).scheme for url in requests}


def column(browser, number):
    """The words of a column of the first comparison, as it is seen."""
    return browser.execute_script(
        "return [...document.querySelectorAll('table.comparison')[0].tBodies[0].rows]"
        ".filter(row => !row.classList.contains('hidden'))"
        ".map(row => row.cells[arguments[0]].firstChild.textContent)",
        number,
    )


def heads(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('table.comparison')[0]"
        ".querySelectorAll('thead th')].map(t => t.innerText)"
    )


def click(browser, selector, number=0):
    element = browser.find_elements("css selector", selector)[number]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    element.click()
    return element


def test_a_console_error_and_a_request_would_be_seen(browser, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text("<script>nothing.there</script><img src='http://127.0.0.1:9/x.png'>", encoding="utf-8")
    browser.get(bad.as_uri())
    assert any("nothing is not defined" in entry["message"] for entry in browser.get_log("browser"))
    assert "http" in loaded(browser)


def test_a_head_sorts_its_column_and_what_is_missing_stays_at_the_end(page):
    at = heads(page).index("top1")
    click(page, f"table.comparison thead th:nth-child({at + 1}) button")
    falling = column(page, at)
    assert falling[:2] == sorted(falling[:2], reverse=True)
    assert falling[2:] == ["–", "–"], "the failed and the skipped cell"
    click(page, f"table.comparison thead th:nth-child({at + 1}) button")
    rising = column(page, at)
    assert rising[:2] == sorted(falling[:2])
    assert rising[2:] == ["–", "–"]
    head = page.find_element("css selector", "table.comparison thead th[aria-sort]")
    assert head.get_attribute("aria-sort") == "ascending"


@pytest.mark.full
def test_the_keyboard_sorts_too(page):
    button = page.find_element("css selector", "table.comparison thead th:first-child button")
    button.send_keys("\ue007")  # Enter
    names = column(page, 0)
    assert names == sorted(names, key=str.lower)


@pytest.mark.full
def test_a_filter_leaves_the_rows_that_have_every_word_and_the_marks_of_the_rest_step_back(page):
    everything = column(page, 0)
    page.find_element("css selector", "#task-1 input[type=search]").send_keys("broke failed")
    assert len(column(page, 0)) == 1 < len(everything)
    assert page.find_element("css selector", "#task-1 [role=status]").text == "1 shown"
    marks = page.find_elements("css selector", "#task-1 .chart a[data-key]")
    assert marks
    assert all("out" in mark.get_attribute("class").split() for mark in marks)


@pytest.mark.full
def test_a_mark_shows_its_values_by_mouse_and_by_keyboard_and_highlights_its_row(page):
    action = pytest.importorskip("selenium.webdriver").ActionChains(page)
    mark = page.find_element("css selector", "#task-1 .panels .chart a[data-key] circle")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", mark)
    action.move_to_element(mark).perform()
    tip = page.find_element("id", "tip")
    assert "resnet18" in tip.text
    assert page.find_elements("css selector", "tr.lit")
    page.execute_script("document.querySelectorAll('#task-1 .panels .chart a[data-key]')[1].focus()")
    assert tip.is_displayed()
    page.switch_to.active_element.send_keys("\ue00c")  # Escape
    assert not tip.is_displayed()


@pytest.mark.full
def test_a_link_in_the_table_and_one_in_the_chart_open_the_cell(page):
    link = click(page, "table.comparison tbody a")
    cell = page.find_element("css selector", "#" + link.get_attribute("href").partition("#")[2])
    assert cell.is_displayed()
    mark = page.find_elements("css selector", "#task-1 .panels .chart a[data-key]")[1]
    page.execute_script("arguments[0].focus()", mark)
    mark.send_keys("\ue007")
    opened = page.find_element("css selector", f"#cell-{mark.get_attribute('data-key')}")
    assert opened.is_displayed()


@pytest.mark.full
def test_each_price_has_its_chart(page):
    shown = (
        "return [...document.querySelectorAll('#task-1 .panels > div')].filter(d => d.offsetParent).length"
    )
    first = page.find_element("css selector", "#task-1 .panels svg").get_attribute("aria-label")
    click(page, "#task-1 .tabs > label", 2)
    seen = [s for s in page.find_elements("css selector", "#task-1 .panels svg") if s.is_displayed()]
    assert page.execute_script(shown) == 1
    assert "memory" in seen[0].get_attribute("aria-label")
    assert seen[0].get_attribute("aria-label") != first


@pytest.mark.full
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_text_has_contrast(width, scheme, page):
    window = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    ground = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    for selector in (
        "h1",
        "dd",
        "dt",
        "a",
        ".hint",
        "td small",
        ".failed",
        ".skipped",
        ".worse",
        "figcaption",
    ):
        ink = page.execute_script(
            f"return getComputedStyle(document.querySelector('main {selector}, header {selector}')).color"
        )
        assert contrast(ink, ground) >= 4.5, f"{selector} in {scheme}"
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def contrast(one, other):
    """The ratio of WCAG 2: 21 between black and white."""

    def luminance(color):
        channels = [int(c) / 255 for c in re.findall(r"\d+", color)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_guidelines():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.005)


@pytest.mark.full
@pytest.mark.parametrize(("width", "beside"), [(1600, True), (1280, False)])
def test_the_table_of_contents_is_left_of_the_content_on_wide_screens(width, beside, page):
    window = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
    nav, main = (
        page.execute_script(f"return document.querySelector('{tag}').getBoundingClientRect().toJSON()")
        for tag in ("nav", "main")
    )
    assert (nav["right"] <= main["left"]) is beside
    inner = page.find_element("css selector", "nav ul ul a")
    assert inner.is_displayed() is beside
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.full
def test_everything_that_acts_has_a_name(page):
    nameless = page.execute_script(
        "return [...document.querySelectorAll('a, button, input, svg.chart, [role=region], summary')]"
        ".filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).length"
    )
    assert nameless == 0
    levels = page.execute_script(
        "return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.full
def test_it_prints(page):
    printed = base64.b64decode(page.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") >= 1
