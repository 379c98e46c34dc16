"""Images that are scored and trained on are found by their contents, and published splits by path alone."""

import pytest

from cvbench.data.datasets import open_dataset
from cvbench.data.datasets.image_files import InFolder
from cvbench.data.datasets.overlap import note_on_overlap, shared_images
from cvbench.spec.cell import DataSpec
from tests.data.datasets.trees.pixels import jpeg, pixels

COMMON = "2 of 3 images of the scored split are in the training split: "


def tree(root, train, val):
    """Class folders; a file's content is that of its number."""
    for split, numbers in (("train", train), ("val", val)):
        for place, number in enumerate(numbers):
            path = root / split / "ab"[place % 2] / f"{place}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg(pixels(number)))
    return root


def opened(root, split, **fields):
    return open_dataset(DataSpec(name="folder", root=str(root), split=split, **fields), task="classification")


def test_equal_contents_are_found_under_any_name(tmp_path):
    root = tree(tmp_path, train=(1, 2, 3, 4), val=(9, 2, 4))
    note = note_on_overlap(opened(root, "val"), opened(root, "train"))

    assert note.startswith(
        f"{COMMON}{root}/val/a/2.jpg, {root}/val/b/1.jpg. A model that was trained on them"
    )


def test_splits_without_a_common_image_have_no_note(tmp_path):
    root = tree(tmp_path, train=(1, 2, 3, 4), val=(9, 8))
    assert note_on_overlap(opened(root, "val"), opened(root, "train")) is None


def test_files_of_equal_size_and_other_content_are_not_equal(tmp_path):
    root = tree(tmp_path, train=(1, 2), val=(8, 9))
    same = b"\xff\xd8" + b"x" * 20_000
    (root / "train/a/0.jpg").write_bytes(same + b"1")
    (root / "val/a/0.jpg").write_bytes(same + b"2")

    assert shared_images(opened(root, "val"), opened(root, "train")) == []


def test_a_split_is_its_own_training_split_without_any_reading(tmp_path, monkeypatch):
    root = tree(tmp_path, train=(1, 2), val=(1, 2, 3))
    monkeypatch.setattr(InFolder, "_read", None)

    assert len(shared_images(opened(root, "val"), opened(root, "val"))) == 3


def test_only_files_of_a_size_that_both_have_are_read(tmp_path, monkeypatch):
    root = tree(tmp_path, train=(1, 2, 3, 4), val=(9, 2))
    read, real = [], InFolder._read
    monkeypatch.setattr(
        InFolder,
        "_read",
        lambda self, index, *part: read.append(self.name(index)) or real(self, index, *part),
    )
    (root / "train/a/0.jpg").write_bytes(b"of a size that no other file has")

    assert len(shared_images(opened(root, "val"), opened(root, "train"))) == 1
    assert f"{root}/train/a/0.jpg" not in read


def test_a_file_that_cannot_be_read_is_no_common_image(tmp_path):
    root = tree(tmp_path, train=(1, 2), val=(1, 2))
    scored, trained = opened(root, "val"), opened(root, "train")
    (root / "train/a/0.jpg").unlink()

    assert shared_images(scored, trained) == [f"{root}/val/b/1.jpg"]


@pytest.mark.parametrize(("split", "count"), [("test", 20), ("train", 0)])
def test_images_that_are_in_no_files_are_compared_by_the_fingerprint(split, count):
    garments = [
        open_dataset(DataSpec(name="fashion", split=one, limit=20), task="classification")
        for one in (split, "test")
    ]
    assert len(shared_images(*garments)) == count


def test_of_a_limited_split_only_the_drawn_images_count(tmp_path):
    root = tree(tmp_path, train=(1, 2, 3, 4), val=(1, 2, 3, 4))
    scored = opened(root, "val", limit=2)

    assert len(scored) == 2
    assert len(shared_images(scored, opened(root, "train"))) == 2
