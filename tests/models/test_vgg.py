import pytest
import torch
from torch import nn

from cvbench.errors import InputError
from cvbench.models import vgg
from cvbench.models.vgg import vgg11, vgg11_bn

NAMES = [f"vgg{layers}{norm}" for layers in (11, 13, 16, 19) for norm in ("", "_bn")]


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_layers_of_its_name(name):
    with torch.device("meta"):
        net = getattr(vgg, name)(10)
    weighted = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == int(name[3:5])
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == (len(weighted) - 3 if name.endswith("_bn") else 0)


# table 1: the convolutions of columns A, B, D and E
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("vgg11", 9_220_480), ("vgg13", 9_404_992), ("vgg16", 14_714_688), ("vgg19", 20_024_384)],
)
def test_its_convolutions_have_the_parameters_of_their_column(name, parameters):
    with torch.device("meta"):
        net = getattr(vgg, name)(10)
    assert sum(p.numel() for p in net.features.parameters()) == parameters


def test_every_kernel_is_3_by_3_and_keeps_the_resolution():
    with torch.device("meta"):
        net = vgg.vgg16(10)
    layers = [m for m in net.features if isinstance(m, nn.Conv2d)]
    assert {(m.kernel_size, m.stride, m.padding) for m in layers} == {((3, 3), (1, 1), (1, 1))}


def test_the_dense_form_says_the_same_at_the_size_of_training():
    plain, dense = vgg11(10, width=0.125).eval(), vgg11(10, width=0.125, dense=True).eval()
    dense.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        expected = plain(images)
        torch.testing.assert_close(dense(images), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def test_the_dense_form_averages_what_the_plain_one_says_of_each_place():
    # 256 pixels: a last map of 8 x 8, four squares of 7 x 7
    plain = vgg11(10, width=0.125).eval()
    dense = vgg11(10, size=256, width=0.125, dense=True).eval()
    dense.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 256, 256)
    with torch.inference_mode():
        features = dense.features(images)
        squares = [features[..., i : i + 7, j : j + 7] for i in (0, 1) for j in (0, 1)]
        expected = torch.stack([plain.classifier(square.flatten(1)) for square in squares]).mean(dim=0)
        torch.testing.assert_close(dense(images), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def test_a_dense_form_without_room_for_its_first_layer_is_refused():
    with pytest.raises(InputError, match="vgg16_bn: size=223 cannot be used: it must be at least 224"):
        vgg.vgg16_bn(10, size=223, dense=True)


def test_32_pixels_are_the_least_it_takes():
    assert vgg11_bn(10, size=32, width=0.125).eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    with pytest.raises(InputError, match="vgg11_bn: size=31 cannot be used: it must be at least 32"):
        vgg11_bn(10, size=31)
