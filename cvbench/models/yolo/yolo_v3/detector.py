"""The detector: networks, loss, decoding and variants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.boxes import clip
from cvbench.models.building import check_size, check_width, choice, widened
from cvbench.models.darknet import ConvNormLeaky, Darknet53Trunk
from cvbench.models.detection import BatchDetections, Reporting, candidates, suppressed
from cvbench.models.yolo.grid import DetectionLayer, Grid, anchors_of, grid_of, predicted_boxes, rows
from cvbench.models.yolo.targets import AssignmentRules, Owners, Whose, assign_targets
from cvbench.spec.cell import Option
from cvbench.values import Detections, Preprocessing


class StrideOnePool(nn.Module):
    """2 x 2 max pooling with stride 1, padded right and bottom so that the size does not change."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The maximum of each value and its right and lower neighbors."""
        return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-math.inf), 2, stride=1)


class TinyDarknet(nn.Module):
    """The backbone of yolov3-tiny and its two detection layers."""

    strides = (32, 16)

    def __init__(self, *, classes: int, width: float) -> None:
        super().__init__()
        c16, c32, c64, c128, c256, c512, c1024 = (widened(2**k, width) for k in range(4, 11))
        self.fine = nn.Sequential(  # shapes at 416 pixels and width 1
            ConvNormLeaky(3, c16, 3),
            nn.MaxPool2d(2),  # 16 208 208
            ConvNormLeaky(c16, c32, 3),
            nn.MaxPool2d(2),  # 32 104 104
            ConvNormLeaky(c32, c64, 3),
            nn.MaxPool2d(2),  # 64 52 52
            ConvNormLeaky(c64, c128, 3),
            nn.MaxPool2d(2),  # 128 26 26
            ConvNormLeaky(c128, c256, 3),  # 256 26 26
        )
        self.coarse = nn.Sequential(
            nn.MaxPool2d(2),  # 256 13 13
            ConvNormLeaky(c256, c512, 3),
            StrideOnePool(),  # 512 13 13
            ConvNormLeaky(c512, c1024, 3),  # 1024 13 13
            ConvNormLeaky(c1024, c256, 1),  # 256 13 13
        )
        self.coarse_head = nn.Sequential(
            ConvNormLeaky(c256, c512, 3),  # 512 13 13
            DetectionLayer(c512, priors=3, classes=classes),
        )
        self.lateral = nn.Sequential(
            ConvNormLeaky(c256, c128, 1),
            nn.Upsample(scale_factor=2),  # 128 26 26
        )
        self.fine_head = nn.Sequential(
            ConvNormLeaky(c128 + c256, c256, 3),  # 256 26 26
            DetectionLayer(c256, priors=3, classes=classes),
        )

    def forward(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b o i j"], Float[Tensor, "b o k l"]]:
        """The raw maps of the layers of stride 32 and 16."""
        fine = self.fine(images)  # b 256 26 26
        coarse = self.coarse(fine)  # b 256 13 13
        joined = torch.cat([self.lateral(coarse), fine], dim=1)  # b 384 26 26
        return self.coarse_head(coarse), self.fine_head(joined)


class Darknet53(nn.Module):
    """The paper's network: table 1 without its last layer, and three detection layers."""

    strides = (32, 16, 8)

    def __init__(self, *, classes: int, width: float) -> None:
        super().__init__()
        c128, c256, c512, c1024 = (widened(2**k, width) for k in range(7, 11))
        self.trunk = Darknet53Trunk(width=width)  # shapes at 416 pixels and width 1
        self.neck_coarse = _neck(c1024, c512, c1024)  # 512 13 13
        self.coarse_head = _head(c512, c1024, classes)
        self.lateral_middle = nn.Sequential(ConvNormLeaky(c512, c256, 1), nn.Upsample(scale_factor=2))
        self.neck_middle = _neck(c256 + c512, c256, c512)  # 256 26 26
        self.middle_head = _head(c256, c512, classes)
        self.lateral_fine = nn.Sequential(ConvNormLeaky(c256, c128, 1), nn.Upsample(scale_factor=2))
        self.neck_fine = _neck(c128 + c256, c128, c256)  # 128 52 52
        self.fine_head = _head(c128, c256, classes)

    def forward(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b o i j"], Float[Tensor, "b o k l"], Float[Tensor, "b o m n"]]:
        """The raw maps of the layers of stride 32, 16 and 8."""
        fine, middle, coarse = self.trunk(images)  # b 256 52 52, b 512 26 26, b 1024 13 13
        coarse = self.neck_coarse(coarse)  # b 512 13 13
        joined = torch.cat([self.lateral_middle(coarse), middle], dim=1)  # b 768 26 26
        inner = self.neck_middle(joined)  # b 256 26 26
        joined = torch.cat([self.lateral_fine(inner), fine], dim=1)  # b 384 52 52
        return self.coarse_head(coarse), self.middle_head(inner), self.fine_head(self.neck_fine(joined))


def _neck(incoming: int, narrow: int, wide: int) -> nn.Sequential:
    """Five convolutions, alternating 1 x 1 and 3 x 3."""
    return nn.Sequential(
        ConvNormLeaky(incoming, narrow, 1),
        ConvNormLeaky(narrow, wide, 3),
        ConvNormLeaky(wide, narrow, 1),
        ConvNormLeaky(narrow, wide, 3),
        ConvNormLeaky(wide, narrow, 1),
    )


def _head(incoming: int, wide: int, classes: int) -> nn.Sequential:
    return nn.Sequential(ConvNormLeaky(incoming, wide, 3), DetectionLayer(wide, priors=3, classes=classes))


class YoloV3(nn.Module):
    """YOLOv3 on a network that returns raw maps; `priors` are (width, height) in pixels, small to large."""

    input_multiple = 32
    """Input sides must be multiples of this."""
    priors: Tensor  # layer, slot, (width, height): layers coarse to fine, slots small to large
    shadowed: Tensor
    """Number of objects, over all training steps, that lost their predictor to another one."""

    def __init__(
        self,
        net: Darknet53 | TinyDarknet,
        *,
        classes: int,
        size: int,
        priors: Sequence[tuple[float, float]],
        rules: AssignmentRules,
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
        """One raw map `b (prior, (tx, ty, tw, th, objectness, class …)) h w` per layer, coarse first."""
        maps: tuple[Tensor, ...] = self.net(images)
        return maps

    def loss(self, outputs: Sequence[Tensor], truths: Sequence[Detections]) -> dict[str, Tensor]:
        """Box, objectness and class terms, each summed over an image and averaged over the batch.

        Binary cross entropy for centers, objectness and classes, half the squared error for sides, so that
        each gradient is prediction minus target. The centers' term stays above 0 even for a perfect
        prediction, because its target is a fraction.
        """
        raw = rows(outputs, channels=5 + self.classes)
        targets = assign_targets(raw, self._grid(outputs), truths, rules=self.rules)
        if self.training:
            self.shadowed += targets.shadowed
        own = raw[targets.image, targets.predictor]  # p 5+classes
        center = F.binary_cross_entropy_with_logits(own[:, :2], targets.offset.to(raw), reduction="none")
        sides = (own[:, 2:4] - targets.scale).square() / 2
        box = targets.weight * (center + sides).sum(dim=1)

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
    def find(self, outputs: Sequence[Tensor]) -> BatchDetections:
        """Detections of the whole batch; scores are objectness x class probability."""
        raw = rows(outputs, channels=5 + self.classes)
        grid = self._grid(outputs)
        scores = raw[..., 4:5].sigmoid() * raw[..., 5:].sigmoid()  # b n classes
        chosen = candidates(scores, above=self.reporting.score_threshold)
        boxes = predicted_boxes(raw[chosen.image, chosen.predictor, :4], grid, chosen.predictor)
        boxes = clip(boxes, height=grid.height, width=grid.width)
        return suppressed(chosen, boxes, images=len(raw), classes=self.classes, reporting=self.reporting)

    def decode(self, outputs: Sequence[Tensor]) -> list[Detections]:
        """Detections per image: `find`, split by image."""
        return self.find(outputs).by_image(len(outputs[0]))

    def _grid(self, outputs: Sequence[Tensor]) -> Grid:
        return grid_of(outputs, strides=self.net.strides, priors=self.priors)


# Width and height in pixels: the authors' clusters of COCO's boxes at 416 pixels.
_PRIORS = ((10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (116, 90), (156, 198), (373, 326))
_TINY_PRIORS = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
_ABOVE: Final[Mapping[str, float]] = {"prior": 0.5, "prediction": 0.7}
"""The IoU above which a predictor is excluded: of its prior in the paper, of its prediction in darknet."""


def yolo_v3(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: int = 416,
    width: float = 1.0,
    anchors: Option | None = None,
    ignore: str = "prior",
    owners: str = "one",
    score_threshold: float = 0.005,
    nms_threshold: float = 0.45,
    max_detections: int = 100,
) -> YoloV3:
    """Darknet-53 and three detection layers of three priors each.

    `anchors` are nine (width, height) in pixels of the preprocessed input, small to large: three each
    for the layers of stride 8, 16 and 32.
    """
    name = "yolo_v3"
    check_size(name, size, least=32, multiple=32)
    check_width(name, width)
    return YoloV3(
        Darknet53(classes=classes, width=width),
        classes=classes,
        size=size,
        priors=anchors_of(name, anchors, default=_PRIORS),
        rules=_rules(name, ignore, owners),
        reporting=Reporting(score_threshold, nms_threshold, max_detections).checked(name),
    )


def yolo_v3_tiny(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: int = 416,
    width: float = 1.0,
    anchors: Option | None = None,
    ignore: str = "prior",
    owners: str = "one",
    score_threshold: float = 0.005,
    nms_threshold: float = 0.45,
    max_detections: int = 100,
) -> YoloV3:
    """Seven convolutions and two detection layers of three priors each.

    `anchors` are six (width, height) in pixels of the preprocessed input, small to large: the first
    three are for the layer of stride 16, the others for stride 32.
    """
    name = "yolo_v3_tiny"
    check_size(name, size, least=32, multiple=32)
    check_width(name, width)
    return YoloV3(
        TinyDarknet(classes=classes, width=width),
        classes=classes,
        size=size,
        priors=anchors_of(name, anchors, default=_TINY_PRIORS),
        rules=_rules(name, ignore, owners),
        reporting=Reporting(score_threshold, nms_threshold, max_detections).checked(name),
    )


def _rules(model: str, ignore: str, owners: str) -> AssignmentRules:
    """The assignment rules of these option values."""
    whose: Whose = choice(model, "ignore", ignore, Whose)
    owning: Owners = choice(model, "owners", owners, Owners)
    return AssignmentRules(whose, _ABOVE[whose], owning)
