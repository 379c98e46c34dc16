"""A part of a data set is drawn evenly over its order, and is a data set of its own."""

import pickle
from collections import Counter

import numpy as np
import pytest

from cvbench.data.datasets.fashion import fashion
from cvbench.data.datasets.subset import drawing_order, drawn
from cvbench.interfaces import Dataset


@pytest.fixture(scope="module")
def whole() -> Dataset:
    return fashion(task="classification", split="test")


@pytest.mark.parametrize("images", [1, 2, 3, 7, 64, 65, 1000])
def test_every_image_is_drawn_once(images):
    for seed in (0, 1):
        assert sorted(drawing_order(images, seed)) == list(range(images))


def test_the_order_is_pinned_and_another_seed_draws_others():
    assert drawing_order(10, 0).tolist() == [9, 2, 6, 1, 5, 8, 3, 7, 0, 4]
    assert drawing_order(10, 1).tolist() != drawing_order(10, 0).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_set_sorted_by_class_gives_every_class_its_share(seed):
    labels = np.repeat(np.arange(10), 60)
    shares = Counter(labels[drawing_order(len(labels), seed)[:50]].tolist())

    assert shares.keys() == set(range(10))
    assert max(shares.values()) <= 8  # five each on average


def test_samples_keep_their_order_and_a_larger_draw_holds_the_smaller(whole):
    few, more = drawn(whole, 3, seed=5), drawn(whole, 8, seed=5)
    ids = [sample.id for sample in few]

    assert ids == [whole[index].id for index in sorted(drawing_order(len(whole), 5)[:3])]
    assert set(ids) < {sample.id for sample in more}
    assert few[-1].id == ids[2]
    with pytest.raises(IndexError):
        few[3]


def test_its_passport_is_its_own_says_how_and_is_always_the_same(whole):
    three, four, other = (
        drawn(whole, 3).passport,
        drawn(whole, 4).passport,
        drawn(whole, 3, seed=1).passport,
    )

    assert three.images == 3
    assert three.drawn == "3 of 2000 images, evenly over their order, seed 0"
    assert whole.passport.drawn is None
    assert len({three.sha256, four.sha256, other.sha256, whole.passport.sha256}) == 4
    assert drawn(pickle.loads(pickle.dumps(whole)), 3).passport == three


def test_all_images_are_the_data_set_itself(whole):
    for count in (None, 2000, 9999):
        assert drawn(whole, count) is whole


def test_it_keeps_classes_and_task(whole):
    cut = drawn(whole, 3)

    assert isinstance(cut, Dataset)
    assert (cut.classes, cut.task) == (whole.classes, whole.task)


def test_no_images_are_a_mistake_of_the_program(whole):
    with pytest.raises(ValueError, match="cannot take 0 images"):
        drawn(whole, 0)
