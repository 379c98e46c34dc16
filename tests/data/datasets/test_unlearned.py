"""A class that is scored and in no training image is named."""

import pytest

from cvbench.data.datasets import open_dataset
from cvbench.data.datasets.subset import drawn
from cvbench.data.datasets.unlearned import note_on_unlearned
from cvbench.spec.cell import DataSpec
from tests.data.datasets.test_voc_xml import picture, write


def opened(name, task, root, split):
    return open_dataset(DataSpec(name=name, root=str(root), split=split), task=task)


@pytest.mark.parametrize(("name", "task"), [("folder", "classification"), ("voc-xml", "detection")])
def test_a_class_that_no_training_image_has_is_named(tmp_path, name, task):
    for split, classes in (("train", ["ant", "bee"]), ("val", ["ant", "cow"])):
        for number, own in enumerate(classes):
            folder = tmp_path / split / own if name == "folder" else tmp_path / split
            picture(folder / f"{number}.jpg")
            if name == "voc-xml":
                write(folder / f"{number}.xml", own)
    scored, trained = (opened(name, task, tmp_path, split) for split in ("val", "train"))
    said = note_on_unlearned(scored, trained)
    assert said == "1 class of the scored images is in no training image: cow. No model can learn it there."
    assert note_on_unlearned(scored, scored) is None


def test_the_part_of_the_training_images_that_is_taken_decides(tmp_path):
    for path in ("train/ant/1", "train/bee/1", "val/ant/1", "val/bee/1"):
        picture(tmp_path / f"{path}.jpg")
    scored, trained = (opened("folder", "classification", tmp_path, split) for split in ("val", "train"))
    assert note_on_unlearned(scored, trained) is None
    assert "1 class of the scored images" in note_on_unlearned(scored, drawn(trained, 1))
