"""Any torchvision detector: Faster R-CNN, Mask R-CNN, RetinaNet, FCOS, SSD.

In training, a torchvision detector takes images and targets together and returns losses. So in training
`forward` only returns the images, and `loss` runs the network.

Differences from torchvision:
- Images are resized before the network, in 8 bits instead of floats, to the same sizes: a shorter side of
  800 for most models, a fixed square for SSD. A batch holds images of one size; torchvision pads images
  of several sizes to the largest, which makes the result of one image depend on the others. In training,
  and with `size`, all images are letterboxed to one canvas, with gray bars.
- Labels count from 0 without the background. With `coco91`, the network has the 91 labels of torchvision's
  COCO weights, including background and ten unused ids, and returns COCO's 80.
- Objects without area are removed from the targets: torchvision rejects them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision import models

from cvbench.models.external.preprocessing import OF_THEIR_PARTS, of_detector, side_of, with_options
from cvbench.models.labels import categories_of
from cvbench.values import Detections, Preprocessing

_FILL: Final = 114


class TorchvisionDetector(nn.Module):
    """A torchvision detector that follows the Detector protocol; tensor names do not change."""

    needs_masks: bool
    _net: Any

    def __init__(
        self, net: nn.Module, preprocessing: Preprocessing, *, labels: Sequence[int], needs_masks: bool
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        self.needs_masks = needs_masks
        # Not registered as a submodule: its children are, so tensor names get no prefix.
        object.__setattr__(self, "_net", net)
        for name, child in net.named_children():
            self.add_module(name, child)
        self._number = torch.tensor(labels)
        of_label = torch.full((max(labels) + 1,), -1)
        of_label[self._number] = torch.arange(len(labels))
        self._of_number = of_label

    def train(self, mode: bool = True) -> TorchvisionDetector:  # noqa: FBT001, FBT002 - as nn.Module has it
        """Set the mode of this module and of the network."""
        super().train(mode)
        self._net.training = mode
        return self

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """In training the images themselves, for the loss; in evaluation torchvision's detections."""
        return images if self.training else self._net(list(images))

    def loss(self, outputs: Float[Tensor, "b 3 h w"], truths: Sequence[Detections]) -> dict[str, Tensor]:
        """The network's own losses, under its own names."""
        found: dict[str, Tensor] = self._net(
            list(outputs), [target_of(truth, self._number) for truth in truths]
        )
        return found

    def decode(self, outputs: Sequence[Mapping[str, Tensor]]) -> list[Detections]:
        """The detections, best score first, without labels of unused ids."""
        return [detections_of(found, self._of_number) for found in outputs]


def target_of(truth: Detections, numbers: Tensor) -> dict[str, Tensor]:
    """Ground truth as a torchvision target, without objects that have no area; `numbers` maps labels."""
    left, top, right, bottom = truth.boxes.unbind(1)
    sound = (right > left) & (bottom > top)
    target = {"boxes": truth.boxes[sound], "labels": numbers.to(sound.device)[truth.labels[sound]]}
    if truth.masks is not None:
        target["masks"] = truth.masks[sound].to(torch.uint8)
    return target


def detections_of(found: Mapping[str, Tensor], of_number: Tensor) -> Detections:
    """Detections from torchvision's mapping, best score first; drops labels that `of_number` maps to -1."""
    labels = of_number.to(found["labels"].device)[found["labels"]]
    order = found["scores"].argsort(descending=True, stable=True)
    order = order[labels[order] >= 0]
    masks = found["masks"][order, 0] >= 0.5 if "masks" in found else None
    return Detections(found["boxes"][order], labels[order], found["scores"][order], masks)


def build(
    name: str,
    classes: int,
    *,
    size: object = None,
    coco91: bool = False,
    epsilon: float | None = None,
    **given: Any,
) -> TorchvisionDetector:
    """The torchvision detector of this name with random weights.

    With `size`, images are letterboxed to a square of that side. `epsilon` is set in all batch norms:
    torchvision sets it to 0 for the COCO_V1 weights of detectors on ResNet-50. `given` overrides the
    preprocessing; normalization is part of the network.

    Raises InputError for `coco91` unless there are 80 classes.
    """
    title = f"torchvision/{name}"
    labels = categories_of(title, classes, coco91=coco91)
    side = side_of(title, size)
    net: Any = models.get_model(name, weights=None, weights_backbone=None, num_classes=max(labels) + 1)
    onto = None if side is None else Preprocessing((side, side), "letterbox", fill=_FILL)
    own = onto or of_detector(net.transform)
    preprocessing = with_options(title, own, given, ways=OF_THEIR_PARTS)
    net.transform.resize = _as_it_is
    if epsilon is not None:
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = float(epsilon)
    return TorchvisionDetector(net, preprocessing, labels=labels, needs_masks=name.startswith("mask"))


def _as_it_is(image: Tensor, target: Any = None) -> tuple[Tensor, Any]:
    """Replaces torchvision's resizing, because images are already resized."""
    return image, target
