"""A DataSpec opens what it says, and says what is wrong where it cannot."""

from textwrap import dedent

import pytest

from cvbench.data.datasets import open_dataset
from cvbench.errors import DataError, UnknownName
from cvbench.spec.catalogue import DATASETS, DatasetCard
from cvbench.spec.catalogue.datasets import find_root
from cvbench.spec.cell import DataSpec


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module `mine` of the user's own, with openers good and bad."""
    (tmp_path / "mine.py").write_text(
        dedent("""
            from cvbench.data.datasets.fashion import fashion

            def good(*, task, split, root=None, every=1):
                assert every == 3
                return fashion(task=task, split=split, root=root)

            def nothing(*, task, split, root=None):
                return [1, 2]

            def rootless(*, task, split):
                return fashion(task=task, split=split)

            number = 7
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_without_a_split_it_opens_what_is_scored():
    dataset = open_dataset(DataSpec(name="fashion", limit=30), task="classification")

    assert dataset.passport.split == "test"
    assert len(dataset) == dataset.passport.images == 30


def test_the_limit_of_a_spec_is_for_scoring_only():
    spec = DataSpec(name="fashion", limit=30)

    assert len(open_dataset(spec, task="classification", split="train")) == 5000
    assert len(open_dataset(spec, task="classification", split="train", limit=40)) == 40


def test_a_limit_of_its_own_needs_a_split_of_its_own():
    with pytest.raises(ValueError, match="limit of the scored split"):
        open_dataset(DataSpec(name="fashion"), task="classification", limit=4)


def test_options_reach_the_opener():
    spec = DataSpec(name="fashion-scenes", options={"size": 64, "test": 7, "occlusion": 0})

    dataset = open_dataset(spec, task="segmentation")

    assert len(dataset) == 7
    assert dataset[0].image.shape == (3, 64, 64)


def test_a_root_wins_over_the_environment_and_the_environment_over_what_comes_along(
    official, tmp_path, monkeypatch
):
    home = official("home/fashion").joinpath("home")
    spec = DataSpec(name="fashion", split="train")

    assert len(open_dataset(spec, task="classification")) == 5000
    monkeypatch.setenv("CVBENCH_DATA", str(home))
    assert len(open_dataset(spec, task="classification")) == 20
    with pytest.raises(DataError, match="elsewhere: there is no such folder"):
        open_dataset(spec.model_copy(update={"root": str(tmp_path / "elsewhere")}), task="classification")


def test_a_folder_without_the_data_set_in_the_environment_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("CVBENCH_DATA", str(tmp_path))
    assert find_root("fashion") is None

    (tmp_path / "fashion").mkdir()
    assert find_root("fashion") == str(tmp_path / "fashion")
    assert find_root("fashion", "given") == "given"

    monkeypatch.setenv("CVBENCH_DATA", "")
    assert find_root("fashion") is None


@pytest.mark.parametrize(
    ("spec", "task", "error", "message"),
    [
        ({"name": "fashoin"}, "classification", UnknownName, 'no dataset "fashoin".\n  Did you mean fashion'),
        ({"name": "fashion"}, "detection", DataError, "fashion has no truth for detection, only for classif"),
        (
            {"name": "fashion", "split": "tset"},
            "classification",
            UnknownName,
            'fashion has no split "tset", only train and test.\n  Did you mean test?',
        ),
        (
            {"name": "fashion", "options": {"size": 3}},
            "classification",
            UnknownName,
            'fashion has no option "size".\n  See all: cvbench show fashion',
        ),
        (
            {"name": "fashion-scenes", "options": {"sise": 96}},
            "detection",
            UnknownName,
            'no option "sise".\n  Did you mean size?   See all: cvbench show fashion-scenes',
        ),
        (
            {"name": "fashion-scenes", "options": {"size": "large"}},
            "detection",
            DataError,
            'fashion-scenes: size: "large" is not a whole number.\n  size: height and width of the canvas',
        ),
        (
            {"name": "fashion-scenes", "options": {"size": True}},
            "detection",
            DataError,
            "size: true is not a whole number.\n  size: height and width of the canvas; by default 128.",
        ),
        (
            {"name": "fashion-scenes", "options": {"occlusion": False}},
            "detection",
            DataError,
            "fashion-scenes: occlusion: false is not a number.\n  occlusion: ",
        ),
        ({"name": "mine:goood"}, "classification", UnknownName, 'mine has no "goood"'),
        ({"name": "mine:number"}, "classification", DataError, "mine:number: not callable; name a"),
        (
            {"name": "mine:rootless"},
            "classification",
            DataError,
            "mine:rootless: cannot be called with task, split, root (got an unexpected keyword",
        ),
        (
            {"name": "mine:good", "options": {"evry": 3}},
            "classification",
            DataError,
            "cannot be called with task, split, root, evry (got an unexpected keyword argument 'evry')",
        ),
        (
            {"name": "mine:good", "options": {"every": "third"}},
            "classification",
            DataError,
            'mine:good: every: "third" is not a whole number.\n  every: by default 1.',
        ),
        (
            {"name": "mine:nothing"},
            "classification",
            DataError,
            "mine:nothing: its return value is not a dataset: it has no classes, task, passport",
        ),
    ],
)
@pytest.mark.usefixtures("own_module")
def test_what_cannot_be_opened_is_named_with_its_remedy(spec, task, error, message):
    with pytest.raises(error) as caught:
        open_dataset(DataSpec(**spec), task=task)

    assert message in str(caught.value)


@pytest.mark.usefixtures("own_module")
def test_a_data_set_of_the_users_own_is_opened_by_its_address():
    dataset = open_dataset(DataSpec(name="mine:good", options={"every": 3}, limit=5), task="classification")

    assert len(dataset) == 5


def test_a_data_set_that_needs_a_root_says_where_it_is_looked_for(monkeypatch):
    card = DatasetCard(
        name="faraway",
        address="nowhere:faraway",
        summary="",
        tasks=("detection",),
        classes=1,
        splits={"test": 1},
        licence="",
        source="",
        needs_root=True,
    )
    monkeypatch.setitem(DATASETS._cards, "faraway", card)

    with pytest.raises(DataError) as caught:
        open_dataset(DataSpec(name="faraway"), task="detection")

    assert str(caught.value) == (
        "faraway: this dataset is not bundled.\n"
        "  Set root to the folder that contains it, or put it at $CVBENCH_DATA/faraway."
    )
