"""Labels follow class names over all splits of a data set; a mismatch shows both lists."""

import json

import pytest

from cvbench.data.datasets import check_trained, open_dataset
from cvbench.data.datasets.classes import joined_classes
from cvbench.errors import DataError
from cvbench.spec.cell import DataSpec
from tests.data.datasets.trees.pixels import jpeg, pixels

ANT, BEE, COW = "ant", "bee", "cow"


def coco(root, **splits):
    """A split is its categories by id; it has one image with an object of each."""
    for split, categories in splits.items():
        (root / split).mkdir(parents=True)
        (root / split / "1.jpg").write_bytes(jpeg(pixels(1)))
        (root / "annotations").mkdir(exist_ok=True)
        objects = [
            {"id": k, "image_id": 1, "category_id": k, "bbox": [k, 1, 4, 5], "area": 20, "iscrowd": 0}
            for k in categories
        ]
        document = {
            "images": [{"id": 1, "file_name": "1.jpg"}],
            "categories": [{"id": k, "name": name} for k, name in categories.items()],
            "annotations": objects,
        }
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(document))
    return root


def opened(name, root, split, task):
    return open_dataset(DataSpec(name=name, root=str(root), split=split), task=task)


def names_by_place(dataset):
    """The class of each object of the first image, by its left side, which is the id in the file."""
    truth = dataset[0].truth
    pairs = zip(truth.boxes[:, 0].tolist(), truth.labels.tolist(), strict=True)
    return {int(x): dataset.classes[label] for x, label in pairs}


@pytest.mark.parametrize(
    ("train", "val", "classes"),
    [
        ({1: ANT, 2: BEE, 3: COW}, {1: ANT, 2: BEE, 3: COW}, (ANT, BEE, COW)),
        ({3: ANT, 5: BEE, 9: COW}, {3: ANT, 9: COW}, (ANT, BEE, COW)),
        ({3: ANT, 9: COW}, {3: ANT, 5: BEE, 9: COW}, (ANT, BEE, COW)),
        ({1: ANT, 2: BEE, 3: COW}, {1: COW, 2: ANT, 3: BEE}, (ANT, BEE, COW)),
        ({1: COW, 2: ANT}, {1: ANT, 2: BEE, 3: COW}, (COW, ANT, BEE)),
    ],
)
def test_a_name_has_one_label_in_all_splits_of_coco_json(tmp_path, train, val, classes):
    root = coco(tmp_path, train=train, val=val)
    trained, scored = (opened("coco-json", root, split, "detection") for split in ("train", "val"))

    assert trained.classes == scored.classes == classes
    assert names_by_place(trained) == train
    assert names_by_place(scored) == val
    check_trained(trained, scored)


def test_a_split_alone_has_the_order_of_its_ids(tmp_path):
    assert opened("coco-json", coco(tmp_path, val={7: COW, 2: ANT}), "val", "detection").classes == (ANT, COW)


def test_one_number_of_two_names_is_another_order_in_any_split():
    assert joined_classes({"train": {1: ANT}, "val": {1: BEE, 2: ANT}}) == (ANT, BEE)


@pytest.mark.parametrize(
    ("val", "message"),
    [
        (("x", "y"), "val and train have no class in common"),
        (("Ant", "bee"), "val and train spell a class differently: 'Ant' and 'ant'"),
    ],
)
def test_splits_that_cannot_belong_together_are_refused_with_both_lists(tmp_path, val, message):
    numbered = dict(enumerate(val, 1))
    root = coco(tmp_path / "coco", train={1: ANT, 2: BEE}, val=numbered)
    for split, names in (("train", (ANT, BEE)), ("val", val)):
        for name in names:
            (tmp_path / "folder" / split / name).mkdir(parents=True)
            (tmp_path / "folder" / split / name / "1.jpg").write_bytes(jpeg(pixels(1)))

    for name, place, task in (
        ("coco-json", root, "detection"),
        ("folder", tmp_path / "folder", "classification"),
    ):
        with pytest.raises(DataError) as error:
            opened(name, place, "val", task)
        assert str(error.value).splitlines() == [
            f"{place}: {message}.",
            "  train  2: ant, bee",
            f"  val    2: {', '.join(val)}",
            "  Give each class one name in all splits.",
        ]
        assert opened(name, place, "train", task).classes  # the training images alone contradict nothing


def test_a_broken_file_of_another_split_is_named(tmp_path):
    root = coco(tmp_path, train={1: ANT}, val={1: ANT})
    (root / "annotations/instances_train.json").write_text("[]")

    with pytest.raises(DataError, match=r"instances_train\.json: an instances file is an object"):
        opened("coco-json", root, "val", "detection")


def test_other_labels_in_training_are_refused_with_both_lists():
    class Listed:
        def __init__(self, split, classes):
            self.classes = classes
            self.passport = open_dataset(DataSpec(name="fashion"), task="classification").passport

    many = tuple(map(str, range(12)))
    with pytest.raises(DataError) as error:
        check_trained(Listed("train", many), Listed("test", (ANT, BEE)))
    assert str(error.value).splitlines()[:3] == [
        "fashion: training and scored images have different classes.",
        "  train  12: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … and 2 more",
        "  test   2: ant, bee",
    ]
