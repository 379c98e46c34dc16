import pytest

from cvbench.errors import InputError
from cvbench.models.unet import unet, unet_original


@pytest.mark.parametrize("size", [84, 99, 101, 112, 572])
def test_the_original_refuses_sizes_that_do_not_divide(size):
    with pytest.raises(InputError, match=f"unet_original: size={size} cannot be used: .* 16 b \\+ 4"):
        unet_original(2, size=size)


def test_more_classes_than_a_label_map_holds_are_refused():
    with pytest.raises(InputError, match=r"unet: classes=256 .* 255 or fewer"):
        unet(256)


@pytest.mark.parametrize("tile", [4, 37, 116, 36.0, True, "36"])
def test_a_tile_that_does_not_divide_or_is_larger_than_the_image_is_refused(tile):
    with pytest.raises(InputError, match=r"unet_original: tile=.* 20, 36, 52 … up to 100: 16 b \+ 4"):
        unet_original(2, size=100, tile=tile)


@pytest.mark.parametrize("boundary", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_number_from_0_on_is_refused(boundary):
    with pytest.raises(InputError, match=r"unet_original: boundary=.* 0 or more"):
        unet_original(2, boundary=boundary)


def test_an_unknown_way_up_is_refused():
    with pytest.raises(InputError, match=r"unet: upsampling='nearest' .* transposed or bilinear"):
        unet(2, upsampling="nearest")
