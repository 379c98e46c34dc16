"""Fashion-MNIST as a classification set."""

import numpy as np
import pytest

from cvbench.data.datasets.fashion import fashion
from cvbench.interfaces import Dataset


@pytest.fixture(scope="module")
def test_split() -> Dataset:
    return fashion(task="classification", split="test")


def test_a_sample_is_the_photograph_in_three_equal_channels(test_split, embedded):
    sample = test_split[7]

    assert sample.image.shape == (3, 28, 28)
    for channel in sample.image.numpy():
        assert np.array_equal(embedded["test"].images[7], channel)
    assert sample.truth.label == embedded["test"].labels[7]
    assert sample.truth.scores.sum() == 1


def test_an_id_is_the_row_in_the_official_file(test_split, embedded):
    rows = embedded["test"].rows

    assert test_split[0].id == "test/00000"
    assert test_split[1999].id == f"test/{rows[1999]:05d}"
    assert rows[1999] > 1999  # of the 10,000 some are left out: the row is not the position


def test_what_is_done_to_a_sample_does_not_reach_the_data_set(test_split):
    before = test_split[0].image.clone()
    test_split[0].image.fill_(0)

    assert before.any()
    assert (test_split[0].image == before).all()


def test_the_classes_are_the_official_ones(test_split):
    assert test_split.classes[0] == "T-shirt/top"
    assert test_split.classes[9] == "ankle boot"


def test_the_embedded_passports_never_change():
    test, train = (fashion(task="classification", split=split).passport for split in ("test", "train"))

    assert test.sha256 == "e15cf8f01d7cfbd27af5eb139c2958f1e64dd3affe00a3b7cfeff5f39b840726"
    assert train.sha256 == "4fe6acb9ac376d2486f0e6197c570a82a28f3ff3c6792a5640d4f681d42525d7"


def test_the_official_files_are_opened_with_a_root(official):
    dataset = fashion(task="classification", split="train", root=str(official(packed=True)))

    assert len(dataset) == dataset.passport.images == 20
    assert dataset[19].id == "train/00019"


def test_another_task_is_a_mistake_of_the_program():
    with pytest.raises(ValueError, match="no truth for detection"):
        fashion(task="detection", split="test")
