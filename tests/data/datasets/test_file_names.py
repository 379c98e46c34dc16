"""Names in COCO files are taken as written, else in the spelling of a file that is there."""

import json
from unicodedata import normalize

import pytest

from cvbench.data.datasets import open_dataset
from cvbench.errors import DataError
from cvbench.spec.cell import DataSpec
from tests.data.datasets.trees.pixels import jpeg, pixels


def opened(root, names, files, split="val", folder="val"):
    for number, file in enumerate(files):
        path = root / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(pixels(number)))
    document = {
        "images": [{"id": k, "file_name": name} for k, name in enumerate(names)],
        "categories": [{"id": 1, "name": "ant"}],
        "annotations": [],
    }
    (root / "annotations").mkdir(exist_ok=True)
    (root / f"annotations/instances_{split}.json").write_text(json.dumps(document))
    return open_dataset(DataSpec(name="coco-json", root=str(root), split=split), task="detection")


UMLAUT = "sch\u00f6n.jpg"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("images\\1.jpg", "images/1.jpg"),
        ("my%20image%20%281%29.jpg", "my image (1).jpg"),
        ("a%20b.jpg", "a%20b.jpg"),
        (normalize("NFC", UMLAUT), normalize("NFD", UMLAUT)),
        (normalize("NFD", UMLAUT), normalize("NFC", UMLAUT)),
        ("in\\sch%C3%B6n.jpg", f"in/{normalize('NFD', UMLAUT)}"),
    ],
)
def test_another_spelling_of_a_name_is_found(tmp_path, name, file):
    dataset = opened(tmp_path, [name], [file])

    assert dataset.pictures.paths[0] == file
    assert dataset[0].image.shape[0] == 3


def test_an_absolute_name_is_taken_within_the_folder_and_refused_outside(tmp_path):
    assert len(opened(tmp_path, [f"{tmp_path}/val/1.jpg"], ["1.jpg"])) == 1
    with pytest.raises(
        DataError, match=r"'/else/1\.jpg' points outside the image folder\.\n  Write names relat"
    ):
        opened(tmp_path, ["/else/1.jpg"], ["1.jpg"])


def test_no_spelling_leads_out_and_no_two_names_are_one_file(tmp_path):
    (tmp_path / "secret.jpg").write_bytes(jpeg(pixels(1)))
    with pytest.raises(DataError, match="contains none of the 1 images"):
        opened(tmp_path, ["..\\secret.jpg"], ["1.jpg"])
    with pytest.raises(DataError, match=r"the file names 'a b\.jpg' and 'a%20b\.jpg' are one file"):
        opened(tmp_path, ["a b.jpg", "a%20b.jpg"], ["a b.jpg"])


@pytest.mark.parametrize("folder", ["valid", "validation"])
def test_val_may_be_called_otherwise_in_a_folder(tmp_path, folder):
    assert len(opened(tmp_path, ["1.jpg"], ["1.jpg"], folder=folder)) == 1
    own = tmp_path / "own"
    for split in ("train", folder):
        (own / split / "a").mkdir(parents=True)
        (own / split / "a/1.jpg").write_bytes(jpeg(pixels(1)))
    dataset = open_dataset(DataSpec(name="folder", root=str(own), split="val"), task="classification")
    assert dataset.passport.split == "val"
    (own / "val/a").mkdir(parents=True)
    (own / "val/a/2.jpg").write_bytes(jpeg(pixels(2)))
    dataset = open_dataset(DataSpec(name="folder", root=str(own), split="val"), task="classification")
    assert dataset[0].id == "a/2.jpg"  # the usual name comes first


@pytest.mark.parametrize(("name", "task"), [("coco-json", "detection"), ("folder", "classification")])
def test_files_of_yolos_trainers_are_recognized(tmp_path, name, task):
    (tmp_path / "data.yaml").write_text("names: [ant]")
    with pytest.raises(DataError, match=r"looks like a dataset in YOLO format .*convert it"):
        open_dataset(DataSpec(name=name, root=str(tmp_path), split="val"), task=task)
