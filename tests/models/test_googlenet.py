import math

import pytest
import torch
from torch import nn

from cvbench.errors import InputError
from cvbench.models.googlenet import Auxiliary, GoogLeNetOutputs, Inception, googlenet, googlenet_original
from cvbench.values import ClassScores

MODULES = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]


@pytest.mark.parametrize("build", [googlenet, googlenet_original])
def test_it_has_the_nine_modules_of_table_1(build):
    with torch.device("meta"):
        net = build(1000)
    modules = {name: m for name, m in net.named_modules() if isinstance(m, Inception)}
    assert list(modules) == [f"inception{name}" for name in MODULES]
    assert [m.outgoing for m in modules.values()] == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


def test_the_third_branch_is_5_by_5_in_the_paper_and_3_by_3_in_torchvisions():
    def side(net: nn.Module) -> int:
        return net.inception3a.branch3[1].conv.kernel_size[0]

    with torch.device("meta"):
        nets = googlenet(2), googlenet(2, true_5x5=True), googlenet_original(2)
    assert [side(net) for net in nets] == [3, 5, 5]


# without the auxiliary heads
@pytest.mark.parametrize(
    ("build", "options", "parameters"),
    [
        (googlenet, {}, 6_624_904),
        (googlenet, {"true_5x5": True}, 7_005_832),
        (googlenet_original, {}, 6_998_552),
    ],
)
def test_its_parameters_without_heads_are_those_that_are_quoted(build, options, parameters):
    with torch.device("meta"):
        net = build(1000, auxiliary=False, **options)
    assert sum(p.numel() for p in net.parameters()) == parameters


@pytest.mark.parametrize("build", [googlenet, googlenet_original])
def test_its_maps_are_those_of_table_1(build):
    net = build(2, width=0.125).eval()
    seen: dict[str, int] = {}
    for name in ("maxpool1", "maxpool2", "maxpool3", "maxpool4"):
        net.get_submodule(name).register_forward_hook(
            lambda _m, _i, out, name=name: seen.__setitem__(name, out.shape[-1])
        )
    with torch.inference_mode():
        net(torch.zeros(1, 3, 224, 224))
    assert seen == {"maxpool1": 56, "maxpool2": 28, "maxpool3": 14, "maxpool4": 7}


def test_the_originals_heads_average_windows_of_five_in_steps_of_three():
    net = googlenet_original(2, width=0.125)
    assert isinstance(net.aux1, Auxiliary)
    x = torch.arange(14.0).expand(1, 1, 14, 14)
    assert net.aux1.pool(x)[0, 0, 0].tolist() == [2, 5, 8, 11]


def test_each_head_counts_three_tenths_in_the_loss():
    # the last head gives class 0 a half, the auxiliary ones a quarter and three quarters
    net = googlenet(2, width=0.125)
    logits = torch.zeros(1, 2)
    heads = torch.tensor([[[0.0, math.log(3)], [math.log(3), 0.0]]])
    terms = net.loss(GoogLeNetOutputs(logits, heads), [ClassScores.of(0, 2)])
    assert {name: pytest.approx(term.item()) for name, term in terms.items()} == {
        "cross_entropy": math.log(2),
        "auxiliary1": 0.3 * math.log(4),
        "auxiliary2": 0.3 * math.log(4 / 3),
    }


@pytest.mark.parametrize(
    ("auxiliary", "training", "heads"), [(True, True, 2), (True, False, 0), (False, True, 0)]
)
def test_heads_speak_only_while_training(auxiliary, training, heads):
    net = googlenet(3, size=64, width=0.125, auxiliary=auxiliary).train(training)
    outputs = net(torch.randn(2, 3, 64, 64))
    assert outputs.auxiliary.shape == (2, heads, 3)
    assert len(net.loss(outputs, [ClassScores.of(0, 3)] * 2)) == 1 + heads


@pytest.mark.parametrize("build", [googlenet, googlenet_original])
def test_32_pixels_are_the_least_it_takes(build):
    net = build(3, size=32, width=0.125)
    assert net.eval()(torch.zeros(1, 3, 32, 32)).logits.shape == (1, 3)
    with pytest.raises(InputError, match=f"{build.__name__}: size=31 cannot be used: it must be at least 32"):
        build(3, size=31)
