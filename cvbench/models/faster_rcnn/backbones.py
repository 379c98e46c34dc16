"""Backbones: the convolutions of a classifier, optionally with a feature pyramid (FPN).

Modules have torchvision's names, so torchvision's weights load by name.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.resnet import BasicBlock, Bottleneck, ResNet
from cvbench.models.vgg import VGG


class VggBackbone(nn.Module):
    """VGG's convolutions without the last pooling: one map of stride 16."""

    strides = (16,)
    pooled = (0,)
    """Indices of the maps that regions are pooled from."""

    def __init__(self, vgg: VGG) -> None:
        super().__init__()
        self.features = vgg.features[:-1]
        first = vgg.classifier[0]
        assert isinstance(first, nn.Linear)
        self.channels = first.in_features // 49  # 7 x 7 bins

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The map after the last convolution."""
        return (self.features(images),)  # b 512 h/16 w/16


class Body(nn.Module):
    """A ResNet's convolutions; returns the maps of all four stages."""

    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu, self.maxpool = resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool
        self.layer1, self.layer2 = resnet.layer1, resnet.layer2
        self.layer3, self.layer4 = resnet.layer3, resnet.layer4

    @property
    def channels(self) -> list[int]:
        """Channels of each stage's output, from fine to coarse."""
        return [_width_of(stage[-1]) for stage in (self.layer1, self.layer2, self.layer3, self.layer4)]

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """Maps of stride 4, 8, 16 and 32. Channels in comments: 50 layers."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))  # b 64 h/4 w/4
        c2 = self.layer1(x)  # b 256 h/4 w/4
        c3 = self.layer2(c2)  # b 512 h/8 w/8
        c4 = self.layer3(c3)  # b 1024 h/16 w/16
        return c2, c3, c4, self.layer4(c4)  # … b 2048 h/32 w/32


class Pyramid(nn.Module):
    """Feature pyramid: projects every stage to the same channels, and adds coarser levels to finer ones.

    Source: Lin et al. 2016, Feature Pyramid Networks, https://arxiv.org/abs/1612.03144, section 3.
    """

    def __init__(self, incoming: Sequence[int], channels: int) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(c, channels, 1)) for c in incoming)
        self.layer_blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1)) for _ in incoming
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                assert module.bias is not None
                nn.init.kaiming_uniform_(module.weight, a=1)
                nn.init.zeros_(module.bias)

    def forward(self, stages: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps with the strides of the stages, from fine to coarse, and one with twice the last stride."""
        levels: list[Tensor] = []
        above: Tensor | None = None
        for stage, inner, layer in zip(
            reversed(stages), reversed(self.inner_blocks), reversed(self.layer_blocks), strict=True
        ):
            lateral = inner(stage)
            if above is not None:
                lateral = lateral + F.interpolate(above, size=lateral.shape[-2:], mode="nearest")
            above = lateral
            levels.insert(0, layer(lateral))
        return *levels, F.max_pool2d(levels[-1], 1, stride=2)


class ResNetPyramid(nn.Module):
    """A ResNet with a feature pyramid: maps of stride 4 to 64; regions are pooled from the first four."""

    strides = (4, 8, 16, 32, 64)
    pooled = (0, 1, 2, 3)

    def __init__(self, resnet: ResNet, *, channels: int) -> None:
        super().__init__()
        self.body = Body(resnet)
        self.fpn = Pyramid(self.body.channels, channels)
        self.channels = channels

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """The levels of the pyramid, from fine to coarse."""
        levels: tuple[Tensor, ...] = self.fpn(self.body(images))  # each b 256 h/stride w/stride
        return levels


def _width_of(block: nn.Module) -> int:
    assert isinstance(block, BasicBlock | Bottleneck)
    last = block.bn3 if isinstance(block, Bottleneck) else block.bn2
    return last.num_features


class FrozenNorm(nn.Module):
    """Batch normalization with constant statistics and parameters, under the same tensor names."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Same as batch normalization in evaluation."""
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.epsilon
        )


def freeze_norms(net: nn.Module, *, epsilon: float) -> None:
    """Replace each batch normalization with a newly initialized frozen norm."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, FrozenNorm(child.num_features, epsilon=epsilon))
