"""The first so many images are a data set of their own."""

import pickle

import pytest

from cvbench.data.datasets.fashion import fashion
from cvbench.data.datasets.open import first
from cvbench.interfaces import Dataset


@pytest.fixture(scope="module")
def whole() -> Dataset:
    return fashion(task="classification", split="test")


def test_it_holds_the_first_images_and_no_more(whole):
    cut = first(whole, 3)

    assert [sample.id for sample in cut] == [whole[index].id for index in range(3)]
    assert cut[-1].id == whole[2].id
    with pytest.raises(IndexError):
        cut[3]


def test_its_passport_is_its_own_and_always_the_same(whole):
    three, four = first(whole, 3).passport, first(whole, 4).passport

    assert three.images == 3
    assert len({three.sha256, four.sha256, whole.passport.sha256}) == 3
    assert first(pickle.loads(pickle.dumps(whole)), 3).passport == three


def test_all_images_are_the_data_set_itself(whole):
    assert first(whole, 2000) is whole
    assert first(whole, 9999) is whole


def test_it_keeps_classes_and_task(whole):
    cut = first(whole, 3)

    assert isinstance(cut, Dataset)
    assert (cut.classes, cut.task) == (whole.classes, whole.task)


def test_no_images_are_a_mistake_of_the_program(whole):
    with pytest.raises(ValueError, match="0 images are none"):
        first(whole, 0)
