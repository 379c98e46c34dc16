"""PASCAL VOC as it is published: pixels from 1, difficult objects, borders, unions of years."""

import numpy as np
import pytest
from PIL import Image

from cvbench.data.datasets import open_dataset
from cvbench.data.datasets.voc import PUBLISHED, VocImageSet
from cvbench.errors import DataError
from cvbench.spec.catalogue.label_spaces import VOC_CLASSES
from cvbench.spec.cell import DataSpec
from tests.data.datasets.trees import voc as tree
from tests.data.datasets.trees.pixels import decoded, jpeg, pixels


def opened(root, task="detection", split="test", **options):
    spec = DataSpec(name="voc", root=str(root), split=split, options={"subset": True, **options})
    return open_dataset(spec, task=task)


def test_boxes_become_half_open_pixels_from_0(tmp_path):
    dataset = opened(tree.write(tmp_path))
    first, second, bare = (dataset[k] for k in range(3))

    assert first.truth.boxes.tolist() == [[0, 0, 10, 12], [10, 2, 32, 24]]
    assert first.truth.labels.tolist() == [VOC_CLASSES.index("dog"), VOC_CLASSES.index("person")]
    assert first.truth.difficult.tolist() == [False, True]
    assert second.truth.boxes.tolist() == [[4, 5, 25, 20]]
    assert len(bare.truth) == 0
    assert [first.id, second.id, bare.id] == ["2007/000001", "2007/000002", "2007/000003"]
    assert dataset.passport.objects == 3


def test_pixels_are_rgb_as_pillow_reads_them(tmp_path):
    dataset = opened(tree.write(tmp_path))

    assert np.array_equal(dataset[1].image.permute(1, 2, 0).numpy(), decoded(jpeg(pixels(1, 24, 32))))


def test_label_maps_keep_their_border(tmp_path):
    dataset = opened(tree.write(tmp_path), task="segmentation")

    assert len(dataset) == 2  # the list of segmentation is another one
    assert np.array_equal(dataset[1].truth.labels.numpy(), tree.label_map(1))
    assert dataset.classes[:2] == ("background", "aeroplane")
    assert dataset.classes[12] == "dog"
    assert len(dataset.classes) == 21


@pytest.mark.parametrize("below", ["VOCdevkit/", ""])
def test_the_devkit_is_found_or_given(tmp_path, below):
    tree.write(tmp_path, below=below)

    assert len(opened(tmp_path)) == 3
    assert len(opened(tmp_path / f"{below}VOC2007")) == 3


def test_training_sets_of_both_years_are_joined(tmp_path):
    tree.write(tmp_path, image_set="trainval")
    tree.write(tmp_path, image_set="test", objects={"000009": tree.OBJECTS["000002"]})
    tree.write(
        tmp_path, year=2012, image_set="trainval", objects={"2008_000008": [("cat", 0, 0, 2, 3, 4, 5)]}
    )
    union = opened(tmp_path, split="train", train="07+12")
    larger = opened(tmp_path, split="train", train="07++12")

    assert [union[k].id for k in range(4)] == [
        *("2007/000001", "2007/000002", "2007/000003", "2012/2008_000008"),
    ]  # fmt: skip
    assert union[3].truth.boxes.tolist() == [[1, 2, 4, 5]]
    assert union[1].truth.boxes.tolist() == [[4, 5, 25, 20]]
    assert len(larger) == 5
    assert larger[3].truth.labels.tolist() == [VOC_CLASSES.index("train")]
    assert len(opened(tmp_path, split="train", train="trainval")) == 3
    assert len(opened(tmp_path, split="trainval", year=2012)) == 1


def test_splits_and_tasks_have_passports_of_their_own(tmp_path):
    tree.write(tmp_path)
    tree.write(tmp_path, image_set="val")
    hashes = {opened(tmp_path, task=task, split=split).passport.sha256
              for task in ("detection", "segmentation") for split in ("val", "test")}  # fmt: skip

    assert len(hashes) == 4


def test_another_box_or_mark_is_another_passport(tmp_path):
    before = opened(tree.write(tmp_path)).passport.sha256
    file = tmp_path / "VOCdevkit/VOC2007/Annotations/000002.xml"
    text = file.read_text()
    hashes = {before}
    for change in (("<xmin>5", "<xmin>6"), ("<difficult>0", "<difficult>1"), ("train", "bus")):
        file.write_text(text.replace(*change))
        hashes.add(opened(tmp_path).passport.sha256)

    assert len(hashes) == 4


