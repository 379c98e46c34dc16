import pytest
import torch
import torchvision

from cvbench.errors import InputError
from cvbench.models.alexnet import alexnet


def test_it_computes_what_torchvisions_does_with_its_weights():
    peer = torchvision.models.alexnet(weights=None).eval()
    ours = alexnet(1000).eval()
    ours.load_state_dict(peer.state_dict())  # strict: every key and shape agrees
    images = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), peer(images), rtol=1e-5, atol=1e-7)


def test_the_feature_maps_are_those_of_the_paper():
    # 224 -> (224 + 4 - 11) / 4 + 1 = 55 -> (55 - 3) / 2 + 1 = 27 -> 13 -> 6
    net = alexnet(10, width=0.125).eval()
    sides, x = [], torch.zeros(1, 3, 224, 224)
    for layer in net.features:
        x = layer(x)
        if isinstance(layer, torch.nn.Conv2d | torch.nn.MaxPool2d):
            sides.append(x.shape[-1])
    assert sides == [55, 27, 27, 13, 13, 13, 13, 6]


def test_63_pixels_are_the_least_it_takes():
    assert alexnet(10, size=63, width=0.125)(torch.zeros(1, 3, 63, 63)).shape == (1, 10)
    with pytest.raises(InputError, match="size=62 cannot be used: it must be at least 63"):
        alexnet(10, size=62)


def test_dropout_without_a_share_of_activations_is_refused():
    with pytest.raises(InputError, match=r"alexnet: dropout=1\.5"):
        alexnet(10, dropout=1.5)
