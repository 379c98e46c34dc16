import pytest

from cvbench.errors import InputError
from cvbench.models.building import check_share, check_size, check_width, widened


@pytest.mark.parametrize(
    ("channels", "width", "expected"),
    [
        (64, 1.0, 64),
        (255, 1.0, 255),  # width 1 is the paper's network, whatever its channels
        (64, 0.25, 16),
        (64, 0.3, 16),  # 19.2 is nearer to 16
        (64, 0.32, 24),  # 20.5 is nearer to 24
        (24, 0.5, 16),  # 12 lies between: up
        (16, 0.1, 8),  # never below 8
        (64, 2.0, 128),
    ],
)
def test_channels_are_scaled_to_the_nearest_multiple_of_eight(channels, width, expected):
    assert widened(channels, width) == expected


def test_a_refused_size_says_what_would_do():
    with pytest.raises(InputError) as error:
        check_size("unet", 100, least=16, multiple=16)
    assert str(error.value) == (
        "unet: size=100 cannot be used: it must be a multiple of 16, at least 16.\n"
        "  Show its options: cvbench show unet"
    )


def test_sizes_and_shares_within_bounds_pass():
    check_size("unet", 512, least=16, multiple=16)
    check_width("unet", 0.125)
    check_share("alexnet", "dropout", 0.0)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(InputError, match=r"dropout=.* between 0 and 1"):
        check_share("alexnet", "dropout", share)
