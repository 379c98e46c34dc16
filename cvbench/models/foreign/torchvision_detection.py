"""Any detector of torchvision: Faster R-CNN, Mask R-CNN, RetinaNet, FCOS, SSD.

A torchvision detector takes its targets together with the images and gives losses then, so in training
the forward pass only hands the images on, and the loss runs the network.

Differences from torchvision:
- Images are letterboxed onto one canvas, grey around them, so that a batch is one tensor. torchvision
  resizes each to a shorter side of 800 (SSD: to its own square) and fills up at the right and below;
  published figures were found so, and differ by what the grey and the rounding of sizes do.
- Labels count from 0 without the background. With `coco91`, the network has the 91 labels of
  torchvision's COCO weights, background and ten that name nothing among them, and gives out COCO's 80.
- An object without area is left out of the targets: torchvision refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision import models

from cvbench.models.coco_labels import categories_of
from cvbench.models.foreign.equipping import side_of
from cvbench.values import Detections, Preprocessing

_CANVAS: Final = (800, 1344)
"""What torchvision makes of a wide image: 800 x 1333, filled up to a multiple of 32."""


class TorchvisionDetector(nn.Module):
    """One of torchvision's detectors, keeping the protocol of a Detector; tensors keep their names."""

    needs_masks: bool
    _net: Any

    def __init__(
        self, net: nn.Module, size: tuple[int, int], *, labels: Sequence[int], needs_masks: bool
    ) -> None:
        super().__init__()
        self.preprocessing = Preprocessing(size, "letterbox", fill=114)
        self.needs_masks = needs_masks
        # Not registered: its children are this module's, so that no name gets a prefix.
        object.__setattr__(self, "_net", net)
        for name, child in net.named_children():
            self.add_module(name, child)
        self._number = torch.tensor(labels)
        of_label = torch.full((max(labels) + 1,), -1)
        of_label[self._number] = torch.arange(len(labels))
        self._of_number = of_label

    def train(self, mode: bool = True) -> TorchvisionDetector:  # noqa: FBT001, FBT002 - as nn.Module has it
        """Set the mode of everything, the network itself included."""
        super().train(mode)
        self._net.training = mode
        return self

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """In training the images themselves, for the loss; else torchvision's detections."""
        return images if self.training else self._net(list(images))

    def loss(self, outputs: Float[Tensor, "b 3 h w"], truths: Sequence[Detections]) -> dict[str, Tensor]:
        """The network's own losses, by its own names."""
        found: dict[str, Tensor] = self._net(list(outputs), [self._target(truth) for truth in truths])
        return found

    def decode(self, outputs: Sequence[Mapping[str, Tensor]]) -> list[Detections]:
        """Its detections, best score first; those of labels that name nothing are left out."""
        return [self._detections(found) for found in outputs]

    def _target(self, truth: Detections) -> dict[str, Tensor]:
        left, top, right, bottom = truth.boxes.unbind(1)
        sound = (right > left) & (bottom > top)
        target = {"boxes": truth.boxes[sound], "labels": self._number.to(sound.device)[truth.labels[sound]]}
        if truth.masks is not None:
            target["masks"] = truth.masks[sound].to(torch.uint8)
        return target

    def _detections(self, found: Mapping[str, Tensor]) -> Detections:
        labels = self._of_number.to(found["labels"].device)[found["labels"]]
        order = found["scores"].argsort(descending=True, stable=True)
        order = order[labels[order] >= 0]
        masks = found["masks"][order, 0] >= 0.5 if "masks" in found else None
        return Detections(found["boxes"][order], labels[order], found["scores"][order], masks)


def build(name: str, classes: int, *, size: object = None, coco91: bool = False) -> TorchvisionDetector:
    """The network of this name in torchvision, freshly initialised.

    With `size`, the canvas is a square of that side, and images are not resized any further.

    Raises InputError for `coco91` with other than 80 classes.
    """
    title = f"torchvision/{name}"
    labels = categories_of(title, classes, coco91=coco91)
    side = side_of(title, size)
    canvas = _CANVAS if side is None else (side, side)
    # The canvas is what the network is to see: its own resizing has nothing left to do.
    sizes = {} if name.startswith("ssd") else {"min_size": min(canvas), "max_size": max(canvas)}
    net = models.get_model(name, weights=None, weights_backbone=None, num_classes=max(labels) + 1, **sizes)
    return TorchvisionDetector(net, canvas, labels=labels, needs_masks=name.startswith("mask"))
