"""The values exchanged by dataset, model and metric: Sample, the three Prediction types, and truths.

A truth has the same type as a prediction. Boxes are corners (x1, y1, x2, y2) in pixels of the original
image, half-open: a box that covers one pixel at the origin is (0, 0, 1, 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Integer, Real, UInt8
from torch import Tensor

VOID = 255
"""Label of pixels that segmentation metrics ignore (PASCAL VOC's border)."""


@dataclass(frozen=True, eq=False)
class ClassScores:
    """One score per class, higher is more likely. A truth is one-hot."""

    scores: Float[Tensor, " classes"]

    @classmethod
    def of(cls, label: int, classes: int) -> ClassScores:
        """The truth of an image of class `label`."""
        scores = torch.zeros(classes)
        scores[label] = 1.0
        return cls(scores)

    @property
    def label(self) -> int:
        """The class with the highest score; the lowest index in a tie."""
        return int(self.scores.argmax())


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects in one image: a prediction, or a truth whose scores are all 1.

    Only truths have the last three fields. None means that the dataset does not provide them: then no
    object is a crowd or difficult, and an object's area is the area of its mask, or of its box without
    a mask.
    """

    boxes: Real[Tensor, "n 4"]
    labels: Integer[Tensor, " n"]
    scores: Float[Tensor, " n"]
    masks: Bool[Tensor, "n h w"] | None = None
    crowd: Bool[Tensor, " n"] | None = None
    difficult: Bool[Tensor, " n"] | None = None
    areas: Float[Tensor, " n"] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def none(cls) -> Detections:
        """No objects."""
        return cls(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0))


@dataclass(frozen=True, eq=False)
class LabelMap:
    """One class per pixel; `VOID` marks pixels of a truth that are ignored.

    cvbench uses uint8. Your own model may return another integer type, as `argmax` does: metrics accept
    labels from 0 to 255 in any integer type.
    """

    labels: Integer[Tensor, "h w"]


Prediction: TypeAlias = ClassScores | Detections | LabelMap
"""A model's prediction for one image; no other types are possible."""

Truth: TypeAlias = Prediction


@dataclass(frozen=True, eq=False)
class Sample:
    """One image as read, its truth, and its id in the dataset."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth
    id: str


@dataclass(frozen=True)
class Preprocessing:
    """The complete preprocessing of an image; it is stored in the record.

    The image is resized as uint8, then normalized per RGB channel: `(value / 255 - mean) / std`.
    """

    size: tuple[int, int]
    """Height and width of the input in pixels; with `scale`, the size that is used for timing."""
    resize: Literal["stretch", "letterbox", "crop", "scale"] = "stretch"
    """`stretch` ignores the aspect ratio; the others keep it. `letterbox` pads with `fill`, half on either
    side. `crop` resizes the shorter side to `shorter` and takes the center crop of `size`; pixels outside are
    lost, so it is for classification only. `scale` resizes the shorter side to `shorter`, with the longer
    side at most `longer`; images then have different sizes."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fill: int = 128
    """Gray value of padding (letterbox, augmentation), 0 to 255."""
    shorter: int | None = None
    """Shorter side in pixels, for `crop` and `scale` only (required there)."""
    interpolation: Literal["bilinear", "bicubic", "darknet"] = "bilinear"
    """`darknet` is the resizing of the darknet framework, for its weights: bilinear without antialiasing,
    with aligned corner pixels, and letterbox sides rounded down."""
    longer: int | None = None
    """Maximum longer side in pixels, for `scale` only."""
    multiple: int = 1
    """For `scale` only: pad with `fill` at the right and bottom until both sides are multiples of this."""
    antialias: bool = True
    """Whether downscaling is antialiased."""

    def __post_init__(self) -> None:
        if (self.shorter is not None) != (self.resize in ("crop", "scale")):
            raise ValueError('resize "crop" and "scale" need `shorter`; other modes do not accept it')
        if self.resize != "scale" and (self.longer is not None or self.multiple != 1):
            raise ValueError('only resize "scale" accepts `longer` and `multiple`')

    def of_one_size(self) -> Preprocessing:
        """Itself, or for `scale` a letterbox of `size`: training and timing batches need one size."""
        if self.resize != "scale":
            return self
        return replace(self, resize="letterbox", shorter=None, longer=None, multiple=1)
