"""Postprocessing and targets shared by the single-stage detectors.

All steps are tensor operations on the whole batch and compile into one graph with the network
(`torch._dynamo.config.capture_dynamic_output_shape_ops`), except `BatchDetections.by_image`, which returns
lists whose lengths depend on the values.
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
"""Most boxes per image before suppression; an untrained network would send all of them."""


class Reporting(NamedTuple):
    """Which predicted boxes are reported."""

    score_threshold: float
    """Report only scores above this."""
    nms_threshold: float
    """IoU of two boxes of one class above which only the one with the higher score is reported."""
    max_detections: int
    """Report at most this many boxes per image, the highest scores."""

    def checked(self, model: str) -> Reporting:
        """These settings; raises InputError, naming `model`, for an invalid value."""
        check_share(model, "score_threshold", self.score_threshold)
        check_share(model, "nms_threshold", self.nms_threshold)
        if self.max_detections < 1:
            raise refusal(model, "max_detections", self.max_detections, wanted="1 or more")
        return self


class ScoredPairs(NamedTuple):
    """Pairs of predictor and class with a score above the threshold, the best of each image."""

    image: Int64[Tensor, " k"]
    predictor: Int64[Tensor, " k"]
    label: Int64[Tensor, " k"]
    score: Float[Tensor, " k"]


class BatchDetections(NamedTuple):
    """Detections of a batch, ordered by image and then by descending score."""

    image: Int64[Tensor, " k"]
    boxes: Float[Tensor, "k 4"]
    labels: Int64[Tensor, " k"]
    scores: Float[Tensor, " k"]

    def by_image(self, images: int) -> list[Detections]:
        """One Detections per image."""
        lengths = self.image.bincount(minlength=images).tolist()
        parts = (values.split_with_sizes(lengths) for values in (self.boxes, self.labels, self.scores))
        return [Detections(boxes=b, labels=k, scores=s) for b, k, s in zip(*parts, strict=True)]


def candidates(scores: Float[Tensor, "b n classes"], *, above: float) -> ScoredPairs:
    """The predictor and class pairs above a score; at most the 3,000 best per image."""
    image, predictor, label = (scores > above).nonzero().unbind(1)
    score = scores[image, predictor, label]
    best = _best_of_each(image, score, images=len(scores), most=_CANDIDATES)
    return ScoredPairs(image[best], predictor[best], label[best], score[best])


def suppressed(
    chosen: ScoredPairs, boxes: Float[Tensor, "k 4"], *, images: int, classes: int, reporting: Reporting
) -> BatchDetections:
    """The detections that remain of the candidates and their boxes after class-wise suppression."""
    image, _, label, score = chosen
    groups = image * classes + label
    kept = nms(boxes, score, reporting.nms_threshold, groups=groups)
    best = _best_of_each(image[kept], score[kept], images=images, most=reporting.max_detections)
    kept = kept[best]
    return BatchDetections(image[kept], boxes[kept], label[kept], score[kept])


def _best_of_each(
    image: Int64[Tensor, " k"], score: Float[Tensor, " k"], *, images: int, most: int
) -> Int64[Tensor, " j"]:
    """Indices ordered by image and descending score, at most `most` per image."""
    order = score.argsort(descending=True, stable=True)
    order = order[image[order].argsort(stable=True)]
    # Not `bincount`: the compiler cannot know the number of images from the values.
    found = image.new_zeros(images).scatter_add_(0, image, torch.ones_like(image))
    first = found.cumsum(0) - found
    rank = torch.arange(len(image), device=image.device) - first[image[order]]
    return order[rank < most]


class BatchObjects(NamedTuple):
    """Objects of a batch; every box has an area."""

    image: Int64[Tensor, " m"]
    boxes: Float[Tensor, "m 4"]
    label: Int64[Tensor, " m"]


def objects_to_learn(
    truths: Sequence[Detections], *, height: int, width: int, device: torch.device
) -> BatchObjects:
    """The objects to learn, with boxes clipped to the input.

    Objects without area inside the input, crowds and difficult objects are left out.
    """
    image = torch.arange(len(truths)).repeat_interleave(torch.tensor([len(truth) for truth in truths]))
    boxes = clip(torch.cat([truth.boxes for truth in truths]).float(), height=height, width=width)
    learned = torch.cat([_learnable(truth) for truth in truths]) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    label = torch.cat([truth.labels for truth in truths])
    # Selected on the truths' device, in training the CPU: on a GPU it would need a synchronization.
    image = image.to(boxes.device)
    return BatchObjects(image[learned].to(device), boxes[learned].to(device), label[learned].to(device))


def one_each(
    place: Int64[Tensor, " m"], *, places: int, keep: Literal["first", "last"]
) -> Bool[Tensor, " m"]:
    """Which objects keep their place if each place holds one object: the first or the last of them.

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
    """Which objects are neither crowds nor difficult."""
    learned = torch.ones_like(truth.labels, dtype=torch.bool)
    for mark in (truth.crowd, truth.difficult):
        if mark is not None:
            learned &= ~mark
    return learned
