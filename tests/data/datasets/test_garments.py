"""Both sources of Fashion-MNIST give the same photographs."""

import numpy as np
import pytest

from cvbench.data.datasets.fashion import CLASSES, Garments, read_garments
from cvbench.errors import DataError


@pytest.mark.parametrize(("split", "each"), [("train", 500), ("test", 200)])
def test_every_class_comes_along_equally_often_in_file_order(embedded, split, each):
    _, labels, rows = embedded[split]

    assert np.bincount(labels).tolist() == [each] * len(CLASSES)
    assert (np.diff(rows.astype(np.int64)) > 0).all()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("below", ["", "fashion-mnist", "FashionMNIST/raw"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_official_files_are_found_and_begin_as_the_embedded_ones(embedded, official, below, packed, split):
    garments = read_garments(split, str(official(below, packed=packed)))

    for expected, actual in zip(embedded[split], garments, strict=True):
        assert np.array_equal(expected[:20], actual)


def test_the_hash_is_that_of_pixels_labels_and_rows(embedded):
    garments = Garments(*(array[:50] for array in embedded["test"]))
    pixel, label, row = (array.copy() for array in garments)
    pixel[3, 4, 5] ^= 1
    label[7] = (label[7] + 1) % 10
    row[9] += 1
    order = np.roll(np.arange(50), 1)
    altered = [
        garments._replace(images=pixel),
        garments._replace(labels=label),
        garments._replace(rows=row),
        Garments(*(array[order] for array in garments)),
        Garments(*(array[:-1] for array in garments)),
    ]

    hashes = [garments.sha256(), *(other.sha256() for other in altered)]

    assert len(set(hashes)) == len(hashes)
    assert hashes[0] == Garments(*(array.copy() for array in garments)).sha256()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(
        DataError, match=r"nowhere: there is no such folder; set root to the folder that contains train-"
    ):
        read_garments("train", str(tmp_path / "nowhere"))


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_missing_file_is_named(official, name):
    root = official()
    (root / name).unlink()

    with pytest.raises(
        DataError, match=f"contains neither {name} nor {name}.gz, also not under fashion-mnist/"
    ):
        read_garments("test", str(root))


def test_more_labels_than_images_are_refused(tmp_path, embedded, write_idx):
    images, labels, _ = embedded["train"]
    write_idx(tmp_path, "train", images[:4], labels[:5], packed=False)

    with pytest.raises(DataError, match=r"labels-idx1-ubyte: 5 labels for 4 images in .*images-idx3-ubyte"):
        read_garments("train", str(tmp_path))


def test_no_images_are_refused(tmp_path, embedded, write_idx):
    images, labels, _ = embedded["train"]
    write_idx(tmp_path, "train", images[:0], labels[:0], packed=False)

    with pytest.raises(DataError, match="images-idx3-ubyte: contains no images"):
        read_garments("train", str(tmp_path))


def test_images_of_another_size_are_refused(tmp_path, embedded, write_idx):
    images, labels, _ = embedded["train"]
    write_idx(tmp_path, "train", images[:4, :, :20], labels[:4], packed=False)

    with pytest.raises(DataError, match="images of 20 x 28 pixels, not 28 x 28"):
        read_garments("train", str(tmp_path))


def test_a_label_above_nine_is_refused(tmp_path, embedded, write_idx):
    images, labels, _ = embedded["train"]
    labels = labels[:4].copy()
    labels[2] = 10
    write_idx(tmp_path, "train", images[:4], labels, packed=False)

    with pytest.raises(DataError, match="row 2 has the label 10; labels are 0 to 9"):
        read_garments("train", str(tmp_path))


def test_another_split_is_a_mistake_of_the_program():
    with pytest.raises(ValueError, match="no split 'val'; the splits are train, test"):
        read_garments("val")
