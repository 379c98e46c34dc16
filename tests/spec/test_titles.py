"""What the cells of one run are called: no two alike, and nothing that all have in common."""

import pytest

from cvbench.spec.cell import Cell, DataSpec, ModelSpec, Runtime, TrainRecipe
from cvbench.spec.suite import parse_suite
from cvbench.spec.titles import distinct_titles

DATA = DataSpec(name="fashion")


def of(*models: dict, **fields) -> list[Cell]:
    return [Cell(model=ModelSpec(**({"name": "resnet18"} | model)), data=DATA, **fields) for model in models]


@pytest.mark.parametrize(
    ("cells", "titles"),
    [
        (of({}), ["resnet18"]),
        (of({}, {"name": "resnet34"}), ["resnet18", "resnet34"]),
        (of({"weights": "a.pt"}, {"weights": "b.pt"}), ["resnet18 weights=a.pt", "resnet18 weights=b.pt"]),
        (of({"weights": "a.pt"}, {}), ["resnet18 weights=a.pt", "resnet18"]),
        (
            of({"weights": "x/last.pt"}, {"weights": "y/last.pt"}),
            ["resnet18 weights=x/last.pt", "resnet18 weights=y/last.pt"],
        ),
        (
            of({"options": {"anchors": ((1, 2),)}}, {"options": {"anchors": ((3, 4),)}}),
            ["resnet18 anchors=((1, 2),)", "resnet18 anchors=((3, 4),)"],
        ),
        (
            [*of({}, runtime=Runtime(threads=1)), *of({}, runtime=Runtime(threads=2))],
            ["resnet18 threads=1", "resnet18 threads=2"],
        ),
        (
            [*of({}, train=TrainRecipe(epochs=1)), *of({}, train=TrainRecipe(epochs=2))],
            ["resnet18 train.epochs=1", "resnet18 train.epochs=2"],
        ),
        (of({"title": "ours", "weights": "a.pt"}, {"weights": "b.pt"}), ["ours", "resnet18"]),
    ],
)
def test_a_title_says_in_what_its_namesakes_differ(cells, titles):
    assert distinct_titles(cells) == titles


def test_what_has_no_short_form_is_told_apart_by_the_key_and_one_cell_twice_is_not():
    cells = [*of({}, metrics=("topk",)), *of({}, metrics=("calibration",))]
    named = distinct_titles(cells)
    assert named == [f"resnet18 ({cell.key[:6]})" for cell in cells]
    assert distinct_titles([cells[0], cells[0]]) == ["resnet18", "resnet18"]


def test_what_a_column_shows_is_not_repeated():
    cells = [*of({}, seed=1), *of({}, seed=2)]
    assert distinct_titles(cells, shown=("seed",)) == ["resnet18", "resnet18"]
    assert distinct_titles(cells) == ["resnet18 seed=1", "resnet18 seed=2"]


def test_a_suite_gives_a_model_a_title_that_changes_no_key():
    text = "{{schema: 1, data: fashion, train: {{epochs: 2}}, models: [{{name: resnet18{title}}}]}}"
    plain, titled = (parse_suite(text.format(title=t), path="a.yaml") for t in ("", ", title: Our net"))
    assert titled.cells[0].title == "Our net"
    assert titled.cells[0].key == plain.cells[0].key
    assert titled.select("Our*").cells == titled.select("resnet18").cells == titled.cells
