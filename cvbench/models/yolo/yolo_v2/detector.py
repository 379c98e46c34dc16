"""The detector of YOLOv2 and YOLO9000: loss and decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from cvbench.boxes import clip, iou_of_pairs
from cvbench.models.detection import BatchDetections, Reporting, candidates, suppressed
from cvbench.models.yolo.grid import Grid, Shapes, grid_of, predicted_boxes, rows
from cvbench.models.yolo.targets import AssignmentRules, Targets, assign_targets
from cvbench.models.yolo.yolo_v2.classes import ClassOutputs
from cvbench.models.yolo.yolo_v2.nets import PassthroughNet, PlainNet
from cvbench.values import ClassScores, Detections, Preprocessing

RULES: Final = AssignmentRules("prediction", 0.6)
_OBJECT: Final = 5.0
"""Weight of the objectness of predictors with an object; the weight of the others is 1."""
_PULL: Final = 0.01
_PULLED_IMAGES: Final = 12_800
_LEAST_OBJECTNESS: Final = 0.3
"""Minimum objectness that an image with only a class requires of the best predictor for its class."""

RegionTruth: TypeAlias = Detections | ClassScores
"""Ground truth of an image: its objects, or only its class."""


class RegionDetector(nn.Module):
    """One detection layer with `priors` (width, height) in pixels, on a network that returns its raw map."""

    learns_from_classes = True
    """Trains also on images that have a class and no boxes."""
    input_multiple = 32
    """Input sides must be multiples of this."""
    priors: Tensor  # 1, slot, (width, height)
    seen: Tensor
    """Training images seen, as darknet counts them: priors attract during the first 12,800."""
    shadowed: Tensor
    """Number of objects, over all training steps, that lost their predictor to another one."""

    def __init__(
        self,
        net: PassthroughNet | PlainNet,
        *,
        classes: ClassOutputs,
        size: int,
        priors: Shapes,
        reporting: Reporting,
    ) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(
            size=(size, size), resize="letterbox", fill=128, interpolation="darknet"
        )
        self.net = net
        self.classes = classes
        self.reporting = reporting
        shapes = torch.tensor([list(map(tuple, priors))], dtype=torch.float32)
        self.register_buffer("priors", shapes, persistent=False)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("shadowed", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Tensor]:
        """One raw map `b (prior, (tx, ty, tw, th, objectness, class …)) h w`."""
        if self.training:
            self.seen += len(images)
        maps: tuple[Tensor] = self.net(images)
        return maps

    def loss(self, outputs: Sequence[Tensor], truths: Sequence[RegionTruth]) -> dict[str, Tensor]:
        """Box, objectness, class and prior terms, each summed over an image and averaged over the batch.

        An image with ClassScores has a class and no boxes: only the predictor with the highest probability
        of the class is trained, on the class and on an objectness of at least 0.3.
        """
        raw = rows(outputs, channels=5 + self.classes.outputs)
        grid = self._grid(outputs)
        boxed = torch.tensor([isinstance(truth, Detections) for truth in truths], device=raw.device)
        # Here, an image with only a class has no objects and no weight.
        objects = [truth if isinstance(truth, Detections) else Detections.none() for truth in truths]
        targets = assign_targets(raw, grid, objects, rules=RULES)
        if self.training:
            self.shadowed += targets.shadowed
        own = raw[targets.image, targets.predictor]  # p 5+outputs
        holds = torch.zeros_like(raw[..., 4])
        holds[targets.image, targets.predictor] = 1.0
        images = len(raw)
        terms = {
            "box": self._box(own, targets).sum() / images,
            "objectness": self._objectness(raw, grid, targets, boxed).sum() / images,
            "class": self.classes.loss(own[:, 5:], targets.label).sum() / images,
            "prior": (self._pull(raw) * ((1 - holds) * boxed[:, None])).sum() / images,
        }
        named = [(i, truth.scores) for i, truth in enumerate(truths) if isinstance(truth, ClassScores)]
        if named:
            image = torch.tensor([i for i, _ in named], device=raw.device)
            label = torch.stack([scores for _, scores in named]).argmax(dim=1).to(raw.device)
            self._add_named(terms, raw[image], label, images=images)
        return terms

    @torch.no_grad()
    def find(self, outputs: Sequence[Tensor]) -> BatchDetections:
        """Detections of the whole batch; scores are objectness x class score."""
        raw = rows(outputs, channels=5 + self.classes.outputs)
        grid = self._grid(outputs)
        scores = raw[..., 4:5].sigmoid() * self.classes.scores(raw[..., 5:])  # b n classes
        chosen = candidates(scores, above=self.reporting.score_threshold)
        boxes = predicted_boxes(raw[chosen.image, chosen.predictor, :4], grid, chosen.predictor)
        boxes = clip(boxes, height=grid.height, width=grid.width)
        return suppressed(
            chosen, boxes, images=len(raw), classes=self.classes.classes, reporting=self.reporting
        )

    def decode(self, outputs: Sequence[Tensor]) -> list[Detections]:
        """Detections per image: `find`, split by image."""
        return self.find(outputs).by_image(len(outputs[0]))

    def _box(self, own: Float[Tensor, "p channels"], targets: Targets) -> Float[Tensor, " p"]:
        errors = torch.cat([own[:, :2].sigmoid() - targets.offset, own[:, 2:4] - targets.scale], dim=1)
        return targets.weight * errors.square().sum(dim=1) / 2

    def _objectness(
        self,
        raw: Float[Tensor, "b n channels"],
        grid: Grid,
        targets: Targets,
        boxed: Bool[Tensor, " b"],
    ) -> Float[Tensor, "b n"]:
        """Loss per predictor: to the IoU of its current box, or to 0 where there is no object."""
        weight = (targets.counted & boxed[:, None]).to(raw)
        weight[targets.image, targets.predictor] = _OBJECT
        wanted = torch.zeros_like(weight)
        with torch.no_grad():
            predicted = predicted_boxes(raw[targets.image, targets.predictor, :4], grid, targets.predictor)
            wanted[targets.image, targets.predictor] = iou_of_pairs(predicted, targets.boxes)
        return weight * (raw[..., 4].sigmoid() - wanted).square() / 2

    def _pull(self, raw: Float[Tensor, "b n channels"]) -> Float[Tensor, "b n"]:
        """Loss that pulls predictors to their priors, early in a training."""
        errors = torch.cat([raw[..., :2].sigmoid() - 0.5, raw[..., 2:4]], dim=-1)
        early = (self.seen < _PULLED_IMAGES).to(raw)
        return early * _PULL * errors.square().sum(dim=-1) / 2

    def _add_named(
        self,
        terms: dict[str, Tensor],
        raw: Float[Tensor, "c n channels"],
        label: Int64[Tensor, " c"],
        *,
        images: int,
    ) -> None:
        """Add the terms of images that have a class and no boxes."""
        n = raw.shape[1]
        with torch.no_grad():
            logits = raw[..., 5:].flatten(0, 1)
            believed = self.classes.probability(logits, label.repeat_interleave(n)).reshape(-1, n)
        own = raw[torch.arange(len(raw), device=raw.device), believed.argmax(dim=1)]  # c channels
        short = (_LEAST_OBJECTNESS - own[:, 4].sigmoid()).clamp(min=0)
        terms["class"] = terms["class"] + self.classes.loss(own[:, 5:], label).sum() / images
        terms["objectness"] = terms["objectness"] + _OBJECT * short.square().sum() / 2 / images

    def _grid(self, outputs: Sequence[Tensor]) -> Grid:
        return grid_of(outputs, strides=self.net.strides, priors=self.priors)
