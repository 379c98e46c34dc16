"""AlexNet.

ImageNet Classification with Deep Convolutional Neural Networks. Krizhevsky, Sutskever, Hinton, 2012.
https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html

Reproduces the net of figure 2 in the single-stream form of "One weird trick for parallelizing
convolutional neural networks" (Krizhevsky, 2014, https://arxiv.org/abs/1404.5997), weight for weight
the one that torchvision publishes.

Differences from the paper:
- One stream instead of two halves on two GPUs: no grouped convolutions, and 64, 192, 384, 256, 256
  kernels instead of 96, 256, 384, 384, 256.
- No local response normalisation.
- The last feature map is averaged to 6 x 6, so any input of 63 pixels or more will do.
- Weights start as PyTorch's layers do, not from N(0, 0.01) with biases of 1.
- No principal-component colour noise and no ten-crop testing.

Weights: none come along. torchvision's load by key; they are BSD-3-Clause, trained on ImageNet, whose
terms are for non-commercial research.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.classification import IMAGENET_MEAN, IMAGENET_STD, softmax_loss, softmax_scores
from cvbench.models.options import check_share, check_size, check_width, widened
from cvbench.values import ClassScores, Preprocessing


class AlexNet(nn.Module):
    """Five convolutions, three fully connected layers."""

    def __init__(self, classes: int, *, size: int, width: float, dropout: float) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(size=(size, size), mean=IMAGENET_MEAN, std=IMAGENET_STD)
        c1, c2, c3, c4, c5 = (widened(channels, width) for channels in (64, 192, 384, 256, 256))
        hidden = widened(4096, width)
        self.features = nn.Sequential(  # shapes at 224 pixels and width 1
            nn.Conv2d(3, c1, 11, stride=4, padding=2),  # 64 55 55
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # 64 27 27
            nn.Conv2d(c1, c2, 5, padding=2),  # 192 27 27
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # 192 13 13
            nn.Conv2d(c2, c3, 3, padding=1),  # 384 13 13
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, 3, padding=1),  # 256 13 13
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c5, 3, padding=1),  # 256 13 13
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # 256 6 6
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(c5 * 6 * 6, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, classes),
        )

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        """Logits."""
        features = self.avgpool(self.features(images))  # b 256 6 6
        logits: Tensor = self.classifier(features.flatten(1))
        return logits

    def loss(self, outputs: Float[Tensor, "b classes"], truths: Sequence[ClassScores]) -> dict[str, Tensor]:
        """Cross entropy."""
        return softmax_loss(outputs, truths)

    def decode(self, outputs: Float[Tensor, "b classes"]) -> list[ClassScores]:
        """Probabilities."""
        return softmax_scores(outputs)


def alexnet(classes: int, *, size: int = 224, width: float = 1.0, dropout: float = 0.5) -> AlexNet:
    """AlexNet for images of `size` pixels; `width` multiplies the kernels and the hidden layers."""
    check_size("alexnet", size, least=63)  # below, the last pooling has nothing to pool
    check_width("alexnet", width)
    check_share("alexnet", "dropout", dropout)
    return AlexNet(classes, size=size, width=width, dropout=dropout)
