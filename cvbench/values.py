"""What flows between data set, model and metric: Sample, the three Predictions, and their truths.

A truth has the form of a prediction, so a metric compares like with like and a picture draws both
with one function. Boxes are corners (x1, y1, x2, y2) in pixels of the image as it was read,
half-open: a box that covers one pixel at the origin is (0, 0, 1, 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Integer, Real, UInt8
from torch import Tensor

VOID = 255
"""The label of a pixel that no segmentation metric counts (PASCAL VOC's border)."""


@dataclass(frozen=True, eq=False)
class ClassScores:
    """How strongly each class is believed in; higher is more. A truth is 1 at its class, else 0."""

    scores: Float[Tensor, " classes"]

    @classmethod
    def of(cls, label: int, classes: int) -> ClassScores:
        """The truth of an image of class `label`."""
        scores = torch.zeros(classes)
        scores[label] = 1.0
        return cls(scores)

    @property
    def label(self) -> int:
        """The class with the highest score; the lowest index among equals."""
        return int(self.scores.argmax())


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects in one image: a prediction, or a truth whose scores are all 1.

    The last three fields exist in truths only. They are None where a data set does not know them:
    then no object is a crowd, none is difficult, and an object's area is that of its mask, or of
    its box where it has none.
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
        """Nothing was found."""
        return cls(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0))


@dataclass(frozen=True, eq=False)
class LabelMap:
    """One class for each pixel; `VOID` marks pixels of a truth that do not count.

    Bytes in all of cvbench. Your own model may give another integer type, as `argmax` does: metrics take
    labels of 0 to 255 in any.
    """

    labels: Integer[Tensor, "h w"]


Prediction: TypeAlias = ClassScores | Detections | LabelMap
"""What a model says of one image: the union is closed."""

Truth: TypeAlias = Prediction


@dataclass(frozen=True, eq=False)
class Sample:
    """One thing to look at: the image as read, what is true of it, and its name in the data set."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth
    id: str


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a network's input, in full: the record carries it.

    The image is resized in 8 bits, then `(value / 255 - mean) / std` by channel, RGB.
    """

    size: tuple[int, int]
    """Height and width of the prepared input; where each image has its own, of a usual one: what is timed."""
    resize: Literal["stretch", "letterbox", "crop", "scale"] = "stretch"
    """`letterbox` keeps the aspect and fills the rest, half on either side, with `fill`. `crop` keeps it
    too: the shorter side becomes `shorter`, and `size` is cut from the middle. What a crop does not show
    is not seen, so it suits whole-image classes only. `scale` keeps the aspect and leaves each image a
    size of its own: the shorter side becomes `shorter`, unless the longer one would pass `longer`."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fill: int = 128
    """The grey of a letterbox's bars and of what an augmentation moves in, 0 to 255."""
    shorter: int | None = None
    """Pixels of the shorter side before a crop, or of a scaled image; given exactly for these two."""
    interpolation: Literal["bilinear", "bicubic", "darknet"] = "bilinear"
    """`darknet` is what the weights of darknet were trained and scored with: bilinear without antialiasing,
    from the outermost pixels' centres to one another, and sides of a letterbox rounded down."""
    longer: int | None = None
    """The most pixels of a scaled image's longer side."""
    multiple: int = 1
    """A scaled image gets `fill` at its right and below, until both sides are multiples of this."""
    antialias: bool = True
    """Whether an image that shrinks is smoothed."""

    def __post_init__(self) -> None:
        if (self.shorter is not None) != (self.resize in ("crop", "scale")):
            raise ValueError("the length of the shorter side belongs to a crop or a scale, and they to it")
        if self.resize != "scale" and (self.longer is not None or self.multiple != 1):
            raise ValueError("the length of the longer side and a multiple of sizes belong to a scale")

    def of_one_size(self) -> Preprocessing:
        """Itself, or, where each image has its own size, a letterbox of the usual one: for training
        and timing, whose batches hold images of all kinds.
        """
        if self.resize != "scale":
            return self
        return replace(self, resize="letterbox", shorter=None, longer=None, multiple=1)
