import pytest
import torch
import torchvision
from torch import nn
from torchvision.ops.poolers import LevelMapper

from cvbench.models.faster_rcnn.heads import RoiHeads, level_of


def test_the_level_of_a_region_is_torchvisions():
    torch.manual_seed(0)
    corner = torch.rand(500, 2) * 100
    boxes = torch.cat([corner, corner + torch.rand(500, 2) * 1200], dim=1)
    exact = torch.tensor([[0.0, 0, s, s] for s in (56, 111.9, 112, 224, 447.9, 448, 896)])
    for each in (boxes, exact):
        assert torch.equal(level_of(each, levels=4), LevelMapper(2, 5)([each]))


def test_a_region_without_area_has_a_level_too():
    assert level_of(torch.zeros(1, 4), levels=4).tolist() == [0]


@pytest.mark.parametrize("pooling", ["pool", "align"])
def test_both_poolings_of_one_map_are_torchvisions(pooling):
    torch.manual_seed(0)
    heads = RoiHeads(nn.Identity(), hidden=3 * 49, classes=2, strides=(16,), pooling=pooling)
    maps, image = [torch.randn(2, 3, 6, 8)], torch.tensor([0, 1, 1])
    boxes = torch.tensor([[0.0, 0, 128, 96], [10, 20, 50, 90], [64, 32, 65, 33]])
    numbered = torch.cat([image[:, None].float(), boxes], dim=1)
    if pooling == "pool":
        expected = torchvision.ops.roi_pool(maps[0], numbered, 7, 1 / 16)
    else:
        expected = torchvision.ops.roi_align(maps[0], numbered, 7, 1 / 16, sampling_ratio=2)
    assert torch.equal(heads._pooled(maps, boxes, image), expected)
