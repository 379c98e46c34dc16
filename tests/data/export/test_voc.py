"""What is exported as VOC is read as it was, by the rules of VOC's kit."""

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch
from PIL import Image

from cvbench.data.export import export_voc
from cvbench.data.export.voc import voc_palette
from cvbench.errors import DataError
from cvbench.values import Detections, Sample


def objects(folder: Path, name: str) -> list[ET.Element]:
    return ET.parse(folder / "Annotations" / f"{name}.xml").getroot().findall("object")


def box_xyxy(thing: ET.Element) -> list[float]:
    """Half-open corners from 1-based ones that include both ends."""
    edges = {edge.tag: float(edge.text) for edge in thing.find("bndbox")}
    return [edges["xmin"] - 1, edges["ymin"] - 1, edges["xmax"], edges["ymax"]]


def test_annotations_hold_the_boxes_and_classes_of_the_samples(tmp_path, scenes):
    export_voc(scenes, tmp_path)

    for dataset in scenes:
        for sample in dataset:
            found = objects(tmp_path, sample.id.replace("/", "_"))
            assert [box_xyxy(thing) for thing in found] == sample.truth.boxes.tolist()
            assert [thing.findtext("name") for thing in found] == [
                dataset.classes[label] for label in sample.truth.labels
            ]
            assert {thing.findtext("difficult") for thing in found} == {"0"}


def test_an_annotation_says_which_image_it_is_of_and_how_large_that_is(tmp_path, scenes):
    export_voc(scenes, tmp_path)
    root = ET.parse(tmp_path / "Annotations" / "test_00000.xml").getroot()

    assert root.findtext("filename") == "test_00000.jpg"
    assert [root.findtext(f"size/{tag}") for tag in ("width", "height", "depth")] == ["128", "128", "3"]
    assert root.findtext("segmented") == "1"
    assert root.findtext("source/database") == "fashion-scenes"


def test_images_are_as_near_as_jpeg_comes(tmp_path, scenes):
    export_voc(scenes, tmp_path)

    for sample in scenes[0]:
        pixels = np.asarray(Image.open(tmp_path / "JPEGImages" / f"{sample.id.replace('/', '_')}.jpg"))
        error = pixels.astype(int) - sample.image.permute(1, 2, 0).numpy()
        assert pixels.shape == (128, 128, 3)
        assert np.sqrt((error**2).mean()) < 2  # of 255


def test_label_maps_hold_the_masks_of_the_samples(tmp_path, scenes):
    export_voc(scenes, tmp_path)

    for sample in scenes[1]:
        name = f"{sample.id.replace('/', '_')}.png"
        of_object, of_class = (
            Image.open(tmp_path / folder / name) for folder in ("SegmentationObject", "SegmentationClass")
        )
        assert of_object.mode == of_class.mode == "P"
        assert of_class.getpalette() == voc_palette().ravel().tolist()
        numbers, classes = np.asarray(of_object), np.asarray(of_class)
        assert numbers.max() == len(sample.truth)
        for at, (mask, label) in enumerate(zip(sample.truth.masks, sample.truth.labels, strict=True)):
            assert np.array_equal(numbers == at + 1, mask.numpy())
            assert (classes[mask.numpy()] == int(label) + 1).all()
        assert (classes[numbers == 0] == 0).all()  # and no border of 255


def test_image_sets_list_the_images_and_what_is_on_them(tmp_path, scenes):
    export_voc(scenes, tmp_path)
    sets = tmp_path / "ImageSets"

    for dataset in scenes:
        split = dataset.passport.split
        names = [sample.id.replace("/", "_") for sample in dataset]
        assert (sets / "Main" / f"{split}.txt").read_text().split() == names
        assert (sets / "Segmentation" / f"{split}.txt").read_text().split() == names
        for label, class_name in enumerate(dataset.classes):
            file = sets / "Main" / f"{class_name.replace('/', '_').replace(' ', '_')}_{split}.txt"
            expected = [f"{1 if label in sample.truth.labels else -1:2d}" for sample in dataset]
            assert file.read_text().splitlines() == [
                f"{name} {mark}" for name, mark in zip(names, expected, strict=True)
            ]


def test_crowds_are_difficult_and_a_class_seen_only_so_is_marked_0(tmp_path, handmade):
    export_voc([handmade], tmp_path)

    marks = [thing.findtext("difficult") for thing in objects(tmp_path, "val_.._a_b")]
    assert marks == ["1", "1", "0"]
    assert (tmp_path / "ImageSets" / "Main" / "a_b_val.txt").read_text() == "val_.._a_b  0\n"
    assert (tmp_path / "ImageSets" / "Main" / "c_d_val.txt").read_text() == "val_.._a_b  1\n"


def test_a_set_without_masks_has_no_label_maps(tmp_path, handmade):
    export_voc([handmade], tmp_path)

    assert not list((tmp_path / "SegmentationClass").iterdir())
    assert (tmp_path / "ImageSets" / "Segmentation" / "val.txt").read_text() == ""
    assert ET.parse(tmp_path / "Annotations" / "val_.._a_b.xml").getroot().findtext("segmented") == "0"


def test_a_fraction_of_a_pixel_is_written_as_one(tmp_path, handmade):
    export_voc([handmade], tmp_path)

    assert box_xyxy(objects(tmp_path, "val_.._a_b")[2]) == [2.5, 0, 7, 6]


def test_more_objects_than_a_map_can_number_are_refused(tmp_path, handmade):
    n = 255
    truth = Detections(
        boxes=torch.tensor([[0.0, 0, 1, 1]]).repeat(n, 1),
        labels=torch.zeros(n, dtype=torch.int64),
        scores=torch.ones(n),
        masks=torch.ones(n, 1, 1, dtype=torch.bool),
    )
    handmade.samples = [Sample(torch.zeros(3, 1, 1, dtype=torch.uint8), truth, "many")]

    with pytest.raises(DataError, match="many: VOC label maps have at most 254 objects and classes"):
        export_voc([handmade], tmp_path)


def test_the_palette_is_that_of_the_kit():
    # aeroplane, bicycle, bird, tvmonitor and the border, as they look in VOC's own files
    palette = voc_palette()

    assert palette[[0, 1, 2, 3, 20, 255]].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [128, 128, 0],
        [0, 64, 128],
        [224, 224, 192],
    ]
    assert len(np.unique(palette, axis=0)) == 256
