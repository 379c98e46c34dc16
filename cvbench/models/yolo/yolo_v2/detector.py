"""The detector: a net with its loss and its decoding, of YOLOv2 and of YOLO9000."""

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
"""Weight of the objectness of predictors with an object; that of the others weighs 1."""
_PULL: Final = 0.01
_PULLED_IMAGES: Final = 12_800
_LEAST_OBJECTNESS: Final = 0.3
"""What an image without boxes asks of the predictor that knows its class best."""

RegionTruth: TypeAlias = Detections | ClassScores
"""What is true of an image: its objects, or its class alone."""


class RegionDetector(nn.Module):
    """One detection layer of `priors` (width, height) in pixels, on a net that gives its raw map."""

    learns_from_classes = True
    """Images that have a class and no boxes teach it too."""
    input_multiple = 32
    """Inputs of every size that is a multiple of it will do."""
    priors: Tensor  # 1, slot, (width, height)
    seen: Tensor
    """Images seen in training, as darknet counts them: priors draw the first 12,800."""
    shadowed: Tensor
    """How many objects, over all steps of the training, lost their predictor to another one."""

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
        """A raw map `b (prior, (tx, ty, tw, th, objectness, class …)) h w`."""
        if self.training:
            self.seen += len(images)
        maps: tuple[Tensor] = self.net(images)
        return maps

    def loss(self, outputs: Sequence[Tensor], truths: Sequence[RegionTruth]) -> dict[str, Tensor]:
        """Box, objectness, class and prior terms, each summed over an image and averaged over the batch.

        An image whose truth is ClassScores has a class and no boxes: the predictor that holds the
        class most probable learns it, and learns an objectness of at least 0.3; nothing else does.
        """
        raw = rows(outputs, channels=5 + self.classes.outputs)
        grid = self._grid(outputs)
        boxed = torch.tensor([isinstance(truth, Detections) for truth in truths], device=raw.device)
        # An image with a class only is one without objects here, and weighs nothing.
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
        """What is in the whole batch: scores are objectness x the score of the class."""
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
        """`find`, with one entry an image."""
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
        """To the overlap that the predicted box has just now, and to 0 where there is no object."""
        weight = (targets.counted & boxed[:, None]).to(raw)
        weight[targets.image, targets.predictor] = _OBJECT
        wanted = torch.zeros_like(weight)
        with torch.no_grad():
            predicted = predicted_boxes(raw[targets.image, targets.predictor, :4], grid, targets.predictor)
            wanted[targets.image, targets.predictor] = iou_of_pairs(predicted, targets.boxes)
        return weight * (raw[..., 4].sigmoid() - wanted).square() / 2

    def _pull(self, raw: Float[Tensor, "b n channels"]) -> Float[Tensor, "b n"]:
        """How far predictors are from their priors, early in a training."""
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
        """The terms of images that have a class and no boxes."""
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
