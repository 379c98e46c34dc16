import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection._utils import BoxCoder

from cvbench.models.faster_rcnn.targets import DETECTION_WEIGHTS, PROPOSAL_WEIGHTS, boxes_of, offsets_of

side, place = st.floats(1, 300), st.floats(-50, 500)
BOX = st.tuples(place, place, side, side).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])


def test_offsets_are_worked_by_hand():
    # from 10 x 20 at (5, 10) to 20 x 10 at (10, 5): 5/10, -5/20, log 2, -log 2
    reference, box = torch.tensor([[0.0, 0, 10, 20]]), torch.tensor([[0.0, 0, 20, 10]])
    expected = torch.tensor([[0.5, -0.25, math.log(2), -math.log(2)]])
    torch.testing.assert_close(offsets_of(box, reference, weights=PROPOSAL_WEIGHTS), expected)
    weighed = expected * torch.tensor([10.0, 10, 5, 5])
    torch.testing.assert_close(offsets_of(box, reference, weights=DETECTION_WEIGHTS), weighed)
    torch.testing.assert_close(boxes_of(weighed, reference, weights=DETECTION_WEIGHTS), box)


def test_sides_grow_to_62_and_a_half_times_the_references_at_most():
    box = boxes_of(torch.tensor([[0.0, 0, 99, 0]]), torch.tensor([[0.0, 0, 8, 8]]), weights=PROPOSAL_WEIGHTS)
    torch.testing.assert_close(box, torch.tensor([[4 - 250.0, 0, 4 + 250, 8]]))


@given(box=BOX, reference=BOX)
def test_a_box_comes_back_from_its_offsets(box, reference):
    boxes, references = torch.tensor([box]).double(), torch.tensor([reference]).double()
    sides = (boxes[:, 2:] - boxes[:, :2]) / (references[:, 2:] - references[:, :2])
    if sides.max() < 62:
        offsets = offsets_of(boxes, references, weights=DETECTION_WEIGHTS)
        back = boxes_of(offsets, references, weights=DETECTION_WEIGHTS)
        torch.testing.assert_close(back, boxes, rtol=0, atol=1e-9)


@pytest.mark.parametrize("weights", [PROPOSAL_WEIGHTS, DETECTION_WEIGHTS])
def test_both_ways_are_torchvisions(weights):
    torch.manual_seed(0)
    boxes, references = torch.rand(2, 50, 4) * 90
    boxes[:, 2:] += boxes[:, :2] + 1
    references[:, 2:] += references[:, :2] + 1
    coder = BoxCoder(weights)
    offsets = offsets_of(boxes, references, weights=weights)
    torch.testing.assert_close(offsets, coder.encode_single(boxes, references))
    wild = torch.randn(50, 4) * 3
    assert torch.equal(boxes_of(wild, references, weights=weights), coder.decode_single(wild, references))
