import math

import pytest
import torch
from torch import nn

from cvbench.models.unet import unet, unet_original
from cvbench.values import VOID, LabelMap


def sides(net: nn.Module, images: torch.Tensor) -> dict[str, int]:
    """The side of each stage's map."""
    seen: dict[str, int] = {}
    for name, module in net.named_children():
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out.shape[-1]))
    with torch.inference_mode():
        net(images)
    return seen


def test_the_original_turns_572_pixels_into_388_as_in_figure_1():
    net = unet_original(2, width=0.125).eval()
    assert net.preprocessing.size == (388, 388)
    seen = sides(net, torch.zeros(1, 3, 388, 388))
    down = [seen[stage] for stage in ("down1", "down2", "down3", "down4", "bottom")]
    up = [seen[stage] for stage in ("up4", "up3", "up2", "up1", "out")]
    assert down == [568, 280, 136, 64, 28]
    assert up == [52, 100, 196, 388, 388]


def test_the_padded_form_keeps_the_size():
    seen = sides(unet(2, size=64, width=0.125).eval(), torch.zeros(1, 3, 64, 64))
    assert [seen[s] for s in ("down1", "down2", "down3", "down4", "bottom")] == [64, 32, 16, 8, 4]
    assert [seen[s] for s in ("up4", "up3", "up2", "up1", "out")] == [8, 16, 32, 64, 64]


def test_an_undecided_pixel_costs_the_logarithm_of_the_classes():
    net = unet(4, size=16, width=0.125)
    truth = LabelMap(torch.zeros(16, 16, dtype=torch.uint8))
    terms = net.loss(torch.zeros(1, 4, 16, 16), [truth])
    assert list(terms) == ["cross_entropy"]
    assert terms["cross_entropy"].item() == pytest.approx(math.log(4))


def test_void_pixels_are_left_out_of_the_mean():
    # three pixels of each image are void; the one that counts has probability 1/4 and 3/4
    net = unet(2, size=16, width=0.125)
    logits = torch.tensor([0.0, math.log(3)])[:, None, None].expand(2, 2, 2, 2)
    first = LabelMap(torch.tensor([[0, VOID], [VOID, VOID]], dtype=torch.uint8))
    second = LabelMap(torch.tensor([[VOID, VOID], [VOID, 1]], dtype=torch.uint8))
    expected = (math.log(4) + math.log(4 / 3)) / 2
    assert net.loss(logits, [first, second])["cross_entropy"].item() == pytest.approx(expected)


def test_a_pixel_gets_its_strongest_class_and_the_first_among_equals():
    logits = torch.tensor([[[[0.0, 1.0]], [[2.0, 1.0]], [[1.0, 0.0]]]])  # one image, 3 classes, 1 x 2
    assert unet(3, size=16, width=0.125).decode(logits)[0].labels.tolist() == [[1, 0]]


def test_254_is_a_label_like_any_other():
    logits = torch.zeros(1, 255, 1, 1)
    logits[0, 254] = 1.0
    assert unet(255, size=16, width=0.125).decode(logits)[0].labels.item() == 254


def test_feature_maps_keep_their_variance_at_the_start():
    torch.manual_seed(0)
    net = unet_original(2, size=100, width=0.25).eval()
    with torch.inference_mode():
        logits = net(torch.randn(1, 3, 100, 100))
    assert 0.2 < logits.std().item() < 5


def test_the_option_adds_the_term():
    net = unet(2, size=16, width=0.125, dice=True)
    terms = net.loss(torch.zeros(1, 2, 16, 16), [LabelMap(torch.zeros(16, 16, dtype=torch.uint8))])
    assert list(terms) == ["cross_entropy", "dice"]


def test_a_pixel_in_a_gap_counts_more_by_its_weight():
    # one row: cell, gap, cell of another class; undecided everywhere, so each pixel costs ln 3.
    # d1 + d2 is 0 + 2, 1 + 1, 2 + 0: all three weigh 1 + 10 exp(-4 / 50)
    labels = torch.tensor([[1, 0, 2]], dtype=torch.uint8)
    net = unet_original(3, size=100, width=0.125)
    loss = net.loss(torch.zeros(1, 3, 1, 3), [LabelMap(labels)])["cross_entropy"]
    assert loss.item() == pytest.approx((1 + 10 * math.exp(-4 / 50)) * math.log(3))
    plain = unet_original(3, size=100, width=0.125, boundary=0.0)
    assert plain.loss(torch.zeros(1, 3, 1, 3), [LabelMap(labels)])["cross_entropy"].item() == pytest.approx(
        math.log(3)
    )


def test_bilinear_upsampling_meets_the_corners():
    # two pixels become four: 0, 1/3, 2/3, 1 of the way
    rise = unet(2, size=16, width=0.125, upsampling="bilinear").up1
    x = torch.tensor([0.0, 3.0]).expand(1, 1, 2, 2)
    torch.testing.assert_close(rise.up(x)[0, 0, 0], torch.tensor([0.0, 1.0, 2.0, 3.0]))


# the counts of the implementation that the padded forms are taken from
@pytest.mark.parametrize(("classes", "parameters"), [(1, 17_262_977), (2, 17_263_042)])
def test_interpolating_saves_almost_half_of_the_parameters(classes, parameters):
    with torch.device("meta"):
        net = unet(classes, upsampling="bilinear")
    assert sum(p.numel() for p in net.parameters()) == parameters


def test_the_net_of_figure_1_has_23_convolutions():
    with torch.device("meta"):
        net = unet_original(2)
    assert sum(isinstance(m, nn.Conv2d) for m in net.modules()) == 19
    assert sum(isinstance(m, nn.ConvTranspose2d) for m in net.modules()) == 4


def test_in_training_the_whole_image_is_labelled_at_once():
    net = unet_original(2, size=100, width=0.125, tile=36)
    images = torch.randn(1, 3, 100, 100)
    torch.manual_seed(0)
    with torch.inference_mode():
        expected = net.tile(torch.nn.functional.pad(images, (92,) * 4, mode="reflect"))
        torch.manual_seed(0)
        assert torch.equal(net(images), expected)
