"""The detector: a net with its loss and its decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.boxes import clip
from cvbench.models.detection import Found, Reporting, candidates, suppressed
from cvbench.models.yolo.yolo_v1.output import Layout, divided, predicted_boxes
from cvbench.models.yolo.yolo_v1.targets import assign_targets
from cvbench.values import Detections, Preprocessing

_COORD: Final = 5.0
"""Weight of the box terms."""
_NO_OBJECT: Final = 0.5
"""Weight of the confidence of boxes that are responsible for no object."""


class YoloV1(nn.Module):
    """YOLO on any net that gives one vector an image."""

    shadowed: Tensor
    """How many objects, over all steps of the training, found their cell taken by another one."""

    def __init__(
        self, net: nn.Module, layout: Layout, *, size: int, top_class_only: bool, reporting: Reporting
    ) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(size=(size, size), interpolation="darknet")
        self.net = net
        self.layout = layout
        self.top_class_only = top_class_only
        self.reporting = reporting
        self.register_buffer("shadowed", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b outputs"]:
        """The vector: all classes cell by cell, then all confidences, then all boxes."""
        vector: Tensor = self.net(images)
        return vector

    def loss(self, outputs: Float[Tensor, "b outputs"], truths: Sequence[Detections]) -> dict[str, Tensor]:
        """Box, confidence and class terms, each summed over an image and averaged over the batch.

        Squared errors all, equation 3 of the paper. The overlap that a confidence aims at is held
        constant in the gradient.
        """
        output = divided(outputs, self.layout)
        height, width = self.preprocessing.size
        targets = assign_targets(output, truths, grid=self.layout.grid, height=height, width=width)
        if self.training:
            self.shadowed += targets.shadowed
        own = output.boxes[targets.image, targets.cell, targets.box]  # p 4
        wanted = torch.zeros_like(output.confidence)
        weight = torch.full_like(output.confidence, _NO_OBJECT)
        wanted[targets.image, targets.cell, targets.box] = targets.overlap.to(wanted)
        weight[targets.image, targets.cell, targets.box] = 1.0
        named = F.one_hot(targets.label, self.layout.classes)
        classes = (output.classes[targets.image, targets.cell] - named).square()
        images = len(outputs)
        return {
            "box": _COORD * (own - targets.wanted.to(own)).square().sum() / images,
            "confidence": (weight * (output.confidence - wanted).square()).sum() / images,
            "class": classes.sum() / images,
        }

    @torch.no_grad()
    def find(self, outputs: Float[Tensor, "b outputs"]) -> Found:
        """What is in the whole batch: scores are confidence x class probability, cut to 0 … 1."""
        grid, several, classes = self.layout
        output = divided(outputs, self.layout)
        confidence, probability = output.confidence.clamp(min=0), output.classes.clamp(min=0)
        scores = (confidence[..., None] * probability[:, :, None]).flatten(1, 2)  # b (cell box) classes
        if self.top_class_only:
            best = scores.argmax(dim=2, keepdim=True)
            scores = torch.zeros_like(scores).scatter_(2, best, scores.gather(2, best))
        chosen = candidates(scores, above=self.reporting.score_threshold)
        height, width = self.preprocessing.size
        raw = output.boxes.flatten(1, 2)[chosen.image, chosen.predictor]
        boxes = predicted_boxes(raw, chosen.predictor // several, grid=grid, height=height, width=width)
        boxes = clip(boxes, height=height, width=width)
        found = suppressed(chosen, boxes, images=len(outputs), classes=classes, reporting=self.reporting)
        return found._replace(scores=found.scores.clamp(max=1))

    def decode(self, outputs: Float[Tensor, "b outputs"]) -> list[Detections]:
        """`find`, with one entry an image."""
        return self.find(outputs).by_image(len(outputs))
