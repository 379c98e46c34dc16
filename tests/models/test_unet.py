import math

import numpy as np
import pytest
import torch
from torch import nn

from cvbench.errors import InputError
from cvbench.models.unet import _mirrored, dice_loss, unet, unet_original
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


def test_mirroring_does_not_repeat_the_outermost_pixel():
    row = torch.tensor([1.0, 2.0, 3.0]).expand(1, 3, 3, 3)
    assert _mirrored(row, 2)[0, 0, 0].tolist() == [3, 2, 1, 2, 3, 2, 1]


def test_mirroring_is_numpys_reflection():
    images = torch.randn(1, 3, 10, 12)
    expected = np.pad(images.numpy(), ((0, 0), (0, 0), (9, 9), (9, 9)), mode="reflect")
    assert np.array_equal(_mirrored(images, 9).numpy(), expected)


def test_a_tile_alone_is_labelled_as_within_its_surroundings():
    # the overlap-tile strategy of figure 2: valid convolutions see no border
    net = unet_original(3, width=0.125).eval()
    image = torch.randn(1, 3, 220, 220)  # 36 labelled pixels
    with torch.inference_mode():
        whole, tile = net.tile(image), net.tile(image[..., 16:204, 32:220])  # 188 seen, 4 labelled
    torch.testing.assert_close(whole[..., 16:20, 32:36], tile, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [84, 99, 101, 112, 572])
def test_the_original_refuses_sizes_that_do_not_divide(size):
    with pytest.raises(InputError, match=f"unet_original: size={size} cannot be used: .* 16 b \\+ 4"):
        unet_original(2, size=size)


def test_more_classes_than_a_label_map_holds_are_refused():
    with pytest.raises(InputError, match=r"unet: classes=256 .* 255 or fewer"):
        unet(256)


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


def test_nothing_but_void_costs_nothing_and_has_a_gradient():
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    void = LabelMap(torch.full((2, 2), VOID, dtype=torch.uint8))
    loss = unet(2, size=16, width=0.125).loss(logits, [void])["cross_entropy"]
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


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


def test_dice_by_hand():
    # One row of four pixels, classes 0 0 1 void; softmax gives class 1 a half everywhere.
    # class 0: 2 (0.5 + 0.5) / (1.5 + 2) = 4/7; class 1: 2 (0.5) / (1.5 + 1) = 2/5; class 2 does not occur
    logits = torch.tensor([0.0, 0.0, -math.inf]).reshape(1, 3, 1, 1).expand(1, 3, 1, 4)
    labels = torch.tensor([[[0, 0, 1, VOID]]])
    assert dice_loss(logits, labels).item() == pytest.approx(((1 - 4 / 7) + (1 - 2 / 5)) / 2)


def test_a_perfect_map_has_no_dice_loss_and_an_unlabelled_one_a_gradient():
    labels = torch.randint(0, 3, (2, 8, 8))
    sure = 100.0 * torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    assert dice_loss(sure, labels).item() == pytest.approx(0.0, abs=1e-6)
    logits = torch.zeros(1, 3, 4, 4, requires_grad=True)
    loss = dice_loss(logits, torch.full((1, 4, 4), VOID))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad.eq(0).all()


def test_the_gradient_of_dice_is_that_of_its_finite_differences():
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (1, 3, 3))
    logits = torch.randn(1, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: dice_loss(x, labels), logits)


def test_the_option_adds_the_term():
    net = unet(2, size=16, width=0.125, dice=True)
    terms = net.loss(torch.zeros(1, 2, 16, 16), [LabelMap(torch.zeros(16, 16, dtype=torch.uint8))])
    assert list(terms) == ["cross_entropy", "dice"]
