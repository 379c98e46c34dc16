"""XML files in VOC's form with classes of one's own: labelImg's folders, and trees with or without lists."""

import pytest

from cvbench.data.datasets import open_dataset
from cvbench.errors import DataError
from cvbench.spec.cell import DataSpec
from tests.data.datasets.trees.pixels import jpeg, pixels


def write(path, *names):
    """An annotation whose k-th object has the corners (k + 1, 2, k + 4, 6)."""
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{k + 1}</xmin><ymin>2</ymin><xmax>{k + 4}</xmax>"
        "<ymax>6</ymax></bndbox></object>"
        for k, name in enumerate(names)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation>{objects}</annotation>")


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(pixels(1)))


def opened(root, split="val", **options):
    return open_dataset(
        DataSpec(name="voc-xml", root=str(root), split=split, options=options), task="detection"
    )


def labelimg(root):
    for split, name, objects in (
        ("train", "1", ["bee"]),
        ("val", "a b", ["cow", "ant"]),
        ("val", "c", []),
    ):
        write(root / split / f"{name}.xml", *objects)
        picture(root / split / f"{name}.jpg")
    return root


def test_labels_follow_the_names_of_all_splits_and_boxes_become_half_open(tmp_path):
    dataset = opened(labelimg(tmp_path))
    assert dataset.classes == opened(tmp_path, "train").classes == ("ant", "bee", "cow")
    truth = dataset[0].truth
    assert [sample.id for sample in map(dataset.__getitem__, range(len(dataset)))] == ["a b", "c"]
    assert truth.labels.tolist() == [2, 0]
    assert truth.boxes.tolist() == [[0, 1, 4, 6], [1, 1, 5, 6]]
    assert len(dataset[1].truth.labels) == 0


@pytest.mark.parametrize("images", ["JPEGImages", "VOC2007/JPEGImages"])
@pytest.mark.parametrize(("listed", "ids"), [(["2"], ["2"]), (None, ["1", "2"])])
def test_lists_of_a_tree_are_optional(tmp_path, images, listed, ids):
    tree = (tmp_path / images).parent
    for name in "12":
        write(tree / "Annotations" / f"{name}.xml", "cow")
        picture(tree / "JPEGImages" / f"{name}.png")
    if listed:
        (tree / "ImageSets/Main").mkdir(parents=True)
        (tree / "ImageSets/Main/val.txt").write_text("\n".join(listed))
    dataset = opened(tmp_path)
    assert [dataset[k].id for k in range(len(dataset))] == ids


def test_classes_are_named_by_the_option_or_a_file(tmp_path):
    labelimg(tmp_path)
    assert opened(tmp_path, classes=["cow", "bee", "ant"])[0].truth.labels.tolist() == [0, 2]
    (tmp_path / "classes.txt").write_text("cow\nant\n")
    assert opened(tmp_path).classes == ("cow", "ant")
    with pytest.raises(DataError, match="an object whose class is not among the classes that are named"):
        opened(tmp_path, "train")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda root: picture(root / "val/d.jpg"), "1 image without an XML file, first d.xml"),
        (lambda root: write(root / "val/d.xml", "cow"), "1 XML file without an image, first d.xml"),
        (lambda root: picture(root / "val/c.png"), "there are two images c, and one XML file"),
        (lambda root: (root / "classes.txt").write_text("a\na\n"), "the class a is named twice"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, spoil, said):
    spoil(labelimg(tmp_path))
    with pytest.raises(DataError, match=said):
        opened(tmp_path)


def test_the_message_of_voc_names_the_reader_of_such_files(tmp_path):
    with pytest.raises(DataError, match="dataset voc-xml"):
        open_dataset(DataSpec(name="voc", root=str(labelimg(tmp_path)), split="val"), task="detection")
