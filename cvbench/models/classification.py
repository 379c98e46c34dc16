"""What every classifier does with its logits: the loss it descends and the scores it gives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from cvbench.values import ClassScores

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Of the training images by channel, RGB in 0 … 1; torchvision's weights expect it."""
IMAGENET_STD = (0.229, 0.224, 0.225)


def softmax_loss(logits: Float[Tensor, "b classes"], truths: Sequence[ClassScores]) -> dict[str, Tensor]:
    """Cross entropy of the softmax against each image's class, as the mean over the batch.

    A truth that spreads its score over several classes (smoothed or mixed labels) counts as the
    distribution it is.
    """
    target = torch.stack([truth.scores for truth in truths]).to(logits.device, torch.float32)
    return {"cross_entropy": F.cross_entropy(logits.float(), target)}


def softmax_scores(logits: Float[Tensor, "b classes"]) -> list[ClassScores]:
    """The softmax of each image's logits, in fp32 on the logits' device."""
    return [ClassScores(scores) for scores in logits.float().softmax(dim=1).unbind()]
