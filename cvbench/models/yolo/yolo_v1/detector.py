"""The detector: output layout, assignment of objects, loss and decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from cvbench.boxes import clip, cxcywh_to_xyxy, iou_of_pairs, xyxy_to_cxcywh
from cvbench.models.detection import (
    BatchDetections,
    Reporting,
    candidates,
    objects_to_learn,
    one_each,
    suppressed,
)
from cvbench.values import Detections, Preprocessing


class CellTargets(NamedTuple):
    """Training targets of a batch: p cells learn an object, the other cells learn background."""

    image: Int64[Tensor, " p"]
    cell: Int64[Tensor, " p"]
    box: Int64[Tensor, " p"]
    """Index of the responsible box in its cell."""
    wanted: Float[Tensor, "p 4"]
    """Targets of its four numbers."""
    overlap: Float[Tensor, " p"]
    """Target of its confidence: its current IoU with the object."""
    label: Int64[Tensor, " p"]
    shadowed: Int64[Tensor, ""]
    """Number of objects whose cell learns an earlier object instead."""


@torch.no_grad()
def assign_targets(
    output: Output, truths: Sequence[Detections], *, grid: int, height: int, width: int
) -> CellTargets:
    """Assigns each object to the cell of its center, and there to the box with the highest IoU.

    If no box overlaps the object, the nearest box is used, by center and sides relative to the image. A
    center on the right or bottom border belongs to the last cell.
    """
    objects = objects_to_learn(truths, height=height, width=width, device=output.boxes.device)
    size = objects.boxes.new_tensor([width, height])
    shares = xyxy_to_cxcywh(objects.boxes) / torch.cat([size, size])  # m 4
    column, row = (shares[:, :2] * grid).long().clamp(max=grid - 1).unbind(1)
    cell = row * grid + column
    holds = one_each(objects.image * grid**2 + cell, places=len(truths) * grid**2, keep="first")
    image, cell, shares = objects.image[holds], cell[holds], shares[holds]

    raw = output.boxes[image, cell]  # p boxes 4
    several = raw.shape[1]
    of_each = cell.repeat_interleave(several)
    boxes = predicted_boxes(raw.flatten(0, 1), of_each, grid=grid, height=height, width=width)
    overlaps = iou_of_pairs(boxes, objects.boxes[holds].to(boxes).repeat_interleave(several, dim=0))
    overlaps = overlaps.reshape(-1, several)
    predicted = xyxy_to_cxcywh(boxes) / torch.cat([size, size])
    distance = (predicted.reshape(-1, several, 4) - shares[:, None]).square().sum(dim=2)
    nearest, most = distance.argmin(dim=1), overlaps.argmax(dim=1)
    box = torch.where(overlaps.amax(dim=1) > 0, most, nearest)

    corner = torch.stack([cell % grid, cell // grid], dim=1)
    return CellTargets(
        image=image,
        cell=cell,
        box=box,
        wanted=torch.cat([shares[:, :2] * grid - corner, shares[:, 2:].sqrt()], dim=1),
        overlap=overlaps.gather(1, box[:, None])[:, 0],
        label=objects.label[holds],
        shadowed=(~holds).sum(),
    )


class Layout(NamedTuple):
    """Layout of the output vector: all classes, then all confidences, then all boxes, each cell by cell."""

    grid: int
    """Cells per side."""
    boxes: int
    """Boxes per cell."""
    classes: int

    @property
    def outputs(self) -> int:
        """Length of the vector."""
        return self.grid**2 * (self.classes + 5 * self.boxes)


class Output(NamedTuple):
    """The output vector split into its parts; cells are numbered row by row."""

    classes: Float[Tensor, "b cells classes"]
    """Conditional class probabilities, given an object."""
    confidence: Float[Tensor, "b cells boxes"]
    """Predicted IoU of the box with an object."""
    boxes: Float[Tensor, "b cells boxes 4"]
    """Center relative to the cell, in cells; square roots of width and height relative to the image."""


def divided(vector: Float[Tensor, "b outputs"], layout: Layout) -> Output:
    """Splits the output vector; half precision is converted to float32."""
    images, cells = len(vector), layout.grid**2
    wide = vector.to(torch.promote_types(vector.dtype, torch.float32))
    lengths = [cells * layout.classes, cells * layout.boxes, cells * layout.boxes * 4]
    classes, confidence, boxes = wide.split_with_sizes(lengths, dim=1)
    return Output(
        classes.reshape(images, cells, layout.classes),
        confidence.reshape(images, cells, layout.boxes),
        boxes.reshape(images, cells, layout.boxes, 4),
    )


def predicted_boxes(
    raw: Float[Tensor, "k 4"], cell: Int64[Tensor, " k"], *, grid: int, height: int, width: int
) -> Float[Tensor, "k 4"]:
    """Corners in pixels of the predicted boxes; a side is the square of its output."""
    corner = torch.stack([cell % grid, cell // grid], dim=1)
    shares = torch.cat([(raw[:, :2] + corner) / grid, raw[:, 2:].square()], dim=1)
    return cxcywh_to_xyxy(shares * shares.new_tensor([width, height, width, height]))


_COORD: Final = 5.0
"""Weight of the box terms (lambda_coord)."""
_NO_OBJECT: Final = 0.5
"""Weight of the confidence of boxes that are not responsible for an object (lambda_noobj)."""


class YoloV1(nn.Module):
    """YOLO on a network that returns one vector per image."""

    shadowed: Tensor
    """Number of objects, over all training steps, whose cell learned another object."""

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

        Squared errors, equation 3 of the paper. No gradient passes through the IoU that is the target of a
        confidence.
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
    def find(self, outputs: Float[Tensor, "b outputs"]) -> BatchDetections:
        """Detections of the whole batch; scores are confidence x class probability, clipped to 0 … 1."""
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
        """Detections per image: `find`, split by image."""
        return self.find(outputs).by_image(len(outputs))
