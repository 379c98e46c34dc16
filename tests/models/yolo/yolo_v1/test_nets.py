import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cvbench.errors import InputError
from cvbench.models.yolo.yolo_v1 import yolo_v1, yolo_v1_darknet, yolo_v1_tiny
from cvbench.models.yolo.yolo_v1.nets import Local


def test_a_local_layer_has_kernels_of_its_own_at_every_place():
    torch.manual_seed(0)
    layer, x = Local(4, 3, side=5), torch.randn(2, 4, 5, 5)
    nn.init.normal_(layer.bias)
    y = layer(x)
    for place in (0, 7, 24):
        kernel = layer.weight[place].reshape(3, 4, 3, 3)
        expected = F.conv2d(x, kernel, padding=1).flatten(2)[..., place]
        expected = expected + layer.bias.reshape(3, 25)[:, place]
        torch.testing.assert_close(y.flatten(2)[..., place], expected)


def test_the_paper_has_24_convolutions_and_two_connected_layers():
    with torch.device("meta"):
        model = yolo_v1(20)
    assert sum(isinstance(m, nn.Conv2d) for m in model.modules()) == 24
    assert [m.out_features for m in model.modules() if isinstance(m, nn.Linear)] == [4096, 1470]


def test_without_batch_norm_it_is_the_papers_to_the_last_parameter():
    with torch.device("meta"):
        model = yolo_v1(20, norm=False)
    assert sum(p.numel() for p in model.parameters()) == 271_703_550


@pytest.mark.parametrize(
    ("build", "numbers"),
    [(yolo_v1, 9 * (3 + 10)), (yolo_v1_tiny, 9 * (3 + 10)), (yolo_v1_darknet, 9 * (3 + 15))],
)
def test_the_vector_is_as_long_as_the_grid_asks_for(build, numbers):
    model = build(3, size=128, width=0.0625, grid=3).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 128, 128)).shape == (1, numbers)


def test_a_grid_without_cells_is_refused():
    with pytest.raises(InputError, match="yolo_v1_tiny: grid=0 cannot be used: it must be 1 or more"):
        yolo_v1_tiny(3, grid=0)


def test_images_are_stretched_and_kept_between_0_and_1():
    preprocessing = yolo_v1_tiny(2, size=64, width=0.125).preprocessing
    assert preprocessing.resize == "stretch"
    assert (preprocessing.mean, preprocessing.std) == ((0, 0, 0), (1, 1, 1))
