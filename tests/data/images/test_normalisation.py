import torch
from torchvision.transforms.v2 import functional as torchvision_functional

from cvbench.data.images.color import normalize
from cvbench.values import Preprocessing


def noise(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_white_and_black_by_hand():
    # white: (1 - 0.5) / 0.25 = 2; black: (0 - 0.5) / 0.25 = -2
    pixels = torch.tensor([255, 0], dtype=torch.uint8).expand(1, 3, 1, 2)
    found = normalize(pixels, Preprocessing((1, 2), mean=(0.5,) * 3, std=(0.25,) * 3))
    torch.testing.assert_close(found, torch.tensor([2.0, -2.0]).expand(1, 3, 1, 2))


def test_without_mean_and_deviation_pixels_become_fractions():
    found = normalize(torch.tensor([0, 51, 255], dtype=torch.uint8).expand(1, 3, 1, 3), Preprocessing((1, 3)))
    torch.testing.assert_close(found, torch.tensor([0.0, 0.2, 1.0]).expand(1, 3, 1, 3))


def test_each_channel_has_its_own_mean_and_deviation():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    images = noise(2, 3, 5, 7)
    theirs = torchvision_functional.normalize(images.float() / 255, list(mean), list(std))
    # Ours multiplies where theirs divides: a few units in the last place.
    torch.testing.assert_close(normalize(images, Preprocessing((5, 7), mean=mean, std=std)), theirs)


def test_the_layout_is_kept():
    images = noise(2, 3, 8, 8)
    for mean in ((0.1, 0.2, 0.3), (0.0, 0.0, 0.0)):
        prepared = normalize(images.to(memory_format=torch.channels_last), Preprocessing((8, 8), mean=mean))
        assert prepared.is_contiguous(memory_format=torch.channels_last)
        assert normalize(images, Preprocessing((8, 8), mean=mean)).is_contiguous()


def test_the_pixels_are_left_alone():
    images = noise(1, 3, 4, 4)
    normalize(images, Preprocessing((4, 4), mean=(0.5,) * 3))
    assert torch.equal(images, noise(1, 3, 4, 4))
