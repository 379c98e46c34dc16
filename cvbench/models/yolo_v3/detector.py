"""The detector: a net with its loss and its decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from cvbench.boxes import clip, nms
from cvbench.models.yolo_v3.grid import Grid, grid_of, predicted_boxes, rows
from cvbench.models.yolo_v3.nets import Darknet53, TinyDarknet
from cvbench.models.yolo_v3.targets import Ignore, assign_targets
from cvbench.values import Detections, Preprocessing

_CANDIDATES = 3000
"""How many boxes of an image may enter suppression; an untrained net would send all it has."""


class Reporting(NamedTuple):
    """Which of the predicted boxes are reported."""

    score_threshold: float
    """Only scores above it."""
    nms_threshold: float
    """Of two boxes of one class whose IoU is above it, the one with the higher score."""
    max_detections: int
    """The best so many of an image."""


class YoloV3(nn.Module):
    """YOLOv3 on any net that gives raw maps; `priors` are (width, height), small to large."""

    priors: Tensor  # layer, slot, (width, height): layers coarse first as the net's, slots small to large

    def __init__(
        self,
        net: Darknet53 | TinyDarknet,
        *,
        classes: int,
        size: int,
        priors: Sequence[tuple[float, float]],
        ignore: Ignore,
        reporting: Reporting,
    ) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(size=(size, size), resize="letterbox", fill=128)
        self.net = net
        self.classes = classes
        self.ignore = ignore
        self.reporting = reporting
        by_layer = torch.tensor(priors, dtype=torch.float32).reshape(len(net.strides), -1, 2).flip(0)
        self.register_buffer("priors", by_layer, persistent=False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, ...]:
        """A raw map `b (prior, (tx, ty, tw, th, objectness, class …)) h w` for each layer, coarse first."""
        maps: tuple[Tensor, ...] = self.net(images)
        return maps

    def loss(self, outputs: Sequence[Tensor], truths: Sequence[Detections]) -> dict[str, Tensor]:
        """Box, objectness and class terms, each summed over an image and averaged over the batch.

        Centres, objectness and classes by binary cross entropy, sides by half the squared error, so
        that each gradient is prediction minus target. The centres' part stays above 0 when it is
        met, for its target is a fraction.
        """
        raw = rows(outputs, channels=5 + self.classes)
        targets = assign_targets(raw, self._grid(outputs), truths, ignore=self.ignore)
        own = raw[targets.image, targets.predictor]  # p 5+classes
        centre = F.binary_cross_entropy_with_logits(own[:, :2], targets.offset.to(raw), reduction="none")
        sides = (own[:, 2:4] - targets.scale).square() / 2
        box = targets.weight * (centre + sides).sum(dim=1)

        holds = torch.zeros_like(raw[..., 4])
        holds[targets.image, targets.predictor] = 1.0
        objectness = F.binary_cross_entropy_with_logits(
            raw[..., 4], holds, weight=targets.counted.to(raw), reduction="sum"
        )
        named = F.one_hot(targets.label, self.classes).to(raw)
        classes = F.binary_cross_entropy_with_logits(own[:, 5:], named, reduction="sum")
        return {
            "box": box.sum() / len(raw),
            "objectness": objectness / len(raw),
            "class": classes / len(raw),
        }

    @torch.no_grad()
    def decode(self, outputs: Sequence[Tensor]) -> list[Detections]:
        """Objects with score = objectness x class probability, after suppression class by class."""
        raw = rows(outputs, channels=5 + self.classes)
        grid = self._grid(outputs)
        scores = raw[..., 4:5].sigmoid() * raw[..., 5:].sigmoid()  # b n classes
        image, predictor, label = (scores > self.reporting.score_threshold).nonzero(as_tuple=True)
        score = scores[image, predictor, label]
        best = _best_of_each(image, score, images=len(raw), most=_CANDIDATES)
        image, predictor, label, score = image[best], predictor[best], label[best], score[best]
        boxes = predicted_boxes(raw[image, predictor, :4], grid, predictor)
        boxes = clip(boxes, height=grid.height, width=grid.width)

        kept = nms(boxes, score, self.reporting.nms_threshold, groups=image * self.classes + label)
        best = _best_of_each(image[kept], score[kept], images=len(raw), most=self.reporting.max_detections)
        kept = kept[best]
        lengths = image[kept].bincount(minlength=len(raw)).tolist()
        parts = (values[kept].split_with_sizes(lengths) for values in (boxes, label, score))
        return [Detections(boxes=b, labels=k, scores=s) for b, k, s in zip(*parts, strict=True)]

    def _grid(self, outputs: Sequence[Tensor]) -> Grid:
        return grid_of(outputs, strides=self.net.strides, priors=self.priors)


def _best_of_each(
    image: Int64[Tensor, " k"], score: Float[Tensor, " k"], *, images: int, most: int
) -> Int64[Tensor, " j"]:
    """Indices image by image, in each at most `most` of them, the best score first."""
    order = score.argsort(descending=True, stable=True)
    order = order[image[order].argsort(stable=True)]
    found = image.bincount(minlength=images)
    first = found.cumsum(0) - found
    rank = torch.arange(len(image), device=image.device) - first[image[order]]
    return order[rank < most]
