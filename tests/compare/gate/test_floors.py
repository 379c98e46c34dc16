"""What a suite expects is judged by one rule, from a suite at hand or from a run on disk, new or old."""

import json
from pathlib import Path

import pytest

import cvbench
from cvbench.compare.gate.floors import check_records, check_run, expectations_of
from cvbench.compare.gate.result import Answer, exit_code
from cvbench.errors import StoreError
from cvbench.record import Measurement
from cvbench.spec.expectations import Expectations, Published
from cvbench.spec.suite import parse_suite
from cvbench.store import Store
from tests.records import bad, good, run_info

SUITE = parse_suite(
    """
    schema: 1
    data: fashion
    train: {}
    models:
      - resnet18
      - {name: resnet18, options: {width: 0.5}}
      - alexnet
    expect: {resnet18: {top1: 0.8}, alexnet: {top1: 0.5, top5: 0.9}}
    """,
    path="a.yaml",
)
PUBLISHED = parse_suite(
    """
    schema: 1
    data: fashion
    models:
      - {name: resnet18, weights: a.pth, published: {top1: {value: 0.7, within: 0.002}}}
      - {name: resnet18, weights: b.pth}
    """,
    path="a.yaml",
)


def figure(name, value, missing=None):
    return Measurement(
        name=name, value=value, missing=missing, unit="fraction", direction="higher", protocol="topk"
    )


def missed(suite, *records):
    items = check_records(records, suite.expectations)
    return [f"{item.cell}: {item.message}" for item in items if item.answer is Answer.REGRESSION]


def test_a_figure_below_its_floor_is_missed():
    assert missed(SUITE, good(SUITE.cells[0], figure("top1", 0.75))) == [
        "resnet18: top1 is 0.75, expected at least 0.8"
    ]


def test_a_figure_at_its_floor_passes():
    items = check_records([good(SUITE.cells[0], figure("top1", 0.8))], SUITE.expectations)
    assert [(item.name, item.answer) for item in items] == [
        ("resnet18: outcome", Answer.PASS),
        ("resnet18: expect top1", Answer.PASS),
    ]


def test_a_floor_holds_for_every_cell_of_its_model():
    records = [good(cell, figure("top1", 0.1)) for cell in SUITE.cells[:2]]
    assert [line.partition(":")[0] for line in missed(SUITE, *records)] == ["resnet18", "resnet18 width=0.5"]


def test_a_figure_that_is_missing_is_missed_with_its_reason():
    alexnet = good(SUITE.cells[2], figure("top1", None, missing="no images"))
    assert missed(SUITE, alexnet) == [
        "alexnet: top1 is missing (no images), expected at least 0.5",
        "alexnet: top5 was not measured, expected at least 0.9",
    ]


def test_a_cell_that_was_not_finished_misses_nothing_and_fails():
    [item] = check_records([bad(SUITE.cells[0], "it broke")], SUITE.expectations)
    assert (item.name, item.answer, item.message) == ("resnet18: outcome", Answer.FAILED, "failed: it broke")


@pytest.mark.parametrize(
    "reason", ["no data: there is no folder dta", "x; no weights: there is no file b.pth"]
)
def test_a_cell_without_its_data_or_weights_fails_unless_skips_are_allowed(reason):
    skipped = bad(SUITE.cells[0], reason).model_copy(update={"outcome": "skipped"})
    [item] = check_records([skipped], SUITE.expectations)
    assert (item.answer, exit_code([item])) == (Answer.FAILED, 3)
    assert reason in item.message
    assert exit_code(check_records([skipped], SUITE.expectations, allow_skips=True)) == 0


def test_a_cell_that_was_skipped_misses_nothing_and_passes():
    skipped = bad(SUITE.cells[0], "there is no GPU here").model_copy(update={"outcome": "skipped"})
    items = check_records([skipped], SUITE.expectations)
    assert [(item.answer, item.message) for item in items] == [(Answer.PASS, "there is no GPU here")]
    assert exit_code(items) == 0


@pytest.mark.parametrize(("value", "count"), [(0.7, 0), (0.702, 0), (0.698, 0), (0.7021, 1), (0.6979, 1)])
def test_a_published_figure_is_come_near_from_either_side(value, count):
    first, second = PUBLISHED.cells
    records = [good(first, figure("top1", value)), good(second, figure("top1", 0.1))]
    assert len(missed(PUBLISHED, *records)) == count


