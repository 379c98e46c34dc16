"""What metrics take in: any integer type is right, and what compiled code would misread is refused."""

import inspect

import numpy as np
import pytest
import torch

from cvbench.boxes.masks import box_regions
from cvbench.metrics.calibration import Calibration
from cvbench.metrics.classification import TopK
from cvbench.metrics.coco.evaluation import evaluate_coco
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.coco.metric import CocoBoxAP, CocoMaskAP
from cvbench.metrics.segmentation import MeanIoU
from cvbench.metrics.segmentation_counts import confusion
from cvbench.metrics.voc.evaluation import VocDetections
from cvbench.metrics.voc.metric import Voc2012
from cvbench.values import ClassScores, Detections, LabelMap

INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


def unchecked(kind, *fields):
    """A value as a user's program makes it, without the tests' own checks of its fields."""
    value = object.__new__(kind)
    value.__dict__.update(zip(kind.__dataclass_fields__, fields, strict=False))
    return value


def maps() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    true, found = (torch.randint(0, 3, (16, 24), generator=generator) for _ in range(2))
    return true.repeat_interleave(2, 0), torch.cat([true, found])


@pytest.mark.parametrize("predicted", INTEGERS)
@pytest.mark.parametrize("truth", INTEGERS)
def test_label_maps_of_every_integer_type_give_the_value_worked_out_by_hand(predicted, truth):
    true, found = maps()
    counts = np.zeros((3, 3))
    np.add.at(counts, (true.numpy().ravel(), found.numpy().ravel()), 1)
    by_hand = (counts.diagonal() / (counts.sum(0) + counts.sum(1) - counts.diagonal())).mean()
    metric = MeanIoU("abc")
    metric.update(["x"], [LabelMap(found.to(predicted))], [LabelMap(true.to(truth))])
    assert metric.compute()[0].value == pytest.approx(by_hand, abs=1e-12)
    assert int(metric.counts.sum()) == true.numel()


@pytest.mark.parametrize(
    ("labels", "kind", "says"),
    [
        (
            torch.full((2, 2), -100),
            ValueError,
            r"label -100 is not from 0 to 255.*labels\[labels == -100\] = 255",
        ),
        (torch.full((2, 2), 256), ValueError, "label 256 is not from 0 to 255"),
        (torch.zeros(2, 2), TypeError, r"torch\.float32\. Use logits\.argmax"),
        (torch.zeros(1, 2, 2, dtype=torch.uint8), ValueError, r"shape \(height, width\), not \(1, 2, 2\)"),
        (
            torch.zeros(2, 3, dtype=torch.uint8),
            ValueError,
            r"predicted label map has shape \(2, 3\), but the truth has",
        ),
    ],
)
def test_a_label_map_that_is_none_is_refused(labels, kind, says):
    with pytest.raises(kind, match=says):
        MeanIoU("abc").update(
            ["x"], [unchecked(LabelMap, labels)], [LabelMap(torch.zeros(2, 2, dtype=torch.uint8))]
        )


def test_the_counts_of_pixels_refuse_what_their_loop_would_read_past():
    byte = np.zeros(16, np.uint8)
    count = inspect.unwrap(confusion)  # without the tests' own checks
    with pytest.raises(TypeError, match="must be uint8, not int64 and uint8"):
        count(byte.astype(np.int64), byte, 3)
    with pytest.raises(ValueError, match=r"of equal size, not \(16,\) and \(8,\)"):
        count(byte, byte[:8], 3)


@pytest.mark.parametrize("metric", [TopK, Calibration])
def test_scores_are_one_per_class(metric):
    with pytest.raises(ValueError, match=r"scores have shape \(8,\), expected \(7,\)"):
        metric("abcdefg").update(["x"], [ClassScores(torch.zeros(8))], [ClassScores.of(0, 7)])


def found(**changes) -> Detections:
    fields = {
        "boxes": torch.tensor([[0.0, 0.0, 4.0, 4.0]]),
        "labels": torch.tensor([0]),
        "scores": torch.tensor([0.5]),
    }
    fields |= dict.fromkeys(("masks", "crowd", "difficult", "areas")) | changes
    return unchecked(Detections, *fields.values())


