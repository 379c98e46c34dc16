"""`cvbench data`: what is there, how it looks, and copies for other tools."""

import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from cvbench.cli.output import complete_dataset, complete_with_boxes
from cvbench.spec.catalogue import DATASETS

SMALL = ("--option", "size=64", "--option", "train=3", "--option", "test=2")


def test_every_data_set_is_listed_with_its_tasks_images_and_licence(cvbench):
    done = cvbench("data", "list")
    header, *rows = done.stdout.splitlines()

    assert [row.split()[0] for row in rows] == list(DATASETS)
    assert header.split() == ["name", "tasks", "classes", "images", "license", "files"]
    for words in ("detection, segmentation", "train 5,000, test 2,000", "MIT", "bundled"):
        assert words in done.stdout
    assert "$CVBENCH_DATA/NAME" in done.stderr


def test_programs_get_one_document(cvbench):
    done = cvbench("data", "list", "--json")

    assert [entry["name"] for entry in done.document] == list(DATASETS)
    assert done.document[1]["splits"] == {"train": 2000, "test": 500}
    assert done.document[1]["options"]["size"]["default"] == 128
    assert done.document[0]["root"] is None
    assert done.document[0]["root_by_default"] == "$CVBENCH_DATA/fashion"
    assert done.stderr == ""


def test_a_folder_of_the_environment_is_listed(cvbench, tmp_path, monkeypatch):
    (tmp_path / "fashion").mkdir()
    monkeypatch.setenv("CVBENCH_DATA", str(tmp_path))

    assert cvbench("data", "list", "--json").document[0]["root"] == str(tmp_path / "fashion")
    assert str(tmp_path / "fashion") in cvbench("data", "list").stdout


def test_a_data_set_is_shown_to_the_byte(cvbench):
    done = cvbench("data", "show", "fashion")

    assert done.code == 0
    assert "fashion, test, for classification" in done.stdout
    assert "images     2,000" in done.stdout
    assert "test/00000, 28 x 28 pixels" in done.stdout
    assert "e15cf8f01d7cfbd27af5eb139c2958f1e64dd3affe00a3b7cfeff5f39b840726" in done.stdout


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_the_first_images_are_drawn(cvbench, tmp_path, task):
    file = tmp_path / "picture.png"

    done = cvbench("data", "show", "fashion-scenes", "--task", task, "-o", file, "--count", 3, *SMALL)

    assert done.code == 0
    assert f"{file}, the first 2" in done.stdout  # for there are no more
    picture = np.asarray(Image.open(file))
    assert picture.shape[1] == 8 + 2 * (320 + 8)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "fashoin"], 'there is no dataset "fashoin".\n  Did you mean fashion'),
        (["show", "fashion", "--split", "val"], 'fashion has no split "val"'),
        (["show", "fashion", "--task", "detection"], "fashion has no truth for detection"),
        (["show", "fashion", "--root", "nowhere"], "nowhere: there is no such folder"),
        (["show", "fashion", "-o", "picture.jpg"], "picture.jpg: pictures are PNG"),
        (["show", "fashion", "-o", "no/p.png"], "no/p.png: cannot be written (No such file or directory)"),
        (["show", "mine.sets:own"], "mine.sets:own: its task is unknown; name it with"),
        (["show", "fashion-scenes", "--option", "size"], "--option size: write KEY=VALUE"),
        (["show", "fashion-scenes", "--option", "size={a: 1}"], "'{a: 1}' is not a plain value"),
        (["show", "fashion-scenes", "--option", "size=[1"], "'[1' is not a plain value"),
        (["show", "fashion-scenes", "--option", "sise=1"], "Did you mean size?"),
        (["verify", "coco"], "coco: this dataset is not bundled.\n  Name its folder with --root"),
        (
            ["verify", "coco", "--root", "nowhere"],
            "nowhere: there is no such folder; set root to the folder that contains coco",
        ),
        (["verify", "fashoin"], "Did you mean fashion"),
        (["fetch", "fashoin"], "Did you mean fashion"),
        (["export", "fashion", "x", "--format", "coco"], "fashion has no truth for detection"),
        (["export", "mine.sets:own", "x", "--format", "coco"], "name them with --split"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_mistake_is_said_without_a_traceback(cvbench, arguments, message):
    done = cvbench("data", *arguments)

    assert done.code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_coco_tree_is_written_with_the_notice_of_its_licence(cvbench, tmp_path):
    folder = tmp_path / "tree"

    done = cvbench("data", "export", "fashion-scenes", folder, "--format", "coco", *SMALL)

    assert done.code == 0
    assert f"5 images (train, test) written to {folder}" in done.stdout
    for split, count in (("train", 3), ("test", 2)):
        document = json.loads((folder / "annotations" / f"instances_{split}.json").read_text())
        assert len(document["images"]) == len(list((folder / split).iterdir())) == count
    assert "Zalando SE" in (folder / "NOTICE").read_text()


def test_a_voc_tree_is_written_of_one_split_cut_short(cvbench, tmp_path):
    chosen = ("--format", "voc", "--split", "train", "--limit", 1)

    done = cvbench("data", "export", "fashion-scenes", tmp_path / "tree", *chosen, *SMALL)

    assert "1 image (train) written" in done.stdout
    [annotation] = (tmp_path / "tree" / "Annotations").iterdir()
    assert ET.parse(annotation).getroot().findtext("size/width") == "64"


def test_a_folder_that_is_not_empty_is_written_over_when_forced(cvbench, tmp_path):
    (tmp_path / "kept").write_text("mine")
    command = ("data", "export", "fashion-scenes", tmp_path, "--format", "coco", *SMALL)

    refused, forced = cvbench(*command), cvbench(*command, "--force")

    assert refused.code == 2
    assert "not empty; choose another folder, or overwrite it with --force" in refused.stderr
    assert forced.code == 0
    assert (tmp_path / "kept").read_text() == "mine"


def test_names_are_completed():
    assert complete_dataset("fash") == ["fashion", "fashion-scenes"]
    assert complete_dataset("x") == []
    assert complete_with_boxes("") == ["fashion-scenes", "coco", "voc", "coco-json", "voc-xml"]


def loaded_by(code: str) -> set[str]:
    """The heavy modules that are there after some code ran in a fresh process."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {"torch", "numpy", "pandas", "PIL", "rich"} & set(told.stdout.split())


def test_listing_loads_nothing_heavy():
    code = "from cvbench.cli.data import app, list_; list_(as_json=False)"

    assert loaded_by(code) <= {"rich"}  # which typer's help may bring


@pytest.mark.full
def test_the_test_of_what_is_loaded_finds_torch():
    assert {"torch", "numpy"} <= loaded_by("import cvbench.data.datasets")
