import numpy as np
import pytest
import torch

from cvbench.models.unet import unet_original
from cvbench.models.unet.net import mirrored


def test_mirroring_does_not_repeat_the_outermost_pixel():
    row = torch.tensor([1.0, 2.0, 3.0]).expand(1, 3, 3, 3)
    assert mirrored(row, 2)[0, 0, 0].tolist() == [3, 2, 1, 2, 3, 2, 1]


def test_mirroring_is_numpys_reflection():
    images = torch.randn(1, 3, 10, 12)
    expected = np.pad(images.numpy(), ((0, 0), (0, 0), (9, 9), (9, 9)), mode="reflect")
    assert np.array_equal(mirrored(images, 9).numpy(), expected)


def test_a_tile_alone_is_labelled_as_within_its_surroundings():
    # the overlap-tile strategy of Fig. 2: valid convolutions see no border
    net = unet_original(3, width=0.125).eval()
    image = torch.randn(1, 3, 220, 220)  # 36 labelled pixels
    with torch.inference_mode():
        whole, tile = net.tile(image), net.tile(image[..., 16:204, 32:220])  # 188 seen, 4 labelled
    torch.testing.assert_close(whole[..., 16:20, 32:36], tile, rtol=1e-4, atol=1e-5)


@pytest.mark.full
@pytest.mark.parametrize("tile", [20, 52, 68, 100])
def test_an_image_in_tiles_is_labelled_as_the_whole(tile):
    # 52 divides 100 evenly, 20 and 68 do not; 100 is a single tile
    net = unet_original(3, size=100, width=0.125).eval()
    tiled = unet_original(3, size=100, width=0.125, tile=tile).eval()
    tiled.load_state_dict(net.state_dict())
    images = torch.randn(2, 3, 100, 100)
    with torch.inference_mode():
        expected = net(images)
        torch.testing.assert_close(tiled(images), expected, rtol=0, atol=1e-5 * expected.abs().max().item())
