import pytest
import torch
import torchvision
from torch import nn

from cvbench.models import resnet
from cvbench.models.resnet import BasicBlock, Bottleneck, resnet18

NAMES = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


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


def silenced(block: type[BasicBlock | Bottleneck]) -> BasicBlock | Bottleneck:
    """A block whose branch gives exactly nothing: its last norm has neither scale nor shift."""
    net = block(4 * block.expansion, 4, stride=1)
    last = net.bn2 if isinstance(net, BasicBlock) else net.bn3
    nn.init.zeros_(last.weight)
    return net


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_block_whose_branch_gives_nothing_is_the_identity_on_what_a_block_gives(block, training):
    net = silenced(block).train(training)
    x = torch.rand(2, 4 * block.expansion, 6, 6)  # not negative, as behind a rectifier
    assert torch.equal(net(x.clone()), x)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_on_negative_values_such_a_block_is_a_rectifier_and_no_identity(block):
    x = torch.randn(2, 4 * block.expansion, 6, 6)
    assert torch.equal(silenced(block)(x), x.clamp(min=0))


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_kernels_of_zero_give_no_identity_where_norms_remember_a_mean(block):
    # in evaluation the last norm gives (0 - mean) / sqrt(var + eps), which is not 0
    net = block(4 * block.expansion, 4, stride=1)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
    last = net.bn2 if isinstance(net, BasicBlock) else net.bn3
    x = torch.rand(2, 4 * block.expansion, 6, 6)
    assert torch.equal(net.eval()(x), x)  # fresh norms remember a mean of 0
    last.running_mean.fill_(-1.0)
    torch.testing.assert_close(net(x), x + 1, rtol=0, atol=1e-4)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_block_that_changes_the_shape_is_never_the_identity(block):
    net = block(8, 4, stride=2)
    nn.init.zeros_((net.bn2 if isinstance(net, BasicBlock) else net.bn3).weight)
    x = torch.rand(2, 8, 6, 6)
    assert torch.equal(net(x), net.downsample(x).clamp(min=0))  # its projection is all that is left


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
