import pytest
import torch
import torchvision
from torch import nn

from cvbench.models import resnet
from cvbench.models.resnet import BasicBlock, Bottleneck, resnet18

NAMES = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


@pytest.mark.parametrize("name", NAMES)
def test_it_computes_what_torchvisions_does_with_its_weights(name):
    peer = getattr(torchvision.models, name)(weights=None).eval()
    ours = getattr(resnet, name)(1000).eval()
    ours.load_state_dict(peer.state_dict())  # strict: every key and shape agrees
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = peer(images)
        # untrained deep nets give large logits, so the tolerance is relative to the largest
        torch.testing.assert_close(ours(images), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def test_it_starts_from_the_weights_that_torchvisions_starts_from():
    torch.manual_seed(3)
    peer = torchvision.models.resnet18(num_classes=7)
    torch.manual_seed(3)
    ours = resnet18(7)
    for key, value in peer.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value), key


# one stem, the convolutions of the blocks, one linear layer; projections are not counted
@pytest.mark.parametrize(("name", "layers"), list(zip(NAMES, [18, 34, 50, 101, 152], strict=True)))
def test_it_has_the_layers_of_its_name(name, layers):
    with torch.device("meta"):
        net = getattr(resnet, name)(10)
    weighted = [
        key
        for key, module in net.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and "downsample" not in key
    ]
    assert len(weighted) == layers


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_block_whose_branch_gives_nothing_is_the_identity_on_what_a_block_gives(block):
    net = block(4 * block.expansion, 4, stride=1)
    last = net.bn2 if block is BasicBlock else net.bn3
    nn.init.zeros_(last.weight)
    x = torch.rand(2, 4 * block.expansion, 6, 6)  # not negative, as behind a rectifier
    assert torch.equal(net(x.clone()), x)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_block_leaves_its_input_as_it_was(block):
    net = block(4 * block.expansion, 4, stride=1)
    x = torch.randn(2, 4 * block.expansion, 6, 6)
    before = x.clone()
    net(x)
    assert torch.equal(x, before)


def test_zero_init_residual_zeroes_the_last_norm_of_each_block():
    net = resnet18(10, width=0.125, zero_init_residual=True)
    blocks = [module for module in net.modules() if isinstance(module, BasicBlock)]
    assert len(blocks) == 8
    assert all((b.bn2.weight == 0).all() and (b.bn1.weight == 1).all() for b in blocks)


def test_a_bottleneck_halves_the_resolution_in_its_middle():
    net = Bottleneck(16, 8, stride=2)
    assert [net.conv1.stride, net.conv2.stride, net.conv3.stride] == [(1, 1), (2, 2), (1, 1)]
