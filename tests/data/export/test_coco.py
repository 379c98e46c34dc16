"""What is exported as COCO is read by pycocotools as it was."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from cvbench.data.datasets.fashion_scenes import fashion_scenes
from cvbench.data.export import export_coco


def read(folder: Path, split: str) -> COCO:
    return COCO(folder / "annotations" / f"instances_{split}.json")


# pycocotools 2.0.11 decodes through an __array__ that NumPy 2 finds old-fashioned
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_reads_the_images_boxes_masks_and_classes_of_the_samples(tmp_path, scenes):
    export_coco(scenes, tmp_path)

    for dataset in scenes:
        split = dataset.passport.split
        coco = read(tmp_path, split)
        assert sorted(coco.getImgIds()) == list(range(1, len(dataset) + 1))
        for image_id, sample in enumerate(dataset, 1):
            [entry] = coco.loadImgs(image_id)
            pixels = np.asarray(Image.open(tmp_path / split / entry["file_name"]))
            assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), pixels)
            assert (entry["height"], entry["width"]) == pixels.shape[:2]

            found = coco.loadAnns(coco.getAnnIds(image_id))
            assert len(found) == len(sample.truth)
            for at, annotation in enumerate(found):
                left, top, width, height = annotation["bbox"]
                assert [left, top, left + width, top + height] == sample.truth.boxes[at].tolist()
                assert annotation["area"] == sample.truth.areas[at]
                assert annotation["iscrowd"] == 0
                assert np.array_equal(coco.annToMask(annotation), sample.truth.masks[at].numpy())
                [category] = coco.loadCats(annotation["category_id"])
                assert category["name"] == dataset.classes[int(sample.truth.labels[at])]


def test_ids_count_from_one_and_run_lengths_are_text(tmp_path, scenes):
    export_coco(scenes[1:], tmp_path)
    document = json.loads((tmp_path / "annotations" / "instances_test.json").read_text())

    assert [category["id"] for category in document["categories"]] == list(range(1, 11))
    assert [annotation["id"] for annotation in document["annotations"]] == [
        *range(1, len(document["annotations"]) + 1)
    ]
    assert document["images"][0] == {"id": 1, "file_name": "00000.png", "width": 128, "height": 128}
    assert all(isinstance(a["segmentation"]["counts"], str) for a in document["annotations"])
    assert document["info"]["version"] == scenes[1].passport.sha256


def test_crowds_areas_and_objects_without_masks_are_kept(tmp_path, handmade):
    export_coco([handmade], tmp_path)
    coco = read(tmp_path, "val")

    crowd, difficult, plain = coco.loadAnns(coco.getAnnIds(1))
    assert [a["iscrowd"] for a in (crowd, difficult, plain)] == [1, 0, 0]
    assert [a["area"] for a in (crowd, difficult, plain)] == [7, 16, 20]
    assert plain["bbox"] == [2.5, 0, 4.5, 6]
    assert "segmentation" not in plain
    assert (tmp_path / "val" / "_a_b.png").is_file()  # whose id was val/../a b


def test_the_same_export_gives_the_same_bytes(tmp_path, scenes):
    for folder in ("one", "other"):
        export_coco(scenes, tmp_path / folder)

    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 6 + 4 + 2
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_an_export_that_was_cut_off_has_no_annotations(tmp_path, scenes):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_coco(scenes, tmp_path, on_image=stop)

    assert (tmp_path / "train" / "00000.png").is_file()
    assert not (tmp_path / "annotations").exists()


def test_every_image_is_told(tmp_path, scenes):
    told = []
    export_coco(scenes, tmp_path, on_image=lambda: told.append(1))

    assert len(told) == 10


def test_a_set_for_another_task_is_a_mistake_of_the_program(tmp_path):
    with pytest.raises(TypeError, match="test/00000: its truth is LabelMap, not Detections"):
        export_coco([fashion_scenes(task="segmentation", split="test", test=1)], tmp_path)
