"""Each segmenter can learn: a narrow one learns a few scenes by heart, every pixel of them."""

import pytest
import torch
from torch import nn

from cvbench.models.unet import unet, unet_original
from tests.models.learning import decoded, learn, scenes


def assert_learns_scenes_by_heart(model: nn.Module, *, count: int, steps: int, lr: float) -> None:
    images, _, truths = scenes(count, model.preprocessing.size[0])
    learn(model, images, truths, steps=steps, lr=lr)
    predicted = torch.stack([p.labels for p in decoded(model, images)]).long()
    true = torch.stack([t.labels for t in truths]).long()
    confusion = torch.bincount((true * 5 + predicted).flatten(), minlength=25).reshape(5, 5)
    hits = confusion.diag()
    overlaps = hits / (confusion.sum(0) + confusion.sum(1) - hits)
    assert overlaps.nanmean() >= 0.95  # a class that is nowhere has none


def test_the_padded_segmenter_learns_four_scenes_by_heart():
    torch.manual_seed(0)
    assert_learns_scenes_by_heart(unet(5, size=64, width=0.125), count=4, steps=80, lr=1e-2)


@pytest.mark.slow
def test_the_interpolating_segmenter_learns_four_scenes_by_heart():
    torch.manual_seed(0)
    model = unet(5, size=64, width=0.25, upsampling="bilinear")
    assert_learns_scenes_by_heart(model, count=4, steps=80, lr=1e-2)


@pytest.mark.slow
def test_the_original_segmenter_learns_two_scenes_by_heart():
    torch.manual_seed(0)
    assert_learns_scenes_by_heart(unet_original(5, size=100, width=0.125), count=2, steps=60, lr=3e-3)
