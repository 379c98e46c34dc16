"""Suppression against cases worked out by hand, a naive form and torchvision."""

import math

import pytest
import torch
import torchvision
from torch import Tensor

from cvbench.boxes import iou, nms, survives_nms

NAN = float("nan")
#                   best             IoU 16/20 to it   IoU 12/20 to it  far away
BOXES = torch.tensor([[0, 0, 4, 5.0], [0, 0, 4, 4.0], [0, 0, 4, 3.0], [9, 9, 10, 10.0]])
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.6])


def scattered(n: int, *, seed: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Crowded boxes whose scores all differ: torchvision does not say how it breaks ties in batches."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator, dtype=dtype) * 200
    size = torch.rand(n, 2, generator=generator, dtype=dtype) ** 3 * 150 + 5
    return torch.cat([corner, corner + size], dim=1), torch.randperm(n, generator=generator).to(dtype) / n


def naive_nms(boxes: Tensor, scores: Tensor, threshold: float) -> list[int]:
    """Ten lines that nobody could get wrong."""
    waiting = sorted(range(len(boxes)), key=lambda index: -scores[index].item())
    overlaps = iou(boxes, boxes).tolist()
    kept = []
    while waiting:
        best = waiting.pop(0)
        kept.append(best)
        waiting = [index for index in waiting if overlaps[best][index] <= threshold]
    return kept


@pytest.mark.parametrize(
    ("threshold", "kept"),
    [(0.0, [0, 3]), (0.5, [0, 3]), (0.6, [0, 3]), (0.7, [0, 2, 3]), (0.9, [0, 1, 2, 3])],
)
def test_nms_worked_by_hand(threshold, kept):
    # At 0.7 the second goes, so nobody strikes the third. At 0.6 float32 has 0.60000002 for 12/20.
    assert nms(BOXES, SCORES, threshold).tolist() == kept


def test_an_overlap_of_exactly_the_threshold_does_not_suppress():
    halves = torch.tensor([[0, 0, 4, 4.0], [0, 0, 4, 2.0]])
    assert nms(halves, SCORES[:2], 0.5).tolist() == [0, 1]
    assert nms(halves, SCORES[:2], math.nextafter(0.5, 0)).tolist() == [0]


def test_among_equal_scores_the_first_of_the_input_stays():
    same = torch.tensor([[0, 0, 4, 4.0]] * 4)
    assert nms(same, torch.tensor([0.5, 0.7, 0.7, 0.7]), 0.5).tolist() == [1]
    assert nms(same, torch.tensor([-0.0, 0.0, 0.0, -0.0]), 0.5).tolist() == [0]


def test_boxes_of_different_groups_never_meet():
    same = torch.tensor([[0, 0, 4, 4.0]] * 4)
    assert nms(same, SCORES, 0.5, groups=torch.tensor([7, -3, 7, 2**60])).tolist() == [0, 1, 3]


def test_a_box_that_overlaps_nothing_stays_and_a_score_that_is_no_number_goes():
    boxes = torch.tensor([[0, 0, 4, 4.0], [NAN, 0, 4, 4], [3, 0, 1, 4], [0, 0, 4, 4], [0, 0, 4, 4]])
    scores = torch.tensor([0.5, 0.4, 0.3, NAN, 0.2])
    assert nms(boxes, scores, 0.5).tolist() == [0, 1, 2]
    assert nms(boxes, torch.full((5,), NAN), 0.5).tolist() == []


def test_no_boxes_are_no_error():
    none = nms(torch.zeros(0, 4), torch.zeros(0), 0.5, groups=torch.zeros(0, dtype=torch.int64))
    assert none.shape == (0,)
    assert none.dtype == torch.int64


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.45, 0.5, 0.6, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_class_keeps_what_torchvision_keeps(threshold, dtype):
    for seed, n in enumerate((1, 7, 64, 300, 1200)):
        boxes, scores = scattered(n, seed=seed, dtype=dtype)
        assert torch.equal(torchvision.ops.nms(boxes, scores, threshold), nms(boxes, scores, threshold))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_whole_coordinates_full_of_exact_overlaps_keep_what_torchvision_keeps(threshold):
    for seed in range(20):
        boxes = torch.randint(0, 12, (200, 4), generator=torch.Generator().manual_seed(seed)).float()
        boxes[:, 2:] += boxes[:, :2] + 1  # torchvision's own rule for boxes without area is another
        scores = torch.randint(0, 40, (200,), generator=torch.Generator().manual_seed(seed)) / 40
        assert torch.equal(torchvision.ops.nms(boxes, scores, threshold), nms(boxes, scores, threshold))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_many_classes_keep_what_torchvision_keeps(threshold):
    boxes, scores = scattered(6000, seed=9)
    labels = torch.randint(0, 30, (6000,), generator=torch.Generator().manual_seed(9))
    expected = torchvision.ops.batched_nms(boxes, scores, labels, threshold)
    assert torch.equal(expected, nms(boxes, scores, threshold, groups=labels))


def test_a_batch_of_images_in_one_call_is_the_images_one_by_one():
    boxes, scores = scattered(900, seed=10)
    images, labels = torch.arange(900) % 4, torch.arange(900) % 7
    together = nms(boxes, scores, 0.5, groups=images * 7 + labels)
    for image in range(4):
        those = (images == image).nonzero()[:, 0]
        alone = torchvision.ops.batched_nms(boxes[those], scores[those], labels[those], 0.5)
        assert torch.equal(those[alone], together[images[together] == image])


def test_nms_is_what_the_naive_form_says():
    boxes, scores = scattered(150, seed=11)
    assert nms(boxes, scores, 0.4).tolist() == naive_nms(boxes, scores, 0.4)


def test_half_precision_is_compared_in_single():
    boxes, scores = scattered(200, seed=12)
    boxes, scores = boxes.bfloat16(), scores.half()
    assert torch.equal(nms(boxes.float(), scores.float(), 0.5), nms(boxes, scores, 0.5))


def test_boxes_that_carry_gradients_are_suppressed_like_others():
    assert nms(BOXES.clone().requires_grad_(), SCORES, 0.7).tolist() == [0, 2, 3]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, NAN])
def test_a_threshold_that_no_iou_can_have_is_refused(threshold):
    with pytest.raises(ValueError, match="must be from 0 to 1"):
        nms(BOXES, SCORES, threshold)


def test_whether_a_box_survives_is_told_for_each():
    torch.manual_seed(0)
    boxes = torch.rand(60, 4) * 20
    boxes[:, 2:] += boxes[:, :2]
    scores, groups = torch.rand(60), torch.randint(3, (60,))
    scores[7] = torch.nan
    stays = survives_nms(boxes, scores, 0.4, groups=groups)
    assert stays.nonzero()[:, 0].tolist() == sorted(nms(boxes, scores, 0.4, groups=groups).tolist())
    assert torch.equal(survives_nms(boxes.requires_grad_(), scores, 0.4, groups=groups), stays)
    with pytest.raises(ValueError, match="must be from 0 to 1"):
        survives_nms(boxes, scores, 1.5)
