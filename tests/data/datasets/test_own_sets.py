"""Data sets of one's own: class folders, files in COCO's form, images with label maps."""

import numpy as np
import pytest
from PIL import Image

from cvbench.data.datasets import open_dataset
from cvbench.data.export import export_coco
from cvbench.errors import DataError
from cvbench.spec.cell import DataSpec
from tests.data.datasets.trees.pixels import decoded, jpeg, pixels

TASKS = {"folder": "classification", "coco-json": "detection", "masks": "segmentation"}


def opened(name, root, split="val", **options):
    spec = DataSpec(name=name, root=str(root), split=split, options=options)
    return open_dataset(spec, task=TASKS[name])


def refusal(name, root, split="val", **options):
    with pytest.raises(DataError) as error:
        opened(name, root, split, **options)
    return str(error.value)


def write(root, *paths):
    for number, path in enumerate(paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(jpeg(pixels(number)))
    return root


def test_a_folder_is_a_class(tmp_path):
    write(tmp_path, "val/b/2.jpg", "val/a/3.JPG", "val/a/deep/1.png", "val/b/.hidden.jpg", "val/b/notes.txt")
    dataset = opened("folder", tmp_path)

    assert dataset.classes == ("a", "b")
    assert [(s.id, s.truth.label) for s in map(dataset.__getitem__, range(len(dataset)))] == [
        ("a/3.JPG", 0),
        ("a/deep/1.png", 0),
        ("b/2.jpg", 1),
    ]
    assert np.array_equal(dataset[2].image.permute(1, 2, 0).numpy(), decoded(jpeg(pixels(0))))


def test_a_class_keeps_its_label_in_a_split_that_lacks_it(tmp_path):
    write(tmp_path, "train/ant/1.jpg", "train/bee/1.jpg", "train/cat/1.jpg", "val/bee/1.jpg", "val/cat/1.jpg")

    assert opened("folder", tmp_path).classes == ("ant", "bee", "cat")
    assert opened("folder", tmp_path)[0].truth.label == 1


@pytest.mark.parametrize(
    ("paths", "empty", "message"),
    [
        ((), (), "no val/<class>/<image> here; found no split"),
        (("test/a/1.jpg",), (), "no val/<class>/<image> here; found test"),
        ((), ("val",), "val: no class folders here"),
        (("val/a/1.jpg",), ("val/b",), "val/b: no images in this folder; remove it"),
        (("val/a/1.jpg", "val/1.jpg"), (), "1.jpg is in no class folder"),
    ],
)
def test_folders_that_are_no_classes_are_refused(tmp_path, paths, empty, message):
    write(tmp_path, *paths)
    for path in empty:
        (tmp_path / path).mkdir()

    assert message in refusal("folder", tmp_path)


def test_a_folder_that_leads_to_itself_is_not_followed(tmp_path):
    write(tmp_path, "val/a/1.jpg")
    (tmp_path / "val/a/again").symlink_to(tmp_path / "val/a")

    assert len(opened("folder", tmp_path)) == 1


def test_what_is_exported_is_read_again(tmp_path):
    options = {"size": 64, "train": 3, "test": 4}
    spec = DataSpec(name="fashion-scenes", options=options)
    scenes = open_dataset(spec, task="detection")
    export_coco([scenes], tmp_path)
    dataset = opened("coco-json", tmp_path, split="test", masks=True)

    assert dataset.classes == scenes.classes
    for mine, sample in ((dataset[k], scenes[k]) for k in range(4)):
        assert np.array_equal(mine.image.numpy(), sample.image.numpy())
        assert mine.truth.boxes.equal(sample.truth.boxes)
        assert mine.truth.labels.equal(sample.truth.labels)
        assert mine.truth.masks.equal(sample.truth.masks)
        assert mine.truth.areas.equal(sample.truth.areas)


def test_files_and_images_may_lie_elsewhere_below_the_root(tmp_path):
    from tests.data.datasets.trees import coco as tree

    tree.write(tmp_path, part="any", folder="photos/any")
    dataset = opened("coco-json", tmp_path, annotations="annotations/instances_any.json", images="photos/any")

    assert len(dataset) == 4
    assert "instances_val.json: there is no such file; set the option annotations" in refusal(
        "coco-json", tmp_path
    )
    assert "val: there is no such folder; set the option images" in refusal(
        "coco-json", tmp_path, annotations="annotations/instances_any.json"
    )
    assert "../x: points outside" in refusal("coco-json", tmp_path, images="../x")
    assert "/etc: points outside" in refusal("coco-json", tmp_path, images="/etc")


LABELS = np.repeat(np.array([0, 1, 2, 255], np.uint8), 6 * 32).reshape(24, 32)


def masked(root, names=("a", "deep/b"), classes="ground\nroad\n\ncar\n"):
    write(root, *(f"images/val/{name}.jpg" for name in names))
    for name in names:
        file = root / f"masks/val/{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(LABELS).save(file)
    if classes:
        (root / "classes.txt").write_text(classes)
    return root


def test_an_image_has_the_map_of_its_name(tmp_path):
    dataset = opened("masks", masked(tmp_path))

    assert [dataset[0].id, dataset[1].id] == ["a", "deep/b"]
    assert np.array_equal(dataset[1].truth.labels.numpy(), LABELS)
    assert dataset.classes == ("ground", "road", "car")
    assert opened("masks", tmp_path, classes=("x", "y", "z")).classes == ("x", "y", "z")


def test_label_maps_that_do_not_fit_are_refused(tmp_path):
    assert "classes.txt: there is no such file; list the classes" in refusal("masks", tmp_path)
    masked(tmp_path)
    with pytest.raises(DataError, match=r"has the label 2; labels are 0 to 1, and 255"):
        opened("masks", tmp_path, classes=("x", "y"))[0]
    assert "the class x is listed twice" in refusal("masks", tmp_path, classes=("x", "x"))
    (tmp_path / "masks/val/a.png").unlink()
    assert "1 of 2 images have no label map, first a.png" in refusal("masks", tmp_path)
    write(tmp_path, "images/val/a.bmp")
    assert "two images named a share one label map" in refusal("masks", tmp_path)
    assert "there is no such" in refusal("masks", tmp_path / "nowhere")
    (tmp_path / "images/test").mkdir()
    assert "images/test: no images in this folder" in refusal("masks", tmp_path, split="test")


def test_a_limit_on_a_folder_that_is_sorted_by_class_takes_of_every_class(tmp_path):
    write(tmp_path, *(f"val/{name}/{number}.jpg" for name in "abc" for number in range(12)))
    spec = DataSpec(name="folder", root=str(tmp_path), split="val", limit=9)

    labels = [sample.truth.label for sample in open_dataset(spec, task="classification", seed=3)]

    assert labels == sorted(labels)
    assert min(labels.count(label) for label in range(3)) >= 2


def test_other_void_labels_other_names_and_a_byte_order_mark(tmp_path):
    masked(tmp_path, classes="\ufeffground\nroad\ncar\nsky\n")
    assert opened("masks", tmp_path).classes == ("ground", "road", "car", "sky")
    # labels 1, 2, 3, 4 are the classes; 0 is void, and so is 255
    voided = opened("masks", tmp_path, void=(0, 255))
    assert sorted(set(voided[0].truth.labels.ravel().tolist())) == [0, 1, 255]
    assert voided.passport.sha256 != opened("masks", tmp_path).passport.sha256
    with pytest.raises(DataError, match=r"has the label 255; labels are 0 to 3$"):
        opened("masks", tmp_path, void="none")[0]
    assert "void: 'black' is not a label" in refusal("masks", tmp_path, void="black")

    file = tmp_path / "masks/val/a.png"
    file.rename(file.with_name("a_mask.png"))
    assert "first a.png.\n  a_mask.png is there: set the option mask_suffix: _mask.png" in refusal(
        "masks", tmp_path
    )
    (tmp_path / "masks/val/deep/b.png").rename(tmp_path / "masks/val/deep/b_mask.png")
    assert len(opened("masks", tmp_path, mask_suffix="_mask.png")) == 2
    file.with_name("a_mask.png").rename(file.with_name("a.jpg"))
    assert "a.jpg is there: save label maps as PNG" in refusal("masks", tmp_path)


def test_masks_of_0_and_255_are_two_classes_where_none_is_void(tmp_path):
    masked(tmp_path, classes="ground\ncar\n")
    Image.fromarray(np.where(LABELS == 1, 255, 0).astype(np.uint8)).save(tmp_path / "masks/val/a.png")

    assert set(opened("masks", tmp_path)[0].truth.labels.ravel().tolist()) == {0, 255}
    assert set(opened("masks", tmp_path, void="none")[0].truth.labels.ravel().tolist()) == {0, 1}
