"""`cvbench init`: what it takes files for, and that its suites load and plan."""

import json

import numpy as np
import pytest
from PIL import Image

from cvbench.spec.suite import load_suite
from tests.models.external.test_onnx import classifier

MODELS = """\
from torch import nn

class MyNet(nn.Sequential):
    def __init__(self, num_classes):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, num_classes))

def my_data(*, task, split, root=None): ...

class MyMetric:
    def update(self, ids, predictions, truths): ...
    def compute(self): ...
"""
VOC = (
    "<annotation><size><width>16</width><height>12</height></size><object><name>{name}</name>"
    "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
)


def write(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")


def image(file, values=None):
    """An image, different for each path; or a label map of these values."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if values is None:
        draw = np.random.default_rng(sum(map(ord, str(file.relative_to(file.parents[2])))))
        pixels = draw.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    else:
        pixels = np.resize(np.array(values, np.uint8), (12, 16))
    Image.fromarray(pixels).save(file)


def class_folders(root):
    for path in ("a/1.jpg", "a/2.jpg", "b/1.jpg", "on/1.jpg"):
        image(root / path)


def coco(file, images, numbers):
    for number in numbers:
        image(images / f"{number}.jpg")
    entries = [{"id": n, "file_name": f"{n}.jpg", "width": 16, "height": 12} for n in numbers]
    box = {"id": 1, "image_id": numbers[0], "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25, "iscrowd": 0}
    tree = {"images": entries, "annotations": [box], "categories": [{"id": 1, "name": "car"}]}
    write(file, json.dumps(tree))


def voc(root, name="car"):
    for number, split in enumerate(("train", "val", "test")):
        image(root / f"JPEGImages/{number}.jpg")
        image(root / f"SegmentationClass/{number}.png", [0, 1])
        write(root / f"Annotations/{number}.xml", VOC.format(name=name))
        for kind in ("Main", "Segmentation"):
            write(root / f"ImageSets/{kind}/{split}.txt", f"{number}\n")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with one dataset or model of each form."""
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        class_folders(tmp_path / "splits" / split)
        image(tmp_path / f"pairs/images/{split}/1.jpg")
        image(tmp_path / f"pairs/masks/{split}/1.png", [0, 1, 2])
        image(tmp_path / f"yolo/images/{split}/1.jpg")
        write(tmp_path / f"yolo/labels/{split}/1.txt", "0 .5 .5 .1 .1\n")
    class_folders(tmp_path / "flat")
    image(tmp_path / "binary/img/1.jpg")
    image(tmp_path / "binary/gt/1_mask.png", [0, 255])
    write(tmp_path / "yolo/data.yaml", "train: images/train\nval: images/val\nnames: [car]\n")
    coco(tmp_path / "coco/annotations/instances_train2017.json", tmp_path / "coco/train2017", (1, 2))
    coco(tmp_path / "coco/annotations/instances_val2017.json", tmp_path / "coco/val2017", (3, 4))
    coco(tmp_path / "robo/train/_annotations.coco.json", tmp_path / "robo/train", (1, 2))
    coco(tmp_path / "robo/valid/_annotations.coco.json", tmp_path / "robo/valid", (3, 4))
    coco(tmp_path / "single/my labels.json", tmp_path / "single/pictures", (5, 6))
    coco(tmp_path / "both/annotations/instances_val.json", tmp_path / "both/val/x", (7, 8))
    class_folders(tmp_path / "both/val")
    voc(tmp_path / "voc/VOCdevkit/VOC2007")
    voc(tmp_path / "ownvoc/VOC2007", "zebra")
    write(tmp_path / "pascal/Annotations/1.xml", VOC.format(name="zebra"))
    write(tmp_path / "init_models.py", MODELS)
    write(tmp_path / "empty/readme.txt", "nothing")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "said", "data", "trains"),
    [
        (["splits"], "class folders with splits: train/, val/", "folder/val", True),
        (["splits/val"], "class folders with splits", "folder/val", True),
        (["flat"], "class folders without splits: 3 folders of images: a, b, on", "folder/test", False),
        (["coco"], "COCO JSON: annotations/instances_val2017.json has", "coco-json/val", True),
        (["coco/annotations/instances_val2017.json"], "COCO JSON", "coco-json/val", True),
        (["robo"], "COCO JSON: valid/_annotations.coco.json", "coco-json/val", True),
        (["single"], "it is the only one, so no images are for training", "coco-json/test", False),
        (["single/my labels.json"], "COCO JSON", "coco-json/test", False),
        (["voc", "--as", "voc-detection"], "a PASCAL VOC 2007 tree, for detection", "voc/val", True),
        (["voc", "--as", "voc-segmentation"], "VOC 2007 tree, for segmentation", "voc/val", True),
        (["pairs"], "images/val/1.jpg has the map masks/val/1.png", "masks/val", True),
        (["binary"], "img/1.jpg has the map gt/1_mask.png", "masks/test", False),
        (["both", "--as", "class-folders"], "class folders", "folder/val", False),
        (["init_models:MyNet"], "your own model: MyNet is a class", "fashion/test", True),
        (["init_models:MyNet", "--task", "segmentation"], "your own model", "fashion-scenes/test", True),
        (["init_models:my_data"], "your own dataset: function my_data", "init_models:my_data/test", True),
        (["init_models:MyMetric"], "your own metric: class MyMetric", "fashion/test", True),
        (["splits", "init_models:MyNet"], "MyNet is a class", "folder/val", True),
        (["flat", "init_models:MyNet"], "MyNet is a class", "folder/test", False),
    ],
)
def test_what_it_finds_becomes_a_suite_that_plans(cvbench, place, given, said, data, trains):
    done = cvbench("init", *given)
    assert (done.code, done.stderr) == (0, "")
    assert said in done.stdout
    assert "cvbench plan suites/mine.yaml" in done.stdout
    (cell,) = load_suite(place / "suites/mine.yaml").cells
    assert f"{cell.data.name}/{cell.data.split}" == data
    assert (cell.train is not None) == trains
    planned = cvbench("plan", "suites/mine.yaml", "--json")
    assert planned.code == 0
    (found,) = planned.document["cells"]
    assert (found["skip"], found["problem"]) == (None, None)


