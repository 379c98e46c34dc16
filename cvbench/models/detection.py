"""From scores and boxes to what is reported: the last steps of every single-stage detector.

All are tensor operations on the whole batch, and they compile into one graph with the net
(`torch._dynamo.config.capture_dynamic_output_shape_ops`); only `BatchDetections.by_image` does not, for its
list has as many lengths as there are images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cvbench.boxes import clip, nms
from cvbench.models.building import check_share, refusal
from cvbench.values import Detections

_CANDIDATES = 3000
"""How many boxes of an image may enter suppression; an untrained net would send all it has."""


class Reporting(NamedTuple):
    """Which of the predicted boxes are reported."""

    score_threshold: float
    """Only scores above it."""
    nms_threshold: float
    """Of two boxes of one class whose IoU is above it, the one with the higher score."""
    max_detections: int
    """The best so many of an image."""

    def checked(self, model: str) -> Reporting:
        """Itself; raises InputError, in the name of `model`, for what makes no sense."""
        check_share(model, "score_threshold", self.score_threshold)
        check_share(model, "nms_threshold", self.nms_threshold)
        if self.max_detections < 1:
            raise refusal(model, "max_detections", self.max_detections, wanted="1 or more")
        return self


class ScoredPairs(NamedTuple):
    """Pairs of a predictor and a class whose score is high enough, the best of each image."""

    image: Int64[Tensor, " k"]
    predictor: Int64[Tensor, " k"]
    label: Int64[Tensor, " k"]
    score: Float[Tensor, " k"]


class BatchDetections(NamedTuple):
    """What is reported of a batch: image by image, in each the best score first."""

    image: Int64[Tensor, " k"]
    boxes: Float[Tensor, "k 4"]
    labels: Int64[Tensor, " k"]
    scores: Float[Tensor, " k"]

    def by_image(self, images: int) -> list[Detections]:
        """One entry an image."""
        lengths = self.image.bincount(minlength=images).tolist()
        parts = (values.split_with_sizes(lengths) for values in (self.boxes, self.labels, self.scores))
        return [Detections(boxes=b, labels=k, scores=s) for b, k, s in zip(*parts, strict=True)]


def candidates(scores: Float[Tensor, "b n classes"], *, above: float) -> ScoredPairs:
    """The entries above a score; of each image at most 3,000, its best."""
    image, predictor, label = (scores > above).nonzero().unbind(1)
    score = scores[image, predictor, label]
    best = _best_of_each(image, score, images=len(scores), most=_CANDIDATES)
    return ScoredPairs(image[best], predictor[best], label[best], score[best])


def suppressed(
    chosen: ScoredPairs, boxes: Float[Tensor, "k 4"], *, images: int, classes: int, reporting: Reporting
) -> BatchDetections:
    """What remains of the candidates, whose boxes these are, after suppression class by class."""
    image, _, label, score = chosen
    groups = image * classes + label
    kept = nms(boxes, score, reporting.nms_threshold, groups=groups)
    best = _best_of_each(image[kept], score[kept], images=images, most=reporting.max_detections)
    kept = kept[best]
    return BatchDetections(image[kept], boxes[kept], label[kept], score[kept])


def _best_of_each(
    image: Int64[Tensor, " k"], score: Float[Tensor, " k"], *, images: int, most: int
) -> Int64[Tensor, " j"]:
    """Indices image by image, in each at most `most` of them, the best score first."""
    order = score.argsort(descending=True, stable=True)
    order = order[image[order].argsort(stable=True)]
    # Not `bincount`: the compiler cannot know that no image has a higher number than there are.
    found = image.new_zeros(images).scatter_add_(0, image, torch.ones_like(image))
    first = found.cumsum(0) - found
    rank = torch.arange(len(image), device=image.device) - first[image[order]]
    return order[rank < most]


class BatchObjects(NamedTuple):
    """Each with a box that has an area."""

    image: Int64[Tensor, " m"]
    boxes: Float[Tensor, "m 4"]
    label: Int64[Tensor, " m"]


def objects_to_learn(
    truths: Sequence[Detections], *, height: int, width: int, device: torch.device
) -> BatchObjects:
    """The learnable objects of the truths, cut at the border of the input.

    An object is what of it lies in the input. One without area, a crowd and a difficult one are left out.
    """
    image = torch.arange(len(truths)).repeat_interleave(torch.tensor([len(truth) for truth in truths]))
    boxes = clip(torch.cat([truth.boxes for truth in truths]).float(), height=height, width=width)
    learnt = torch.cat([_learnable(truth) for truth in truths]) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    label = torch.cat([truth.labels for truth in truths])
    # Chosen where the truths are, which is the CPU while training: a GPU would have to be waited for.
    image = image.to(boxes.device)
    return BatchObjects(image[learnt].to(device), boxes[learnt].to(device), label[learnt].to(device))


def one_each(
    place: Int64[Tensor, " m"], *, places: int, keep: Literal["first", "last"]
) -> Bool[Tensor, " m"]:
    """Which objects hold their place, where a place is for one: the first in the truth, or the last.

    >>> one_each(torch.tensor([4, 2, 4]), places=5, keep="last")
    tensor([False,  True,  True])
    """
    rank = torch.arange(len(place), device=place.device)
    if keep == "last":
        holder = rank.new_full((places,), -1).scatter_reduce_(0, place, rank, "amax")
    else:
        holder = rank.new_full((places,), len(place)).scatter_reduce_(0, place, rank, "amin")
    holds: Tensor = holder[place] == rank
    return holds


def _learnable(truth: Detections) -> Bool[Tensor, " m"]:
    """Which objects are neither a crowd nor difficult."""
    learnt = torch.ones_like(truth.labels, dtype=torch.bool)
    for mark in (truth.crowd, truth.difficult):
        if mark is not None:
            learnt &= ~mark
    return learnt
