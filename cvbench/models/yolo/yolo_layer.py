"""The layer that gives the raw maps: the last one of every YOLO since the second."""

from __future__ import annotations

import math

import torch
from torch import nn

_INITIAL_OBJECTNESS = 0.01


class DetectionLayer(nn.Conv2d):
    """A 1 x 1 convolution to (tx, ty, tw, th, objectness, a logit a class) for each prior."""

    def __init__(self, incoming: int, *, priors: int, classes: int) -> None:
        super().__init__(incoming, priors * (5 + classes), 1)
        nn.init.normal_(self.weight, std=0.01)
        bias = torch.zeros(priors, 5 + classes)
        bias[:, 4] = math.log(_INITIAL_OBJECTNESS / (1 - _INITIAL_OBJECTNESS))
        self.bias = nn.Parameter(bias.flatten())