def test_masks_of_0_and_255_are_two_classes_and_names_are_options(cvbench, place):
    assert cvbench("init", "binary").code == 0
    (cell,) = load_suite(place / "suites/mine.yaml").cells
    assert cell.data.options == {
        "images": "img",
        "masks": "gt",
        "mask_suffix": "_mask.png",
        "void": "none",
        "classes": ("background", "class_1"),
    }


def test_an_onnx_file_is_scored_on_the_dataset_named_with_it(cvbench, place):
    classifier(place / "net.onnx")
    done = cvbench("init", "splits", "net.onnx")
    assert "net.onnx: an ONNX classifier: output logits: any x " in done.stdout
    (cell,) = load_suite(place / "suites/mine.yaml").cells
    assert (cell.model.name, cell.model.weights, cell.train) == ("onnx/classifier", "net.onnx", None)
    assert cvbench("plan", "suites/mine.yaml").code == 0
    alone = cvbench("init", "net.onnx", "-o", "alone.yaml")
    assert "note: no dataset was named: set data.root" in alone.stdout
    planned = cvbench("plan", "alone.yaml")
    assert planned.code == 0
    assert "no data: there is no folder path/to/your/dataset" in planned.stdout


@pytest.mark.parametrize("given", [["splits"], ["coco"], ["pairs"], ["init_models:MyNet"]])
def test_the_settings_in_comments_are_settings(cvbench, place, given):
    cvbench("init", *given)
    file = place / "suites/mine.yaml"
    text = file.read_text().replace("# expect:", "expect:").replace("  # - name", "  - name")
    file.write_text(text.replace("  #   ", "    ").replace("# preprocessing", "preprocessing"))
    assert load_suite(file).expectations.expect


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["yolo"], "a YOLO dataset (data.yaml has `names:`). cvbench does not read YOLO's format yet"),
        (["yolo/data.yaml"], "Convert it to COCO JSON"),
        (["voc"], "fits 2 kinds. Choose one:\n  --as voc-detection: a PASCAL VOC 2007 tree, for detection"),
        (["both"], "--as class-folders: class folders with splits"),
        (["splits", "--as", "coco"], "not coco. It can be read as\n  --as class-folders"),
        (["ownvoc", "--as", "voc-detection"], "none of VOC's 20"),
        (["pascal"], "has no VOC2007 or VOC2012 with ImageSets"),
        (["empty"], "not a dataset or model that `cvbench init` knows"),
        (["nowhere"], "no such file or folder"),
        (["nowhere_models:Net"], "no module named nowhere_models"),
        (["init_models:Other"], "defines no Other"),
        (["splits", "coco"], "two datasets"),
        (
            ["coco", "init_models:MyNet", "--task", "segmentation"],
            "the tasks differ: COCO JSON is for detection",
        ),
    ],
)
def test_what_cannot_be_a_suite_writes_none(cvbench, place, given, said):
    done = cvbench("init", *given)
    assert done.code == 2
    assert said in done.stderr
    assert not (place / "suites").exists()


def test_a_file_is_overwritten_with_force_only(cvbench, place):
    write(place / "suites/mine.yaml", "mine\n")
    done = cvbench("init", "splits")
    assert (done.code, (place / "suites/mine.yaml").read_text()) == (2, "mine\n")
    assert "overwrite it with --force" in done.stderr
    assert cvbench("init", "splits", "--force").code == 0
    assert cvbench("init", "splits", "-o", "other.yaml").code == 0
