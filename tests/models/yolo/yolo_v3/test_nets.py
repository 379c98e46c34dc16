import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cvbench.models.yolo.grid import DetectionLayer
from cvbench.models.yolo.yolo_v3.detector import Darknet53, StrideOnePool, TinyDarknet


def test_pooling_with_stride_one_looks_right_and_down():
    x = torch.tensor([[[[-1.0, -2.0], [-3.0, -4.0]]]])
    # the padding never wins, not even over negative values
    assert StrideOnePool()(x).tolist() == [[[[-1.0, -2.0], [-3.0, -4.0]]]]
    assert StrideOnePool()(-x).tolist() == [[[[4.0, 4.0], [4.0, 4.0]]]]


def test_the_convolutions_stand_in_the_order_of_darknets_file():
    with torch.device("meta"):
        net = TinyDarknet(classes=80, width=1.0)
    shapes = [
        (m.in_channels, m.out_channels, m.kernel_size[0]) for m in net.modules() if isinstance(m, nn.Conv2d)
    ]
    assert shapes == [
        (3, 16, 3), (16, 32, 3), (32, 64, 3), (64, 128, 3), (128, 256, 3),
        (256, 512, 3), (512, 1024, 3), (1024, 256, 1), (256, 512, 3), (512, 255, 1),
        (256, 128, 1), (384, 256, 3), (256, 255, 1),
    ]  # fmt: skip


# a header of 20 bytes, then parameters, running means and variances in 4 bytes each
@pytest.mark.parametrize(("net", "size"), [(Darknet53, 248_007_048), (TinyDarknet, 35_434_956)])
def test_the_numbers_of_the_released_weight_file_fit(net, size):
    with torch.device("meta"):
        built = net(classes=80, width=1.0)
    statistics = sum(2 * m.num_features for m in built.modules() if isinstance(m, nn.BatchNorm2d))
    parameters = sum(p.numel() for p in built.parameters())
    assert 20 + 4 * (parameters + statistics) == size


def test_the_full_nets_maps_have_strides_32_16_and_8():
    net = Darknet53(classes=3, width=0.125).eval()
    with torch.inference_mode():
        maps = net(torch.zeros(1, 3, 64, 96))
    assert [m.shape for m in maps] == [(1, 24, 2, 3), (1, 24, 4, 6), (1, 24, 8, 12)]


@pytest.mark.parametrize("size", [64, 416])
def test_its_maps_have_strides_32_and_16(size):
    net = TinyDarknet(classes=3, width=0.125).eval()
    with torch.inference_mode():
        coarse, fine = net(torch.zeros(1, 3, size, size))
    assert coarse.shape == (1, 24, size // 32, size // 32)
    assert fine.shape == (1, 24, size // 16, size // 16)


def test_at_the_start_hardly_any_predictor_believes_in_an_object():
    layer = DetectionLayer(64, priors=3, classes=4)
    with torch.inference_mode():
        raw = layer(torch.rand(2, 64, 5, 5)).unflatten(1, (3, 9))
    assert raw[:, :, 4].sigmoid().mean().item() == pytest.approx(0.01, rel=0.1)
    assert F.sigmoid(raw[:, :, 5:]).mean().item() == pytest.approx(0.5, rel=0.1)