@pytest.mark.parametrize("metric", [CocoBoxAP, Voc2012])
@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [
        (
            {"boxes": torch.zeros(0)},
            ValueError,
            r"shape \(n, 4\), not \(0,\); without objects use Detections\.none\(\)",
        ),
        ({"boxes": torch.zeros(1, 5)}, ValueError, r"shape \(n, 4\), not \(1, 5\)"),
        (
            {"labels": torch.tensor([0, 0])},
            ValueError,
            r"labels must have shape \(1,\) for 1 boxes, not \(2,\)",
        ),
        (
            {"scores": torch.tensor([[0.5]])},
            ValueError,
            r"scores must have shape \(1,\) for 1 boxes, not \(1, 1\)",
        ),
        (
            {"labels": torch.tensor([0.0])},
            TypeError,
            r"labels must have an integer dtype, not torch\.float32",
        ),
        ({"labels": torch.tensor([2])}, ValueError, "not all from 0 to 1"),
        ({"masks": torch.zeros(2, 4, 4, dtype=torch.bool)}, ValueError, "masks must have shape"),
        (
            {"masks": torch.zeros(1, 4, 4, dtype=torch.uint8)},
            TypeError,
            r"masks must be torch\.bool.*masks > 0",
        ),
        ({"crowd": torch.tensor([0])}, TypeError, r"crowd must be torch\.bool"),
        ({"areas": torch.tensor([float("inf")])}, ValueError, "an? area is not finite"),
    ],
)
def test_detections_whose_fields_do_not_fit_are_refused(metric, wrong, kind, says):
    with pytest.raises(kind, match=says):
        metric("ab").update(["x"], [found(**wrong)], [found()])


@pytest.mark.parametrize("labels", INTEGERS)
@pytest.mark.parametrize("boxes", [*INTEGERS, torch.float16, torch.float64])
def test_detections_of_every_type_are_scored_as_they_are(labels, boxes):
    metric = CocoBoxAP("ab")
    prediction = found(boxes=found().boxes.to(boxes), labels=found().labels.to(labels))
    metric.update(["x"], [prediction], [found()])
    assert metric.compute()[0].value == pytest.approx(1.0)


def test_masks_of_another_size_than_the_image_are_refused():
    sides = [found(masks=torch.ones(1, *size, dtype=torch.bool)) for size in ((4, 5), (5, 4))]
    with pytest.raises(
        ValueError, match=r"predicted masks have shape \(4, 5\), but the true masks have \(5, 4\)"
    ):
        CocoMaskAP("ab").update(["x"], sides[:1], sides[1:])


def coco(label: int) -> tuple[CocoTruth, CocoDetections]:
    one, regions = np.zeros(1, np.int64), box_regions(np.array([[0.0, 0.0, 4.0, 4.0]]))
    truth = CocoTruth(one, one + label, regions, np.array([16.0]), np.zeros(1, np.bool_))
    return truth, CocoDetections(one, one, regions, np.array([0.5]))


@pytest.mark.parametrize("label", [-1, 2])
def test_whole_data_sets_with_a_label_that_is_no_class_are_refused(label):
    with pytest.raises(ValueError, match="out of range"):
        evaluate_coco(*coco(label), classes=2)


def test_arrays_of_a_data_set_have_one_entry_each():
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="detections: arrays have different lengths: 1, 2, 1, 1"):
        unchecked(VocDetections, one, two, np.zeros((1, 4)), np.zeros(1)).__post_init__()
    regions = box_regions(np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r"detections: .* 1, 1, 1, 1, 2"):
        unchecked(CocoDetections, one, one, regions, np.zeros(2)).__post_init__()
    with pytest.raises(ValueError, match=r"objects: .* 2, 1, 1, 1, 1, 1"):
        unchecked(CocoTruth, two, one, regions, np.zeros(1), np.zeros(1, np.bool_)).__post_init__()
