"""What of a folder is an image of a dataset, and what is left out and counted."""

import os

import pytest

from cvbench.data.datasets.image_files import InFolder, list_images, list_left_out
from cvbench.data.datasets.open import open_dataset
from cvbench.data.datasets.verify import verify
from cvbench.errors import DataError
from cvbench.spec.cell import DataSpec
from tests.data.datasets.trees.pixels import jpeg, pixels


@pytest.fixture
def cats_and_dogs(tmp_path):
    """Two classes with two images each in both splits, and what tools leave behind beside them."""
    for split in ("train", "val"):
        for k, name in enumerate(("cat", "dog")):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for number in range(2):
                (folder / f"{number}.jpg").write_bytes(jpeg(pixels(100 * k + number + 10 * (split == "val"))))
    for stray in ("train/.ipynb_checkpoints/0.jpg", "val/cat/.ipynb_checkpoints/0.jpg"):
        (tmp_path / stray).parent.mkdir(parents=True)
        (tmp_path / stray).write_bytes(jpeg(pixels(7)))
    thumbnail = tmp_path / "val/cat/@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg"
    thumbnail.parent.mkdir(parents=True)
    thumbnail.write_bytes(jpeg(pixels(8)))
    (tmp_path / "val/@eaDir").mkdir()
    (tmp_path / "val/dog/notes.txt").write_text("good dogs")
    return tmp_path


def test_hidden_folders_and_thumbnails_are_neither_classes_nor_images(cats_and_dogs):
    for split in ("train", "val"):
        spec = DataSpec(name="folder", root=str(cats_and_dogs), split=split)
        dataset = open_dataset(spec, task="classification")
        assert dataset.classes == ("cat", "dog")
        assert len(dataset) == 4


def test_what_is_left_out_is_counted_and_listed(cats_and_dogs):
    spec = DataSpec(name="folder", root=str(cats_and_dogs), split="val")
    found = verify(spec, task="classification", on_step=lambda *_: None)
    [left_out] = [one for one in found.faults if "not part of this split" in one.what]
    assert left_out.places == ("@eaDir/", "cat/.ipynb_checkpoints/", "cat/@eaDir/", "dog/notes.txt")
    assert found.sound


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".JPG", ".gif", ".jp2", ".avif"])
def test_every_suffix_of_a_format_that_is_read_is_an_image(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(b"")
    assert [image.path for image in list_images(tmp_path)] == [f"a{suffix}"]


def test_links_to_folders_are_followed_and_a_circle_ends(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a.png").write_bytes(b"")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/cat").symlink_to(tmp_path / "there")
    (tmp_path / "there/up").symlink_to(tmp_path / "set")
    assert [image.path for image in list_images(tmp_path / "set")] == ["cat/a.png"]


def test_pipes_and_devices_are_no_images(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    assert list_images(tmp_path) == []
    assert list_left_out(tmp_path, []) == ["device.png", "pipe.png"]
    pictures = InFolder.of(tmp_path, ["pipe.png", "device.png"])
    for index in range(2):
        with pytest.raises(DataError, match=r"\.png: not a regular file"):
            pictures.read(index)
