"""Boxes of every integer and half type, against the same boxes in float64 and against torchvision."""

import inspect

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor

from cvbench.boxes import (
    area,
    arrays,
    assign,
    ciou,
    clip,
    crowd_iou,
    cxcywh_to_xyxy,
    diou,
    giou,
    iou,
    iou_of_pairs,
    match_coco,
    nms,
    soft_nms,
    survives_nms,
    voc_iou,
    xywh_to_xyxy,
    xyxy_to_cxcywh,
    xyxy_to_xywh,
)

INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
EVERY = [*INTEGERS, torch.float16, torch.bfloat16]


def whole_boxes(n: int = 24) -> Tensor:
    """Corners of whole numbers up to 120: every type holds them, and int8 no sum or product of them."""
    generator = torch.Generator().manual_seed(0)
    corner = torch.randint(0, 60, (n, 2), generator=generator)
    return torch.cat([corner, corner + torch.randint(20, 61, (n, 2), generator=generator)], dim=1).double()


BOXES, SCORES = whole_boxes(), torch.linspace(1, 0.1, 24).double()


def test_an_overlap_of_integer_boxes_is_a_fraction_and_not_a_whole_number():
    # 8 x 10 of 10 x 10
    a, b = torch.tensor([[0, 0, 10, 10]]), torch.tensor([[0, 0, 10, 8]])
    assert iou(a, b).item() == pytest.approx(0.8)


@pytest.mark.parametrize("dtype", EVERY)
def test_boxes_of_every_type_overlap_as_the_same_boxes_in_floats_and_in_torchvision(dtype):
    boxes = BOXES.to(dtype)
    for ours, theirs in (
        (iou, torchvision.ops.box_iou),
        (crowd_iou, None),
        (voc_iou, None),
        (giou, lambda a, b: torchvision.ops.generalized_box_iou(a, b).diagonal()),
        (diou, lambda a, b: torchvision.ops.distance_box_iou(a, b).diagonal()),
        (ciou, lambda a, b: torchvision.ops.complete_box_iou(a, b).diagonal()),
        (iou_of_pairs, None),
    ):
        found = ours(boxes, boxes.flip(0))
        assert found.dtype in (torch.float32, torch.float64)
        assert torch.allclose(found.double(), ours(BOXES, BOXES.flip(0)), atol=1e-6)
        # torchvision's own distances and enclosing boxes overflow int8 and uint8
        if theirs is not None and dtype not in (torch.uint8, torch.int8):
            precise = boxes if ours is iou else boxes.float()
            assert torch.allclose(found.double(), theirs(precise, precise.flip(0)).double(), atol=1e-6)
    assert torch.equal(area(boxes).double(), area(BOXES))
    assert torch.equal(area(boxes).double(), torchvision.ops.box_area(boxes.float()).double())


@pytest.mark.parametrize("dtype", EVERY)
def test_suppression_keeps_of_every_type_what_it_keeps_of_floats(dtype):
    boxes = BOXES.to(dtype)
    kept = torchvision.ops.nms(BOXES.float(), SCORES.float(), 0.3)
    assert torch.equal(nms(boxes, SCORES, 0.3), kept)
    assert survives_nms(boxes, SCORES, 0.3).nonzero()[:, 0].tolist() == sorted(kept.tolist())
    groups = torch.arange(24) % 3
    batched = torchvision.ops.batched_nms(BOXES.float(), SCORES.float(), groups, 0.3)
    assert torch.equal(nms(boxes, SCORES, 0.3, groups=groups), batched)
    assert torch.equal(soft_nms(boxes, SCORES).indices, soft_nms(BOXES, SCORES).indices)


def test_whole_scores_are_lowered_to_fractions():
    # the second box has 4/5 in common with the first: 1 * (1 - 4/5)
    kept = soft_nms(torch.tensor([[0, 0, 4, 5], [0, 0, 4, 4]]), torch.tensor([2, 1]))
    assert kept.scores.tolist() == pytest.approx([2.0, 0.2])


@pytest.mark.parametrize("dtype", INTEGERS)
def test_formats_of_integer_boxes_are_floats_that_overflow_nothing(dtype):
    boxes = BOXES.to(dtype)
    for convert in (xyxy_to_cxcywh, cxcywh_to_xyxy, xyxy_to_xywh, xywh_to_xyxy):
        assert torch.equal(convert(boxes).double(), convert(BOXES))
    assert torch.equal(clip(boxes, height=70.5, width=50).double(), clip(BOXES, height=70.5, width=50))


def test_an_area_of_half_precision_does_not_overflow():
    assert area(torch.tensor([[0, 0, 1000, 1000]], dtype=torch.float16)).item() == 1_000_000


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32])
def test_numpy_boxes_of_integers_overlap_as_floats_do(dtype):
    overlap = inspect.unwrap(arrays.iou)  # without the tests' check of its types
    boxes, floats = BOXES.numpy().astype(dtype), BOXES.numpy()
    assert np.array_equal(overlap(boxes, boxes[::-1]), overlap(floats, floats[::-1]))


def test_overlaps_of_integers_are_assigned_and_matched_as_floats():
    overlaps = torch.tensor([[1, 0], [0, 0]])
    assert assign(overlaps).truth.tolist() == assign(overlaps.float()).truth.tolist()
    crowd = torch.zeros(2, dtype=torch.bool)
    matches = match_coco(
        overlaps,
        thresholds=torch.tensor([1]),
        crowd=crowd,
        ignored=crowd[None],
        outside=torch.zeros(1, 2, dtype=torch.bool),
    )
    assert matches.truth.tolist() == [[[0, -1]]]


@pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:FutureWarning"
)  # torch's own, in forward mode
def test_forward_derivatives_of_overlaps_are_those_of_backward():
    a, b = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 3.0, 3.0]])
    for measure in (iou, crowd_iou, voc_iou, giou, diou, ciou, iou_of_pairs):
        forward, backward = (torch.func.jacfwd(measure)(a, b), torch.func.jacrev(measure)(a, b))
        assert backward.any()
        assert torch.allclose(forward, backward, atol=1e-6) or measure is ciou  # its weight is held constant
    tangent = torch.tensor([[1.0, 0, 0, 0]])
    # 1/7 with sides 2 - x, 1 and areas 2 (2 - x), 4: derivative 2 / 49 at x = 0
    assert torch.func.jvp(lambda x: iou(x, b), (a,), (tangent,))[1].item() == pytest.approx(2 / 49)