def test_a_figure_that_is_far_from_the_published_one_or_missing_is_told():
    first, _ = PUBLISHED.cells
    assert missed(PUBLISHED, good(first, figure("top1", 0.65))) == [
        "resnet18: top1 is 0.65, published 0.7 ± 0.002"
    ]
    assert missed(PUBLISHED, good(first)) == ["resnet18: top1 was not measured, published 0.7 ± 0.002"]


def test_a_part_of_the_images_is_not_held_against_what_is_published():
    limited = PUBLISHED.limited(10)
    assert missed(limited, good(limited.cells[0], figure("top1", 0.1))) == []


def test_python_judges_by_the_same_function():
    assert cvbench.check_records is check_records


def stored(tmp_path, suite, *records, **changes):
    """A run on disk of a suite's cells; `changes` are made to run.json after it was written."""
    info = run_info(
        suite.name,
        *suite.cells,
        source=suite.source,
        suite_text=suite.text,
        overrides=suite.overrides,
        expectations=suite.expectations,
    )
    store = Store(tmp_path / "results")
    with store.writing(info, fresh=True) as run:
        for record in records:
            run.commit(record, store.staging(run))
    path = run.folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return run


def old_style(tmp_path, suite, *records, **changes):
    """The same, as it was written before the file had `expectations`."""
    run = stored(tmp_path, suite, *records, **changes)
    path = run.folder / "run.json"
    content = json.loads(path.read_text())
    del content["expectations"]
    path.write_text(json.dumps(content))
    return run


def with_overrides(*overrides, suite=SUITE):
    return parse_suite(suite.text, path=suite.source, overrides=overrides)


@pytest.mark.parametrize("stored", [stored, old_style])
def test_a_stored_run_is_judged_as_its_suite_is(stored, tmp_path):
    for suite in (
        SUITE,
        PUBLISHED,
        with_overrides("expect.resnet18.top1=9e-1"),
        with_overrides("models.0.published.top1.within=1e-1", suite=PUBLISHED),
    ):
        records = [good(cell, figure("top1", 0.8)) for cell in suite.cells]
        run = stored(tmp_path, suite, *records)
        assert expectations_of(run) == suite.expectations
        assert check_run(run, run.records()) == check_records(records, suite.expectations)


def test_what_is_stored_counts_and_not_the_text_beside_it(tmp_path):
    run = stored(tmp_path, SUITE, suite_text="expect: [")
    assert expectations_of(run) == SUITE.expectations


def test_run_json_holds_the_resolved_expectations_in_a_typed_form(tmp_path):
    suite = with_overrides("models.0.published.top1.value=5e-1", suite=PUBLISHED)
    content = json.loads((stored(tmp_path, suite).folder / "run.json").read_text())
    assert content["expectations"] == {
        "expect": {},
        "published": {suite.cells[0].key: {"top1": {"value": 0.5, "within": 0.002}}},
    }
    assert Expectations.model_validate(content["expectations"]).published == {
        suite.cells[0].key: {"top1": Published(value=0.5, within=0.002)}
    }


@pytest.mark.parametrize("text", ["", "models: [", "schema: 1\nmodels: [resnet19]\ndata: fashion"])
def test_an_old_run_whose_suite_is_not_valid_is_an_error_with_a_remedy(tmp_path, text):
    run = old_style(tmp_path, SUITE, suite_text=text)
    with pytest.raises(StoreError, match="its floors are unknown") as caught:
        expectations_of(run)
    assert str(run.folder / "run.json") in str(caught.value)
    assert str(caught.value).splitlines()[-1].startswith("  Run the suite again")


def test_a_cell_of_the_suite_without_a_record_fails(tmp_path):
    run = stored(tmp_path, SUITE, *(good(cell, figure("top1", 0.8)) for cell in SUITE.cells[:2]))
    items = check_run(run, run.records())
    assert [item.name for item in items if item.answer is Answer.FAILED] == ["alexnet: outcome"]
    assert exit_code(items) == 3


OLD = json.loads((Path(__file__).parent / "run-before-expectations.json").read_text())


def test_a_run_json_of_before_is_read_whole(tmp_path):
    folder = tmp_path / "s" / OLD["run"]
    (folder / "cells").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(OLD))
    [run] = Store(tmp_path).runs()
    assert run.info.model_dump(mode="json") == {**OLD, "expectations": None}
    assert expectations_of(run) == Expectations(expect={"resnet18": {"top1": 0.9}})
