"""The page as a file: self-contained, complete, and safe against hostile input."""

import re
from html.parser import HTMLParser

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cvbench.record import Attachment, Measurement
from cvbench.report.frame import read_sources
from cvbench.report.page import html_page
from cvbench.report.page.building import breakable
from cvbench.store import Store
from tests.records import bad, cell, good, run_info, top1
from tests.report.page.runs import CLASSES, made_run

HOSTILE = "</script><script>window.caught=1</script><img src=x onerror=window.caught=1>\"'{{7*7}}"


class Reader(HTMLParser):
    """Elements, their attributes, and all text outside of style and script."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self.inside = [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside = tag if tag in ("style", "script") else None

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, text):
        if self.inside is None:
            self.text.append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(run, **given):
    return html_page(read_sources(Store(run.folder.parents[1]), [str(run.folder)]), **given).decode()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return made_run(tmp_path_factory.mktemp("results"), 6)


@pytest.fixture(scope="module")
def page(run):
    return page_of(run)


def test_seeds_are_one_row_of_the_comparison_with_their_mean_and_deviation(run, page):
    folded, each = ("".join(Reader(p).text) for p in (page, page_of(run, separate_seeds=True)))
    assert "0, 3 (n = 2)" in folded
    assert "standard deviation below" in page
    assert "(n = 2)" not in each


def test_it_has_no_address_outside_of_itself(page):
    addresses = {
        value for _, attributes in Reader(page).elements for name, value in attributes.items()
        if name in ("href", "src", "xlink:href", "action", "data", "srcset")
    }  # fmt: skip
    assert addresses
    assert all(address.startswith(("#", "data:image/", "data:,")) for address in addresses)
    assert "url(" not in page
    assert "@import" not in page


def test_its_links_lead_somewhere_and_every_id_is_there_once(page):
    reader = Reader(page)
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {a["href"] for a in reader.all("a")}
    assert links
    assert {link[1:] for link in links} <= set(ids)


def test_the_policy_allows_one_script_and_one_style_and_nothing_else(page):
    [policy] = [
        m["content"] for m in Reader(page).all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert len(Reader(page).all("script")) == len(Reader(page).all("style")) == 1
    assert not re.search(r"\son\w+=|\sstyle=", page), "attributes that run or style would be refused"


def test_failed_and_skipped_cells_are_rows_with_their_reasons(page):
    text = "".join(Reader(page).text)
    assert "failed: it broke" in text
    assert "skipped: there is no GPU here" in text
    assert "the last line it printed" in text


def curves_of(metrics, tmp_path):
    """The page of one detector whose metrics each kept curves of two classes."""
    store = Store(tmp_path)
    of = cell("yolo_v3_tiny", "fashion-scenes")
    parts = (
        {"name": "coat", "value": 0.83, "n": 4},
        {"name": "shoe", "value": None, "missing": "none", "n": 0},
    )
    with store.writing(run_info(), fresh=True) as run:
        staged, kept, figures = store.staging(run), [], []
        for metric, precision in metrics.items():
            columns = {"label": [0, 0], "iou": [0.5, 0.5], "recall": [0.0, 0.01], "precision": precision}
            file, about = (
                staged / f"{metric}.parquet",
                {"protocol": f"{metric}/x", "classes": '["coat", "shoe"]'},
            )
            pq.write_table(pa.table(columns).replace_schema_metadata(about), file)
            kept.append(Attachment(kind="curves", name=metric, file=f"curves/{file.name}", sha256=""))
            figures.append(
                Measurement.model_validate(
                    {**top1(0.83).model_dump(), "name": "mAP", "protocol": f"{metric}/x", "parts": parts}
                )
            )
        run.commit(good(of, *figures, attachments=tuple(kept)), staged)
    return "".join(Reader(page_of(run)).text)


def test_vocs_curves_are_drawn_and_each_class_has_its_average_precision_in_the_legend(tmp_path):
    text = curves_of({"voc2007": [1.0, 0.5]}, tmp_path)
    assert "Precision-recall curves at IoU 0.5. The legend shows the AP of each class." in text
    assert "coat 0.83" in text
    assert "Precision-recall curves at IoU 0.5, mean over classes." in text


def test_metrics_with_equal_curves_share_a_chart_and_others_have_their_own(tmp_path):
    text = curves_of({"voc2007": [1.0, 0.5], "voc2012": [1.0, 0.5], "voc2012-python": [1.0, 0.25]}, tmp_path)
    assert text.count("The legend shows the AP of each class.") == 2
    assert "IoU 0.5 (voc2007, voc2012). The" in text
    assert "IoU 0.5 (voc2012-python). The" in text


def test_bars_and_dots_have_their_numbers_in_tables_too(page):
    text = " ".join(" ".join(Reader(page).text).split())
    assert "values latency at batch 1 (ms) calls " in text
    assert "values call minimum median maximum 1 to 20 " in text


def test_what_has_no_data_is_left_out_without_a_word(tmp_path):
    store = Store(tmp_path)
    with store.writing(run_info(), fresh=True) as run:
        run.commit(good(cell(), top1(0.5)), store.staging(run))
    reader = Reader(page_of(run))
    assert "chart" not in [a.get("class") for a in reader.all("svg")]
    text = "".join(reader.text)
    assert not re.search(r"\bNo |\bnot compared|Worst images|Differences|Accuracy against", text)
    assert "#differences" not in {a["href"] for a in reader.all("a")}


def test_why_runs_could_not_be_compared_is_reported(run):
    text = "".join(Reader(page_of(run, why_none="the cells differ")).text)
    assert "Not compared: the cells differ." in text


def test_the_head_names_the_best_model_of_each_task_with_its_price_and_uncertainty(run):
    text = " ".join("".join(Reader(page_of(run, separate_seeds=True)).text).split())
    head = text[: text.index("machine")]
    assert head.count("at a median latency of") == 3
    best = max(r.measurement("AP").value for r in run.records() if r.measurement("AP"))
    assert f"has the best AP, {best:.3f} (95 % interval " in head


def test_long_names_wrap_at_their_separators_only(tmp_path):
    assert breakable("0.842 mIoU, LongName") == "0.842 mIoU, Long<wbr>Name"
    assert breakable("timm/vit_small.fb<b>") == "timm/<wbr>vit_<wbr>small.<wbr>fb&lt;b&gt;"
    store = Store(tmp_path)
    with store.writing(run_info(), fresh=True) as run:
        run.commit(good(cell("timm/vit_small"), top1(0.5)), store.staging(run))
    page = page_of(run)
    assert "timm/<wbr>vit_<wbr>small</a>" in page
    style = page[page.index("<style>") : page.index("</style>")]
    rules = re.findall(r"([^{}]+)\{[^{}]*overflow-wrap: anywhere", style)
    assert not [rule for rule in rules if re.search(r"\bth\b|\bb\b|h1|td", rule)], "these break words"


def test_the_table_of_contents_leads_to_the_parts_of_each_task(page):
    links = [a["href"] for a in Reader(page).all("a")]
    assert {"#task-1", "#task-1-price", "#task-1-classes", "#task-1-cells", "#origin"} <= set(links)


def test_every_row_has_the_command_that_runs_it_again(tmp_path):
    run = made_run(tmp_path, 1, about={"overrides": ["train.epochs=1", "name=a b"], "limit": 50})
    keys = [record.key for record in run.records()]
    text = "".join(Reader(page_of(run)).text)
    for key in keys:
        assert (
            f"cvbench run suites/demo.yaml train.epochs=1 'name=a b' --only {key} --limit 50 --fresh" in text
        )


def test_names_from_files_are_text_and_nothing_else(tmp_path):
    about = {
        "suite_text": HOSTILE,
        "source": HOSTILE,
        "created": HOSTILE,
        "environment": {"hard": {"cpu": HOSTILE}, "soft": {}, "volatile": {}},
    }
    hostile = cell().model_copy(update={"model": cell().model.model_copy(update={"options": {"x": HOSTILE}})})
    run = made_run(tmp_path, 3, classes=(HOSTILE, *CLASSES[1:]), about=about, planned=[hostile])
    store = Store(tmp_path)
    broken = bad(hostile, reason=HOSTILE).model_copy(update={"cautions": (HOSTILE,)})
    run.commit(broken, store.staging(run))
    differences = pd.DataFrame({"cell": [HOSTILE], "verdict": [HOSTILE]})
    reader = Reader(page_of(run, differences=differences))
    assert len(reader.all("script")) == 1
    assert not reader.all("img")
    assert "".join(reader.text).count(HOSTILE) >= 6
    assert f"warnings: 1{HOSTILE}" in "".join(reader.text)


def test_without_escaping_the_hostile_name_would_be_seen():
    assert len(Reader(f"<p>{HOSTILE}</p>").all("script")) == 1


def test_differences_are_shown_with_their_verdicts(run):
    frame = pd.DataFrame(
        {"cell": ["resnet18"], "figure": ["top1"], "difference": ["-0.02"], "verdict": ["worse"]}
    )
    reader = Reader(page_of(run, differences=frame))
    assert {"class": "verdict worse"} in [{"class": a.get("class", "")} for a in reader.all("td")]
    assert "Not compared" not in "".join(reader.text)


def test_pictures_are_left_out_on_demand(run, page):
    assert "Worst images" in page
    text = page_of(run, with_pictures=False)
    assert "data:image" not in text
    assert "Worst images" not in text


def test_a_damaged_file_is_named(tmp_path):
    run = made_run(tmp_path, 1)
    [file] = (run.folder / "samples").glob("*.parquet")
    file.write_bytes(b"something else")
    page = page_of(run)
    assert re.search(rf"{file}: samples .* of .*: the file has changed", page)
    assert "Confusion matrix" in page  # the rest of the cell is there
    assert "Latency distribution" not in page
    file.unlink()
    assert "left out:" not in page_of(run)


def test_a_file_outside_of_the_run_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    store = Store(tmp_path / "results")
    outside = Attachment(kind="samples", name="latency@batch=1", file="../../../secret", sha256="0")
    with store.writing(run_info(), fresh=True) as run:
        pass
    record = good(cell(), top1(0.5), attachments=(outside,))
    (run.folder / "cells" / f"{record.key}.json").write_text(record.model_dump_json(), encoding="utf-8")
    page = page_of(run)
    assert "outside the run&#39;s folder" in page
    assert "Latency distribution" not in page


@pytest.mark.slow
def test_a_page_of_fifty_cells_stays_below_two_and_a_half_megabytes(tmp_path):
    assert len(page_of(made_run(tmp_path, 48))) < 2_500_000