def test_the_published_numbers_fit_one_another():
    for task, parts in PUBLISHED.items():
        for year in (2007, 2012):
            both = parts[VocImageSet(year, "train")] + parts[VocImageSet(year, "val")]
            assert both == parts[VocImageSet(year, "trainval")], (task, year)


def refusal(root, **options):
    with pytest.raises(DataError) as error:
        opened(root, **options)
    return str(error.value)


def test_a_part_has_to_be_asked_for(tmp_path):
    assert "test of 2007 has 3 images; the published split has 4,952" in refusal(
        tree.write(tmp_path), subset=False
    )
    assert "test of 2007 has 2 images; the published split has 210" in refusal(
        tmp_path, subset=False, task="segmentation"
    )


def test_what_is_missing_is_named(tmp_path):
    assert "no VOC 2007 here; looked for VOCdevkit/VOC2007 or VOC2007" in refusal(tmp_path)
    tree.write(tmp_path)
    assert 'there is no image set "val"' in refusal(tmp_path, split="val")
    assert "voc: year: 2010 is not supported" in refusal(tmp_path, year=2010)
    assert "voc: train: '12+07' is not one of train, trainval, 07+12, 07++12" in refusal(
        tmp_path, train="12+07"
    )
    tree.write(tmp_path, year=2012)
    assert "the annotations of test 2012 are not public" in refusal(tmp_path, year=2012)
    (tmp_path / "VOCdevkit/VOC2007/Annotations/000001.xml").unlink()
    assert "no annotation of an image in the set\n  000001.xml" in refusal(tmp_path)
    for file in (tmp_path / "VOCdevkit/VOC2012/JPEGImages").iterdir():
        file.unlink()
    tree.write(tmp_path, year=2012, image_set="val", objects={})
    assert "Main/val.txt lists no image" in refusal(tmp_path, year=2012, split="val")


def test_without_any_image_it_is_refused(tmp_path):
    tree.write(tmp_path)
    for file in (tmp_path / "VOCdevkit/VOC2007/JPEGImages").iterdir():
        file.unlink()

    assert "contains none of the 3 images, such as VOCdevkit/VOC2007/JPEGImages/000001.jpg" in refusal(
        tmp_path
    )


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([("unicorn", 0, 0, 1, 2, 3, 4)], "an object whose class is none of VOC's 20\n  a.xml: unicorn"),
        ([("dog", 0, 0, 5, 2, 3, 4)], "a box of negative width or height"),
        ([("dog", 0, 0, "left", 2, 3, 4)], "a coordinate that is not a finite number"),
    ],
)
def test_what_is_wrong_with_an_annotation_is_said(tmp_path, objects, message):
    assert message in refusal(tree.write(tmp_path, objects={"a": objects}))


def test_an_image_name_that_is_a_path_is_refused(tmp_path):
    tree.write(tmp_path)
    list_ = tmp_path / "VOCdevkit/VOC2007/ImageSets/Main/test.txt"
    list_.write_text("../../../../etc/passwd\n")

    assert "an image name that is a path" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda labels: labels[:20], "32 x 20 pixels, but its image has 32 x 24"),
        (
            lambda labels: np.where(labels == 12, 21, labels).astype(np.uint8),
            "has the label 21; labels are 0 to 20",
        ),
    ],
)
def test_a_label_map_that_does_not_fit_is_said_when_it_is_looked_at(tmp_path, change, message):
    tree.write(tmp_path)
    file = tmp_path / "VOCdevkit/VOC2007/SegmentationClass/000001.png"
    file.write_bytes(tree.palette_png(change(tree.label_map(0))))
    dataset = opened(tmp_path, task="segmentation")

    with pytest.raises(DataError, match=message):
        dataset[0]
    assert dataset[1].id == "2007/000002"


def test_a_label_map_in_colours_is_refused(tmp_path):
    tree.write(tmp_path)
    file = tmp_path / "VOCdevkit/VOC2007/SegmentationClass/000001.png"
    Image.fromarray(pixels(0)).save(file)

    with pytest.raises(DataError, match=r"000001.png: not a valid label map: it has RGB"):
        opened(tmp_path, task="segmentation")[0]
