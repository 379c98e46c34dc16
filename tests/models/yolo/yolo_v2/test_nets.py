import pytest
import torch
from torch import nn

from cvbench.models.yolo.yolo_v2 import yolo_v2
from cvbench.models.yolo.yolo_v2.nets import PassthroughNet, Reorganize


def darknets_loop(x: torch.Tensor) -> torch.Tensor:
    """`reorg_cpu` of darknet with stride 2, index by index, on one image."""
    c, h, w = x.shape
    out, flat = torch.zeros(c * h * w), x.flatten()
    quarter = c // 4
    for k in range(c):
        for j in range(h):
            for i in range(w):
                there = (i * 2 + (k // quarter) % 2) + w * 2 * (
                    (j * 2 + (k // quarter) // 2) + h * 2 * (k % quarter)
                )
                out[i + w * (j + h * k)] = flat[there]
    return out.reshape(4 * c, h // 2, w // 2)


@pytest.mark.parametrize("shape", [(4, 2, 2), (8, 4, 6)])
def test_darknets_order_is_that_of_its_loop(shape):
    x = torch.arange(float(torch.tensor(shape).prod())).reshape(shape)
    assert torch.equal(Reorganize("darknet")(x[None])[0], darknets_loop(x))


def test_the_papers_order_stacks_the_four_neighbours_of_each_channel():
    x = torch.tensor([[[[0.0, 1], [2, 3]], [[4, 5], [6, 7]]]])
    assert Reorganize("paper")(x).flatten().tolist() == list(range(8))


def test_the_two_orders_hold_the_same_values():
    x = torch.randn(1, 8, 4, 4)
    a, b = Reorganize("darknet")(x), Reorganize("paper")(x)
    assert not torch.equal(a, b)
    assert sorted(a.flatten().tolist()) == sorted(b.flatten().tolist())


def test_the_convolutions_stand_in_the_order_of_darknets_file():
    with torch.device("meta"):
        net = PassthroughNet(priors=5, classes=80, width=1.0, squeeze=64, reorg="darknet")
    shapes = [
        (m.in_channels, m.out_channels, m.kernel_size[0]) for m in net.modules() if isinstance(m, nn.Conv2d)
    ]
    assert shapes == [
        (3, 32, 3), (32, 64, 3), (64, 128, 3), (128, 64, 1), (64, 128, 3),
        (128, 256, 3), (256, 128, 1), (128, 256, 3),
        (256, 512, 3), (512, 256, 1), (256, 512, 3), (512, 256, 1), (256, 512, 3),
        (512, 1024, 3), (1024, 512, 1), (512, 1024, 3), (1024, 512, 1), (512, 1024, 3),
        (1024, 1024, 3), (1024, 1024, 3), (512, 64, 1), (1280, 1024, 3), (1024, 425, 1),
    ]  # fmt: skip


def test_its_map_has_a_stride_of_32():
    model = yolo_v2(3, size=64, width=0.125).eval()
    with torch.inference_mode():
        (raw,) = model(torch.zeros(1, 3, 64, 96))
    assert raw.shape == (1, 5 * 8, 2, 3)
