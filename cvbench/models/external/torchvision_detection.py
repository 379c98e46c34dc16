"""Any detector of torchvision: Faster R-CNN, Mask R-CNN, RetinaNet, FCOS, SSD.

A torchvision detector takes its targets together with the images and gives losses then, so in training
the forward pass only hands the images on, and the loss runs the network.

Differences from torchvision:
- Images are resized before they come here, in 8 bits rather than in floats, and to the same sizes: for
  most nets a shorter side of 800, for SSD its own square. Images of one size are a batch; torchvision
  fills those of several sizes up to the largest, so that what it says of one depends on the others.
  In training, and with `size`, all are letterboxed onto one canvas, grey around them.
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

from cvbench.models.external.preprocessing import OF_THEIR_PARTS, of_detector, side_of, with_options
from cvbench.models.labels import categories_of
from cvbench.values import Detections, Preprocessing

_FILL: Final = 114


class TorchvisionDetector(nn.Module):
    """One of torchvision's detectors, keeping the protocol of a Detector; tensors keep their names."""

    needs_masks: bool
    _net: Any

    def __init__(
        self, net: nn.Module, preprocessing: Preprocessing, *, labels: Sequence[int], needs_masks: bool
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing
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
        found: dict[str, Tensor] = self._net(
            list(outputs), [target_of(truth, self._number) for truth in truths]
        )
        return found

    def decode(self, outputs: Sequence[Mapping[str, Tensor]]) -> list[Detections]:
        """Its detections, best score first; those of labels that name nothing are left out."""
        return [detections_of(found, self._of_number) for found in outputs]


def target_of(truth: Detections, numbers: Tensor) -> dict[str, Tensor]:
    """A truth as torchvision's targets have it, without objects that have no area; `numbers` by our label."""
    left, top, right, bottom = truth.boxes.unbind(1)
    sound = (right > left) & (bottom > top)
    target = {"boxes": truth.boxes[sound], "labels": numbers.to(sound.device)[truth.labels[sound]]}
    if truth.masks is not None:
        target["masks"] = truth.masks[sound].to(torch.uint8)
    return target


def detections_of(found: Mapping[str, Tensor], of_number: Tensor) -> Detections:
    """Objects of torchvision's mapping, best score first, without labels for which `of_number` has -1."""
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
    **said: Any,
) -> TorchvisionDetector:
    """The network of this name in torchvision, freshly initialised.

    With `size`, the input is a square of that side, onto which images are letterboxed. `epsilon` is that
    of all batch norms: torchvision sets it to 0 for its weights COCO_V1 of detectors on ResNet-50. `said`
    overrules how images come in; the net normalises them by itself.

    Raises InputError for `coco91` with other than 80 classes.
    """
    title = f"torchvision/{name}"
    labels = categories_of(title, classes, coco91=coco91)
    side = side_of(title, size)
    net: Any = models.get_model(name, weights=None, weights_backbone=None, num_classes=max(labels) + 1)
    onto = None if side is None else Preprocessing((side, side), "letterbox", fill=_FILL)
    own = onto or of_detector(net.transform)
    preprocessing = with_options(title, own, said, ways=OF_THEIR_PARTS)
    net.transform.resize = _as_it_is
    if epsilon is not None:
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = float(epsilon)
    return TorchvisionDetector(net, preprocessing, labels=labels, needs_masks=name.startswith("mask"))


def _as_it_is(image: Tensor, target: Any = None) -> tuple[Tensor, Any]:
    """Stands for torchvision's resizing: images have their size already."""
    return image, target
