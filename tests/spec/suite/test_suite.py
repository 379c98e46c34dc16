"""Choosing cells of a suite, and limiting them."""

import pytest

from cvbench.errors import SuiteError
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
        "--only vgg*: no cell matches.\n  The cells are: resnet18, resnet18 width=0.5, alexnet."
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
    assert "models[0].published.top2: resnet18 has no metric" in str(caught.value)
    assert "models[1].labels: labels describes weights, and the model has none" in str(caught.value)
