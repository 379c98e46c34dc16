"""The detector: a net with its loss and its decoding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.boxes import clip
from cvbench.models.detection import Found, Reporting, candidates, suppressed
from cvbench.models.yolo.grid import Grid, grid_of, predicted_boxes, rows
from cvbench.models.yolo.targets import Rules, assign_targets
from cvbench.models.yolo.yolo_v3.nets import Darknet53, TinyDarknet
from cvbench.values import Detections, Preprocessing


class YoloV3(nn.Module):
    """YOLOv3 on any net that gives raw maps; `priors` are (width, height), small to large."""

    input_multiple = 32
    """Inputs of every size that is a multiple of it will do."""
    priors: Tensor  # layer, slot, (width, height): layers coarse first as the net's, slots small to large
    shadowed: Tensor
    """How many objects, over all steps of the training, lost their predictor to another one."""

    def __init__(
        self,
        net: Darknet53 | TinyDarknet,
        *,
        classes: int,
        size: int,
        priors: Sequence[tuple[float, float]],
        rules: Rules,
        reporting: Reporting,
    ) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(
            size=(size, size), resize="letterbox", fill=128, interpolation="darknet"
        )
        self.net = net
        self.classes = classes
        self.rules = rules
        self.reporting = reporting
        by_layer = torch.tensor(priors, dtype=torch.float32).reshape(len(net.strides), -1, 2).flip(0)
        self.register_buffer("priors", by_layer, persistent=False)
        self.register_buffer("shadowed", torch.zeros((), dtype=torch.int64), persistent=False)

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
        targets = assign_targets(raw, self._grid(outputs), truths, rules=self.rules)
        if self.training:
            self.shadowed += targets.shadowed
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
    def find(self, outputs: Sequence[Tensor]) -> Found:
        """What is in the whole batch: scores are objectness x class probability."""
        raw = rows(outputs, channels=5 + self.classes)
        grid = self._grid(outputs)
        scores = raw[..., 4:5].sigmoid() * raw[..., 5:].sigmoid()  # b n classes
        chosen = candidates(scores, above=self.reporting.score_threshold)
        boxes = predicted_boxes(raw[chosen.image, chosen.predictor, :4], grid, chosen.predictor)
        boxes = clip(boxes, height=grid.height, width=grid.width)
        return suppressed(chosen, boxes, images=len(raw), classes=self.classes, reporting=self.reporting)

    def decode(self, outputs: Sequence[Tensor]) -> list[Detections]:
        """`find`, with one entry an image."""
        return self.find(outputs).by_image(len(outputs[0]))

    def _grid(self, outputs: Sequence[Tensor]) -> Grid:
        return grid_of(outputs, strides=self.net.strides, priors=self.priors)
