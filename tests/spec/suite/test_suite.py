"""Choosing cells of a suite, limiting them, and holding records against what was expected."""

from datetime import UTC, datetime

import pytest

from cvbench.errors import SuiteError
from cvbench.record import Environment, Measurement, Record
from cvbench.spec.suite import parse_suite

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


def record(cell, *figures, outcome="ok"):
    return Record(
        key=cell.key,
        cell=cell,
        outcome=outcome,
        reason=None if outcome == "ok" else "it broke",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        wall_s=1.0,
        environment=Environment(hard={}, soft={}, volatile={}),
        measurements=figures,
    )


def figure(name, value, missing=None):
    return Measurement(
        name=name, value=value, missing=missing, unit="fraction", direction="higher", protocol="topk"
    )


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("resnet18", [0, 1]),  # the model's name
        ("resnet18 width=0.5", [1]),  # the title
        ("*net*", [0, 1, 2]),
        ("resnet1?", [0, 1]),
        ("alex*", [2]),
        (SUITE.cells[1].key, [1]),
        (SUITE.cells[2].key[:4], [2]),
    ],
)
def test_cells_are_chosen_by_name_title_or_key(pattern, chosen):
    assert SUITE.select(pattern).cells == tuple(SUITE.cells[index] for index in chosen)


def test_a_key_is_not_chosen_by_a_digit_or_two():
    with pytest.raises(SuiteError):
        SUITE.select(SUITE.cells[0].key[:3])


def test_a_pattern_that_names_nothing_is_told_what_there_is():
    with pytest.raises(SuiteError) as error:
        SUITE.select("vgg*")
    assert str(error.value) == (
        "--only vgg*: this names no cell.\n  There are: resnet18, resnet18 width=0.5, alexnet."
    )


def test_a_limit_holds_for_every_cell_and_a_smaller_one_stays():
    suite = parse_suite(
        "{schema: 1, data: fashion, train: {}, models: [resnet18, {name: alexnet, data: {limit: 3}}]}",
        path="a.yaml",
    )
    assert [cell.data.limit for cell in suite.limited(5).cells] == [5, 3]
    assert (suite.limit, suite.limited(5).limit) == (None, 5)


def test_cells_that_a_limit_makes_equal_are_one():
    suite = parse_suite(
        "{schema: 1, data: fashion, train: {}, models: [resnet18, {name: resnet18, data: {limit: 30}}]}",
        path="a.yaml",
    )
    assert len(suite.cells) == 2
    assert len(suite.limited(5).cells) == 1


def test_a_figure_below_its_floor_is_missed():
    cell = SUITE.cells[0]
    assert SUITE.missed([record(cell, figure("top1", 0.75))]) == [
        "resnet18: top1 is 0.75, expected at least 0.8"
    ]


def test_a_figure_at_its_floor_passes():
    assert SUITE.missed([record(SUITE.cells[0], figure("top1", 0.8))]) == []


def test_a_floor_holds_for_every_cell_of_its_model():
    records = [record(cell, figure("top1", 0.1)) for cell in SUITE.cells[:2]]
    assert [line.partition(":")[0] for line in SUITE.missed(records)] == ["resnet18", "resnet18 width=0.5"]


def test_a_figure_that_is_missing_is_missed_with_its_reason():
    alexnet = record(SUITE.cells[2], figure("top1", None, missing="no images"))
    assert SUITE.missed([alexnet]) == [
        "alexnet: top1 is missing (no images), expected at least 0.5",
        "alexnet: top5 was not measured, expected at least 0.9",
    ]


def test_a_cell_that_was_not_finished_misses_nothing():
    assert SUITE.missed([record(SUITE.cells[0], outcome="failed")]) == []


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


@pytest.mark.parametrize(("value", "missed"), [(0.7, 0), (0.702, 0), (0.698, 0), (0.7021, 1), (0.6979, 1)])
def test_a_published_figure_is_come_near_from_either_side(value, missed):
    first, second = PUBLISHED.cells
    records = [record(first, figure("top1", value)), record(second, figure("top1", 0.1))]
    assert len(PUBLISHED.missed(records)) == missed


def test_a_figure_that_is_far_from_the_published_one_or_missing_is_told():
    first, _ = PUBLISHED.cells
    assert PUBLISHED.missed([record(first, figure("top1", 0.65))]) == [
        "resnet18: top1 is 0.65, published 0.7 ± 0.002"
    ]
    assert PUBLISHED.missed([record(first)]) == ["resnet18: top1 was not measured, published 0.7 ± 0.002"]


def test_a_part_of_the_images_is_not_held_against_what_is_published():
    limited = PUBLISHED.limited(10)
    assert limited.missed([record(limited.cells[0], figure("top1", 0.1))]) == []


def test_published_figures_and_labels_have_to_make_sense():
    text = """
    schema: 1
    data: fashion
    models:
      - {name: resnet18, weights: a.pth, published: {top2: {value: 0.7, within: 0.002}}}
      - {name: resnet34, train: {epochs: 1}, labels: imagenet}
    """
    with pytest.raises(SuiteError) as caught:
        parse_suite(text, path="a.yaml")
    assert "models[0].published.top2: resnet18 is given no figure" in str(caught.value)
    assert "models[1].labels: labels are those of weights, and there are none" in str(caught.value)
