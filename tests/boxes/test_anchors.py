import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

from cvbench.boxes import area, grid_anchors, xyxy_to_cxcywh


def test_anchors_stand_in_the_middle_of_their_cells_row_by_row():
    anchors = grid_anchors((2, 3), 16, sizes=[8])
    assert xyxy_to_cxcywh(anchors).tolist() == [
        [x, y, 8.0, 8.0] for y in (8.0, 24.0) for x in (8.0, 24.0, 40.0)
    ]


def test_a_ratio_is_height_over_width_at_the_same_area():
    anchors = grid_anchors((1, 1), 1, sizes=[10, 20], ratios=[0.25, 1, 4])
    width_and_height = xyxy_to_cxcywh(anchors)[:, 2:]
    assert width_and_height.tolist() == [[20, 5], [10, 10], [5, 20], [40, 10], [20, 20], [10, 40]]
    assert area(anchors).tolist() == [100.0] * 3 + [400.0] * 3


def test_anchors_on_the_corners_are_those_of_torchvision_before_it_rounds():
    sizes, ratios = (32, 64), (0.5, 1.0, 2.0)
    images = ImageList(torch.zeros(1, 3, 48, 80), [(48, 80)])
    theirs = AnchorGenerator((sizes,), (ratios,))(images, [torch.zeros(1, 1, 3, 5)])[0]
    ours = grid_anchors((3, 5), 16, sizes=sizes, ratios=ratios, offset=0.0)
    ours = ours.view(15, 2, 3, 4).transpose(1, 2).reshape(-1, 4)  # theirs: ratios before sizes
    assert (theirs - ours).abs().max() <= 0.5


def test_no_cells_no_anchors():
    assert grid_anchors((0, 5), 8, sizes=[8]).shape == (0, 4)


def test_whole_anchors_are_torchvisions():
    sizes, ratios = (32, 64, 33), (0.5, 1.0, 1.5)
    images = ImageList(torch.zeros(1, 3, 48, 80), [(48, 80)])
    theirs = AnchorGenerator((sizes,), (ratios,))(images, [torch.zeros(1, 1, 3, 5)])[0]
    ours = grid_anchors((3, 5), 16, sizes=sizes, ratios=ratios, offset=0.0, whole=True)
    assert torch.equal(ours.view(15, 3, 3, 4).transpose(1, 2).reshape(-1, 4), theirs)
