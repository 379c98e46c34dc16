import pytest
import torch
from torch import nn

from cvbench.errors import InputError
from cvbench.models.alexnet import alexnet, alexnet_original


def sides(net: nn.Module, size: int) -> list[int]:
    """Of the maps behind each convolution and pooling."""
    seen, x = [], torch.zeros(1, 3, size, size)
    for layer in net.features.eval():
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            seen.append(x.shape[-1])
    return seen


def test_the_feature_maps_are_those_of_the_paper():
    # 224 -> (224 + 4 - 11) / 4 + 1 = 55 -> (55 - 3) / 2 + 1 = 27 -> 13 -> 6
    expected = [55, 27, 27, 13, 13, 13, 13, 6]
    assert sides(alexnet(10, width=0.125), 224) == expected
    # 227 -> (227 - 11) / 4 + 1 = 55
    assert sides(alexnet_original(10, width=0.125), 227) == expected


def test_63_pixels_are_the_least_it_takes():
    assert alexnet(10, size=63, width=0.125)(torch.zeros(1, 3, 63, 63)).shape == (1, 10)
    with pytest.raises(InputError, match="size=62 cannot be used: it must be at least 63"):
        alexnet(10, size=62)


def test_dropout_without_a_share_of_activations_is_refused():
    with pytest.raises(InputError, match=r"alexnet: dropout=1\.5"):
        alexnet(10, dropout=1.5)


def test_the_originals_second_fourth_and_fifth_kernels_see_one_half():
    with torch.device("meta"):
        net = alexnet_original(1000)
    kernels = [tuple(layer.weight.shape) for layer in net.features if isinstance(layer, nn.Conv2d)]
    assert kernels == [(96, 3, 11, 11), (256, 48, 5, 5), (384, 256, 3, 3), (384, 192, 3, 3), (256, 192, 3, 3)]


def test_response_normalisation_by_hand():
    # one position, channels 1, 2, 3, 4 times 100: the first has itself and two neighbors on one side,
    # 100 / (2 + 1e-4 (1 + 4 + 9) 1e4) ** 0.75 = 100 / 16 ** 0.75 = 12.5
    net = alexnet_original(2, size=67, width=0.125)
    norm = net.features[2]
    x = torch.tensor([100.0, 200.0, 300.0, 400.0]).reshape(1, 4, 1, 1)
    assert norm(x)[0, 0, 0, 0].item() == pytest.approx(12.5)
    assert norm(x)[0, 1, 0, 0].item() == pytest.approx(200 / 32**0.75)


def test_the_originals_biases_open_the_rectifiers_that_the_paper_names():
    net = alexnet_original(3, size=67, width=0.125)
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert [layer.bias[0].item() for layer in layers] == [0, 1, 0, 1, 1, 1, 1, 0]
    assert all((layer.bias == layer.bias[0]).all() for layer in layers)


def test_position_by_position_taken_literally_has_a_1_by_1_first_layer():
    with torch.device("meta"):
        net = alexnet_original(1000, size=67)
    assert net.classifier[0].weight.shape == (4096, 256)
    assert sum(p.numel() for p in net.parameters()) == 24_265_064


def kinds(net):
    return [type(layer).__name__ for layer in net.classifier]


def test_the_original_drops_outputs_of_its_hidden_layers_and_the_single_stream_their_inputs():
    hidden = ["Linear", "ReLU", "Dropout"]
    assert kinds(alexnet_original(2, size=67, width=0.125)) == [*hidden, *hidden, "Linear"]
    assert kinds(alexnet(2, size=63, width=0.125)) == ["Dropout", *hidden, *hidden[:2], "Linear"]


@pytest.mark.parametrize(("build", "size"), [(alexnet, 224), (alexnet_original, 227)])
def test_the_dense_form_says_the_same_at_the_size_of_training(build, size):
    plain, dense = build(10, width=0.125).eval(), build(10, width=0.125, dense=True).eval()
    dense.load_state_dict(plain.state_dict())
    images = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        expected = plain(images)
        torch.testing.assert_close(dense(images), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def test_the_dense_form_averages_what_the_plain_one_says_of_each_place():
    # the last map of 227 + 32 pixels has one more row and column: four squares of 6 x 6
    plain = alexnet_original(10, width=0.125).eval()
    dense = alexnet_original(10, size=259, width=0.125, dense=True).eval()
    dense.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 259, 259)
    with torch.inference_mode():
        features = dense.features(images)
        assert features.shape[-2:] == (7, 7)
        squares = [features[..., i : i + 6, j : j + 6] for i in (0, 1) for j in (0, 1)]
        expected = torch.stack([plain.classifier(square.flatten(1)) for square in squares]).mean(dim=0)
        torch.testing.assert_close(dense(images), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def test_a_dense_form_without_room_for_its_first_layer_is_refused():
    with pytest.raises(InputError, match="alexnet: size=222 cannot be used: it must be at least 223"):
        alexnet(10, size=222, dense=True)
    with pytest.raises(InputError, match="alexnet_original: size=226 cannot be used"):
        alexnet_original(10, size=226, dense=True)


def test_67_pixels_are_the_least_the_original_takes():
    assert alexnet_original(10, size=67, width=0.125)(torch.zeros(1, 3, 67, 67)).shape == (1, 10)
    with pytest.raises(InputError, match="size=66 cannot be used: it must be at least 67"):
        alexnet_original(10, size=66)
