import pytest

from cvbench.metrics.per_image import PerImage


def test_entries_come_back_in_the_order_of_the_ids():
    images: PerImage[int] = PerImage()
    images.add(["b", "c"], [2, 3])
    images.add(["a"], [1])
    assert images.ids() == ["a", "b", "c"]
    assert images.entries() == [1, 2, 3]
    assert len(images) == 3


def test_ids_that_are_numbers_are_ordered_as_numbers():
    images: PerImage[int] = PerImage()
    images.add(["10", "9", "000100"], [10, 9, 100])
    assert images.ids() == ["9", "10", "000100"]


def test_an_id_that_came_before_is_refused_and_nothing_of_its_batch_is_taken():
    images: PerImage[int] = PerImage()
    images.add(["a"], [1])
    with pytest.raises(ValueError, match="image 'a' was added twice"):
        images.add(["b", "a"], [2, 3])
    assert images.ids() == ["a"]


def test_an_id_that_comes_twice_in_one_batch_is_refused():
    images: PerImage[int] = PerImage()
    with pytest.raises(ValueError, match="image 'x' was added twice"):
        images.add(["y", "x", "x"], [1, 2, 3])


def test_ids_and_images_have_to_be_equally_many():
    images: PerImage[int] = PerImage()
    with pytest.raises(ValueError, match="2 ids for 1 images"):
        images.add(["a", "b"], [1])
