import pytest
import torch
from torch import nn

from cvbench.errors import InputError
from cvbench.models.darknet import ConvNormLeaky, Darknet53Trunk, Residual, darknet19, darknet53
from cvbench.spec.catalogue.label_spaces import imagenet_classes


def convolutions(net: nn.Module) -> list[tuple[int, int, int]]:
    """Channels in, channels out, side of the kernel of each."""
    found = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    return [(layer.in_channels, layer.out_channels, layer.kernel_size[0]) for layer in found]


def test_a_layer_leaks_a_tenth():
    layer = ConvNormLeaky(3, 8, 3).eval()
    x = torch.randn(1, 3, 5, 5)
    linear = layer[1](layer[0](x))
    expected = torch.where(linear > 0, linear, 0.1 * linear)
    torch.testing.assert_close(layer(x), expected)


def test_a_residual_block_whose_branch_gives_nothing_is_the_identity():
    # nothing rectifies the sum, so it is one on negative values too
    block = Residual(8, 4)
    nn.init.zeros_(block.widen[1].weight)
    x = torch.randn(2, 8, 5, 5)
    assert torch.equal(block(x), x)


def test_the_convolutions_of_darknet_19_are_those_of_table_6():
    with torch.device("meta"):
        net = darknet19(1000)
    assert convolutions(net) == [
        (3, 32, 3), (32, 64, 3),
        (64, 128, 3), (128, 64, 1), (64, 128, 3),
        (128, 256, 3), (256, 128, 1), (128, 256, 3),
        (256, 512, 3), (512, 256, 1), (256, 512, 3), (512, 256, 1), (256, 512, 3),
        (512, 1024, 3), (1024, 512, 1), (512, 1024, 3), (1024, 512, 1), (512, 1024, 3),
        (1024, 1000, 1),
    ]  # fmt: skip


def test_darknet_53_has_52_convolutions_before_the_one_that_classifies():
    with torch.device("meta"):
        net = darknet53(1000)
    assert len(convolutions(net.trunk)) == 52
    assert len(convolutions(net)) == 53


# a header of 20 bytes, then the trunk's parameters, running means and variances in 4 bytes each
def test_the_numbers_of_the_released_trunk_fit():
    with torch.device("meta"):
        trunk = Darknet53Trunk(width=1.0)
    statistics = sum(2 * m.num_features for m in trunk.modules() if isinstance(m, nn.BatchNorm2d))
    assert 20 + 4 * (sum(p.numel() for p in trunk.parameters()) + statistics) == 162_482_580


@pytest.mark.parametrize("build", [darknet19, darknet53])
def test_its_maps_have_the_strides_that_detectors_count_on(build):
    trunk = build(2, width=0.125).trunk.eval()
    with torch.inference_mode():
        sides = [x.shape[-1] for x in trunk(torch.zeros(1, 3, 64, 64))]
    assert sides == ([4, 2] if build is darknet19 else [8, 4, 2])


def test_classifying_each_place_and_averaging_gives_the_same():
    # the order of the authors' Darknet-19: the last convolution first, then the mean
    net = darknet19(5, width=0.125).eval()
    images = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        expected = net.out(net.trunk(images).coarse).mean(dim=(2, 3))
        torch.testing.assert_close(net(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("build", [darknet19, darknet53])
def test_outputs_by_ilsvrc_ids_are_told_by_wordnet_ids(build):
    # the first output of darknet's weights is the kit fox, n02119789; tench, n01440764, is id 449
    torch.manual_seed(0)
    plain = build(1000, size=32, width=0.125).eval()
    torch.manual_seed(0)
    ordered = build(1000, size=32, width=0.125, ilsvrc_order=True).eval()
    image = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        raw, told = plain(image)[0], ordered(image)[0]
    fox = [each.name for each in imagenet_classes()].index("kit fox")
    assert told[fox] == raw[0]
    assert told[0] == raw[448]
    assert torch.equal(told.sort().values, raw.sort().values)
    assert plain.state_dict().keys() == ordered.state_dict().keys()


def test_the_order_of_imagenets_classes_needs_all_of_them():
    with pytest.raises(
        InputError, match=r"darknet19: ilsvrc_order=True cannot be used: .* ImageNet has 1000"
    ):
        darknet19(10, ilsvrc_order=True)
