"""The detector: both stages, with their losses and decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.boxes import clip
from cvbench.boxes.formats import wide
from cvbench.models.detection import BatchDetections, Reporting, candidates, objects_to_learn, suppressed
from cvbench.models.faster_rcnn.backbones import ResNetPyramid, VggBackbone
from cvbench.models.faster_rcnn.heads import RoiHeads, StageLoss, detection_loss, proposal_loss
from cvbench.models.faster_rcnn.rpn import Anchors, Limits, RpnHead, anchors_on, propose, rows
from cvbench.models.faster_rcnn.targets import (
    DETECTION_WEIGHTS,
    Share,
    Truths,
    anchor_targets,
    boxes_of,
    by_image,
    exists,
    region_targets,
)
from cvbench.values import Detections, Preprocessing


class Outputs(NamedTuple):
    """Raw outputs; levels from fine to coarse. Fields that only the other mode needs are empty."""

    objectness: tuple[Float[Tensor, "b _ _ _"], ...]
    """One logit per anchor of a cell."""
    offsets: tuple[Float[Tensor, "b _ _ _"], ...]
    """Four offsets per anchor of a cell."""
    maps: tuple[Float[Tensor, "b _ _ _"], ...]
    """Maps to pool regions from; zero channels in evaluation."""
    proposals: Float[Tensor, "b p 4"]
    """Boxes; rows without area are padding. Empty in training, where the loss computes proposals."""
    logits: Float[Tensor, "b p k"]
    """Class logits of each proposal, background first; empty in training."""
    refinements: Float[Tensor, "b p k 4"]
    """Box offsets of each proposal for each class; empty in training."""


class DetectorRules(NamedTuple):
    """Settings of a variant: proposals, training samples and losses."""

    training: Limits
    evaluation: Limits
    anchors: Share
    """Sample of anchors per image that the first stage trains on."""
    regions: Share
    """Sample of proposals and ground truth boxes per image that the second stage trains on."""
    beta: float
    """Where the second stage's smooth L1 changes from quadratic to linear; the first stage's is 1/9."""
    across_border: bool
    """Whether to train on anchors that extend beyond the image."""
    suppression: float = 0.7
    """IoU of two proposals of a level above which the one with the lower objectness is dropped."""


_LEAST_SIDE = 1e-2
"""Smallest side of a detection, in pixels; smaller ones are dropped."""


class Rpn(nn.Module):
    """Contains the first stage's head, under torchvision's name."""

    def __init__(self, head: RpnHead) -> None:
        super().__init__()
        self.head = head


class FasterRcnn(nn.Module):
    """Faster R-CNN on a backbone; `categories` is the output index of each label, 0 is the background."""

    categories: Tensor

    def __init__(
        self,
        backbone: VggBackbone | ResNetPyramid,
        head: RpnHead,
        roi_heads: RoiHeads,
        *,
        canvas: tuple[int, int],
        anchors: Anchors,
        categories: Sequence[int],
        rules: DetectorRules,
        reporting: Reporting,
    ) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(
            canvas, "letterbox", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), fill=114
        )
        self.backbone = backbone
        self.rpn = Rpn(head)
        self.roi_heads = roi_heads
        self.anchors = anchors
        self.rules = rules
        self.reporting = reporting
        self.input_multiple = backbone.strides[backbone.pooled[-1]]
        """Input sides must be multiples of this."""
        self.register_buffer("categories", torch.tensor(categories), persistent=False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Outputs:
        """In training, the first stage's outputs and the maps; in evaluation, the outputs of both stages."""
        height, width = images.shape[2:]
        if height % self.input_multiple or width % self.input_multiple or 0 in images.shape:
            raise ValueError(
                f"images of {height} x {width} pixels: sides must be multiples of {self.input_multiple}"
            )
        levels = self.backbone(images)
        objectness, offsets = self.rpn.head(levels)
        maps = tuple(levels[level] for level in self.backbone.pooled)
        if self.training:
            none = images.new_empty(len(images), 0, self.roi_heads.outputs)
            boxes = images.new_empty(len(images), 0, 4)
            return Outputs(objectness, offsets, maps, boxes, none, none[..., None].expand(-1, -1, -1, 4))
        proposals = self._propose(objectness, offsets, self.rules.evaluation)
        image = torch.arange(len(images), device=images.device).repeat_interleave(proposals.shape[1])
        regions = self.roi_heads(maps, proposals.flatten(0, 1), image)
        logits, refinements = (part.unflatten(0, proposals.shape[:2]) for part in regions)
        return Outputs(
            objectness, offsets, tuple(each[:, :0] for each in maps), proposals, logits, refinements
        )

    def loss(self, outputs: Outputs, truths: Sequence[Detections]) -> dict[str, Tensor]:
        """Class and box terms of both stages, each divided by its number of samples.

        Approximate joint training: no gradient passes through the proposals' coordinates. Samples are
        drawn from torch's global generator.

        Raises ValueError for outputs of evaluation, which lack the maps.
        """
        if outputs.maps[0].shape[1] == 0:
            raise ValueError("these are outputs of evaluation: call train() before the forward pass")
        height, width = self._size(outputs.objectness)
        objects = objects_to_learn(truths, height=height, width=width, device=outputs.maps[0].device)
        filled = by_image(objects, images=len(truths))
        first, second = self._first_stage(outputs, filled), self._second_stage(outputs, filled)
        return {
            "proposal": first.classes,
            "proposal_box": first.box,
            "class": second.classes,
            "box": second.box,
        }

    @torch.no_grad()
    def find(self, outputs: Outputs) -> BatchDetections:
        """Detections of the whole batch; scores are class probabilities."""
        height, width = self._size(outputs.objectness)
        scores = wide(outputs.logits).softmax(dim=-1)[..., self.categories]  # b p classes
        scores = torch.where(exists(outputs.proposals)[..., None], scores, 0.0)
        chosen = candidates(scores, above=self.reporting.score_threshold)
        image, proposal = chosen.image, chosen.predictor
        refinements = wide(outputs.refinements[image, proposal, self.categories[chosen.label]])
        boxes = boxes_of(refinements, outputs.proposals[image, proposal], weights=DETECTION_WEIGHTS)
        boxes = clip(boxes, height=height, width=width)
        sound = (boxes[:, 2:] - boxes[:, :2] >= _LEAST_SIDE).all(dim=1)
        # Suppression drops boxes whose score is NaN.
        chosen = chosen._replace(score=torch.where(sound, chosen.score, torch.nan))
        return suppressed(
            chosen, boxes, images=len(scores), classes=len(self.categories), reporting=self.reporting
        )

    def decode(self, outputs: Outputs) -> list[Detections]:
        """Detections per image: `find`, split by image."""
        return self.find(outputs).by_image(len(outputs.proposals))

    def _first_stage(self, outputs: Outputs, truths: Truths) -> StageLoss:
        anchors = torch.cat(self._anchors_on(outputs.objectness))  # n 4
        targets = anchor_targets(
            anchors, truths, self.rules.anchors, eligible=self._eligible(anchors, outputs.objectness)
        )
        logits = torch.cat([rows(each, numbers=1) for each in outputs.objectness], dim=1).squeeze(2)
        offsets = torch.cat([rows(each, numbers=4) for each in outputs.offsets], dim=1)
        return proposal_loss(
            logits.gather(1, targets.anchor),
            offsets.gather(1, targets.anchor[..., None].expand(-1, -1, 4)),
            targets=targets.offsets.to(offsets),
            positive=targets.positive,
            chosen=targets.chosen,
            beta=1 / 9,
        )

    def _second_stage(self, outputs: Outputs, truths: Truths) -> StageLoss:
        proposals = self._propose(outputs.objectness, outputs.offsets, self.rules.training)
        targets = region_targets(proposals, truths, self.rules.regions, categories=self.categories)
        maps = [wide(each) for each in outputs.maps]
        logits, offsets = self.roi_heads(maps, targets.boxes, targets.image)
        return detection_loss(
            logits,
            offsets,
            targets=targets.offsets.to(offsets),
            category=targets.category,
            beta=self.rules.beta,
        )

    def _eligible(self, anchors: Tensor, maps: Sequence[Tensor]) -> Tensor | None:
        """Which anchors can be sampled for training; None for all."""
        if self.rules.across_border:
            return None
        height, width = self._size(maps)
        return (clip(anchors, height=height, width=width) == anchors).all(dim=1)

    def _propose(
        self, objectness: Sequence[Tensor], offsets: Sequence[Tensor], limits: Limits
    ) -> Float[Tensor, "b p 4"]:
        return propose(
            objectness,
            offsets,
            self._anchors_on(objectness),
            size=self._size(objectness),
            limits=limits,
            threshold=self.rules.suppression,
        )

    def _anchors_on(self, maps: Sequence[Tensor]) -> list[Tensor]:
        return anchors_on(maps, self.anchors, strides=self.backbone.strides)

    def _size(self, maps: Sequence[Tensor]) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        stride = self.backbone.strides[0]
        return maps[0].shape[2] * stride, maps[0].shape[3] * stride
