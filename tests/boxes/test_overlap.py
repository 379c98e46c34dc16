"""Overlap against numbers worked out by hand, a naive form, torchvision and pycocotools."""

import math

import numpy as np
import pytest
import torch
import torchvision
from pycocotools import mask
from torch import Tensor

from cvbench.boxes import crowd_iou, iou, iou_of_shapes, voc_iou, xyxy_to_xywh

NAN, INF = float("nan"), float("inf")
A = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
#                   itself            half of it        a quarter in 28     apart             touching
B = torch.tensor([[0, 0, 4, 4.0], [0, 0, 4, 2.0], [2, 2, 6, 6.0], [8, 8, 9, 9.0], [4, 0, 8, 4.0]])


def scattered(n: int, *, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator, dtype=dtype) * 100
    return torch.cat([corner, corner + torch.rand(n, 2, generator=generator, dtype=dtype) * 60 + 1], dim=1)


def naive_iou(a: Tensor, b: Tensor) -> float:
    """Ten lines that nobody could get wrong, in double precision."""
    ax1, ay1, ax2, ay2 = a.tolist()
    bx1, by1, bx2, by2 = b.tolist()
    if not (ax2 > ax1 and ay2 > ay1 and bx2 > bx1 and by2 > by1):
        return 0.0
    width = min(ax2, bx2) - max(ax1, bx1)
    height = min(ay2, by2) - max(ay1, by1)
    if width <= 0 or height <= 0:
        return 0.0
    inter = width * height
    return inter / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inter)


def test_iou_worked_by_hand():
    # 16/16; 8/16; 4/(16+16-4); nothing; a common edge is no common area.
    assert iou(A, B).tolist() == torch.tensor([[1, 1 / 2, 1 / 7, 0, 0]]).tolist()


def test_the_share_of_a_detection_in_a_crowd_worked_by_hand():
    # The detection has area 16: all of it, 8, 4, nothing, nothing.
    assert crowd_iou(A, B).tolist() == [[1.0, 0.5, 0.25, 0.0, 0.0]]


def test_the_overlap_of_the_voc_devkit_worked_by_hand():
    # Sides are one longer: 25/25; 15/(25+15-15); 9/(25+25-9); nothing; one column of 5 in 45.
    assert voc_iou(A, B).tolist() == torch.tensor([[1, 15 / 25, 9 / 41, 0, 5 / 45]]).tolist()


def test_one_pixel_is_a_box_to_the_voc_devkit_and_nothing_to_us():
    pixel = torch.tensor([[3.0, 3.0, 3.0, 3.0]])
    assert voc_iou(pixel, pixel).item() == 1.0
    assert iou(pixel, pixel).item() == 0.0


@pytest.mark.parametrize(
    "unsound",
    [
        [2.0, 0.0, 2.0, 4.0],
        [3.0, 0.0, 1.0, 4.0],
        [3.0, 3.0, 1.0, 1.0],
        [NAN, 0.0, 4.0, 4.0],
        [0.0, 0.0, 4.0, NAN],
        [0.0, 0.0, INF, 4.0],
        [-INF, 0.0, INF, INF],
        [0.0, 0.0, 1e30, 1e30],
    ],
)
@pytest.mark.parametrize("measure", [iou, crowd_iou, voc_iou])
def test_a_box_without_a_finite_area_overlaps_nothing_not_even_itself(measure, unsound):
    box = torch.tensor([unsound])
    if measure is voc_iou:
        box = torch.where(box == 2.0, torch.tensor([[3.0, 0.0, 2.0, 0.0]]), box)  # 2 to 2 is a pixel wide
    for carries_gradients in (False, True):
        box = box.clone().requires_grad_(carries_gradients)
        assert measure(box, A).item() == 0.0
        assert measure(A, box).item() == 0.0
        assert measure(box, box).item() == 0.0


def test_no_boxes_give_a_matrix_without_rows_or_columns():
    none = torch.zeros(0, 4)
    assert iou(none, B).shape == (0, 5)
    assert iou(B, none).shape == (5, 0)
    assert iou(none, none).shape == (0, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_iou_has_the_bits_of_torchvision(dtype):
    a, b = scattered(211, seed=0, dtype=dtype), scattered(307, seed=1, dtype=dtype)
    expected = torchvision.ops.box_iou(a, b)
    assert torch.equal(expected, iou(a, b))
    assert torch.equal(expected, iou(a.requires_grad_(), b).detach())


def test_iou_is_what_the_naive_form_says():
    a, b = scattered(20, seed=2, dtype=torch.float64), scattered(20, seed=3, dtype=torch.float64)
    assert iou(a, b).tolist() == [[naive_iou(x, y) for y in b] for x in a]


def test_plain_and_crowd_overlaps_are_those_of_pycocotools():
    # Whole coordinates: that the reference measures (x, y, width, height) makes no difference then.
    a, b = scattered(60, seed=4).round().double(), scattered(50, seed=5).round().double()
    for crowd, ours in ((0, iou(a, b)), (1, crowd_iou(a, b))):
        detections, truths = xyxy_to_xywh(a).numpy(), xyxy_to_xywh(b).numpy()
        expected = mask.iou(detections, truths, np.full(len(b), crowd, np.uint8))
        assert expected.tolist() == ours.tolist()


def test_shapes_overlap_as_boxes_on_the_same_corner_do():
    assert iou_of_shapes(torch.tensor([[4.0, 2.0]]), torch.tensor([[2.0, 4.0], [4.0, 2.0]])).tolist() == [
        torch.tensor([4 / 12, 1.0]).tolist()
    ]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    boxes = scattered(30, seed=6).to(dtype) * 8  # areas above the 65504 of float16
    assert torch.equal(iou(boxes.float(), boxes.float()), iou(boxes, boxes))


def test_two_types_meet_in_the_wider_one():
    a, b = scattered(5, seed=7), scattered(5, seed=8, dtype=torch.float64)
    assert torch.equal(iou(a.double(), b), iou(a, b))


def test_boxes_may_lie_anyhow_in_memory():
    a, b = scattered(64, seed=9), scattered(64, seed=10)
    assert torch.equal(iou(a, b), iou(a.t().contiguous().t(), torch.cat([b, b], dim=1)[:, 4:]))


def test_a_large_matrix_is_that_of_its_parts():
    a, b = scattered(2000, seed=11), scattered(1500, seed=12)  # shared over threads, in huge pages
    assert torch.equal(torch.cat([iou(part, b) for part in a.split(100)]), iou(a, b))


def test_gradients_are_right_and_nothing_is_learned_where_nothing_overlaps():
    a, b = scattered(6, seed=13, dtype=torch.float64), scattered(5, seed=14, dtype=torch.float64)
    for measure in (iou, crowd_iou, voc_iou):
        assert torch.autograd.gradcheck(measure, (a.requires_grad_(), b.requires_grad_()))
    apart = torch.tensor([[50.0, 50.0, 60.0, 60.0], [5.0, 5.0, 5.0, 5.0]], requires_grad=True)
    iou(apart, A).sum().backward()
    assert apart.grad.tolist() == [[0.0] * 4] * 2


def test_without_grad_mode_a_leaf_is_measured_by_the_kernel():
    leaf = scattered(3, seed=15).requires_grad_()
    with torch.no_grad():
        assert not iou(leaf, leaf).requires_grad
    assert iou(leaf, leaf).requires_grad


def test_a_share_is_never_more_than_whole():
    sliver = torch.tensor([[0.1, 0.1, 0.3, 0.3]])
    assert math.isclose(crowd_iou(sliver, A).item(), 1.0)
    assert crowd_iou(sliver, A).item() <= 1.0
