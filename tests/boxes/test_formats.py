import torch
from hypothesis import given
from hypothesis import strategies as st

from cvbench.boxes import area, clip, cxcywh_to_xyxy, xywh_to_xyxy, xyxy_to_cxcywh, xyxy_to_xywh

WHOLE = st.lists(st.lists(st.integers(-(2**20), 2**20).map(float), min_size=4, max_size=4), max_size=5)


def test_a_box_becomes_centre_and_size_and_corner_and_size():
    box = torch.tensor([[1.0, 2.0, 4.0, 8.0]])  # 3 wide, 6 high
    assert xyxy_to_cxcywh(box).tolist() == [[2.5, 5.0, 3.0, 6.0]]
    assert xyxy_to_xywh(box).tolist() == [[1.0, 2.0, 3.0, 6.0]]


@given(rows=WHOLE)
def test_a_format_and_back_is_the_box_itself(rows):
    boxes = torch.tensor(rows).reshape(-1, 4)
    assert torch.equal(boxes, cxcywh_to_xyxy(xyxy_to_cxcywh(boxes)))
    assert torch.equal(boxes, xywh_to_xyxy(xyxy_to_xywh(boxes)))


def test_a_box_turned_inside_out_has_no_area():
    inside_out = [[4.0, 0.0, 0.0, 4.0], [4.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 5.0]]
    assert area(torch.tensor(inside_out)).tolist() == [0.0, 0.0, 0.0]


def test_clipping_keeps_the_part_inside_and_nothing_of_a_box_outside():
    boxes = torch.tensor([[-2.0, -2.0, 3.0, 3.0], [2.0, 1.0, 99.0, 99.0], [50.0, 50.0, 60.0, 60.0]])
    clipped = clip(boxes, height=10, width=20)
    assert clipped.tolist() == [[0, 0, 3, 3], [2, 1, 20, 10], [20, 10, 20, 10]]
    assert area(clipped).tolist() == [9.0, 162.0, 0.0]


def test_no_boxes_stay_no_boxes_in_every_format():
    none = torch.zeros(0, 4)
    for convert in (xyxy_to_cxcywh, cxcywh_to_xyxy, xyxy_to_xywh, xywh_to_xyxy):
        assert convert(none).shape == (0, 4)
    assert area(none).shape == (0,)
    assert clip(none, height=1, width=1).shape == (0, 4)
