"""The twelve COCO metrics, for boxes and for masks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes import masks as run_lengths
from cvbench.boxes.masks import Regions, box_regions, joined, mask_regions
from cvbench.interfaces import Evidence, Metric
from cvbench.metrics.coco.evaluation import AREAS, CocoEvaluation, DatasetMatches, match_coco
from cvbench.metrics.coco.evidence import explain_figures
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.coco.summary import FIGURES, Figure, resampled_figures, resamples, value
from cvbench.metrics.per_image import ObjectArrays, PerImage, column, object_arrays
from cvbench.record import Measurement, Part
from cvbench.statistics.bootstrap import bayesian_weights, interval_around
from cvbench.statistics.effective_objects import effective_objects, too_few_objects
from cvbench.values import Detections, Prediction, Truth


def coco_measurements(
    matches: DatasetMatches,
    *,
    images: int,
    classes: Sequence[str],
    protocol: str,
    draws: int | None = None,
    seed: int = 0,
) -> list[Measurement]:
    """The metrics in the order of COCO's summary, bit-identical to pycocotools 2.0.11.

    Intervals come from a Bayesian bootstrap over the images; matching is done once. `draws` is the number of
    resamples: None for as many as take a few seconds, 0 for no intervals. A limit on detections other than
    100 is part of the name of its recall, such as AR300. A metric with fewer than `MINIMUM_OBJECTS` effective
    objects has no interval, but the reason in `interval_missing`.
    """
    # Only classes with objects are laid out: the others are in no mean, and each takes 200 kB.
    there = [label for label, line in enumerate(matches.lines) if len(line.object_image)]
    matches = replace(matches, lines=[matches.lines[label] for label in there])
    evaluation = matches.evaluate()
    drawn = resamples(matches) if draws is None else draws
    weights = bayesian_weights(images, drawn, seed=seed)
    varied = resampled_figures(matches, (some[:, matches.numbers] for some in weights)) if drawn else {}
    measurements = []
    for name, figure in FIGURES.items():
        overall, spread = value(evaluation, figure), varied.get(name, ())
        of_size = "" if figure.area == "all" else f"{figure.area} "
        missing = f"no {of_size}object to be found" if images else "no images"
        effective = effective_objects(evaluation.objects[:, list(AREAS).index(figure.area)].tolist())
        bounded = overall is not None and len(spread) > 1
        too_few = too_few_objects(effective) if bounded else None
        measurements.append(
            Measurement(
                name=name if name != "AR100" else f"AR{matches.max_dets[-1]}",
                value=overall,
                missing=missing if overall is None else None,
                unit="fraction",
                direction="higher",
                n=images,
                interval=interval_around(overall, np.asarray(spread), reads_the_best=True)
                if overall is not None and bounded and too_few is None
                else None,
                effective_n=effective,
                interval_missing=too_few,
                protocol=protocol,
                parts=_parts(evaluation, figure, classes, there),
            )
        )
    return measurements


def _parts(
    evaluation: CocoEvaluation, figure: Figure, classes: Sequence[str], there: Sequence[int]
) -> tuple[Part, ...]:
    """The metric per class; the evaluation holds the classes `there`, in label order."""
    of_size = "" if figure.area == "all" else f"{figure.area} "
    to_find = evaluation.objects[:, list(AREAS).index(figure.area)]
    places = {label: place for place, label in enumerate(there)}
    parts = []
    for label, name in enumerate(classes):
        place = places.get(label)
        own = None if place is None else value(evaluation, figure, label=place)
        parts.append(
            Part(
                name=name,
                value=own,
                missing=f"no {of_size}object of this class" if own is None else None,
                n=0 if place is None else int(to_find[place]),
            )
        )
    return tuple(parts)


class _Image(NamedTuple):
    """One image's detections and objects."""

    label: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    regions: Regions
    true_label: Int64[np.ndarray, " m"]
    true_area: Float64[np.ndarray, " m"]
    crowd: Bool[np.ndarray, " m"]
    true_regions: Regions


class _CocoAP(ABC):
    """Common base of the box and mask metrics; they differ only in the compared regions."""

    protocol: ClassVar[str]

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.images: PerImage[_Image] = PerImage()

    @abstractmethod
    def _regions(self, objects: Prediction, arrays: ObjectArrays) -> Regions: ...

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Add one batch.

        Raises ValueError for a duplicate id, a label that is not a class, and a score or coordinate that is
        not finite.
        """
        self.images.add(ids, [self._image(p, t) for p, t in zip(predictions, truths, strict=True)])

    def merge(self, other: Metric) -> None:
        """Add the images of another metric of this type with the same classes."""
        if not isinstance(other, _CocoAP) or type(other) is not type(self) or other.classes != self.classes:
            raise TypeError(f"only a {type(self).__name__} with the same classes can be merged")
        self.images.merge(other.images)

    def arrays(self) -> tuple[CocoTruth, CocoDetections]:
        """All objects and detections so far; images are numbered in the order of their ids."""
        entries = self.images.entries()
        objects, found = ([len(e.true_label) for e in entries], [len(e.label) for e in entries])
        numbers = np.arange(len(entries))
        return (
            CocoTruth(
                image=np.repeat(numbers, objects),
                label=column([e.true_label for e in entries], np.int64),
                regions=joined([e.true_regions for e in entries]),
                area=column([e.true_area for e in entries], np.float64),
                crowd=column([e.crowd for e in entries], np.bool_),
            ),
            CocoDetections(
                image=np.repeat(numbers, found),
                label=column([e.label for e in entries], np.int64),
                regions=joined([e.regions for e in entries]),
                score=column([e.score for e in entries], np.float64),
            ),
        )

    def matches(self) -> DatasetMatches:
        """The matched detections of all images."""
        truth, detections = self.arrays()
        return match_coco(truth, detections, classes=len(self.classes))

    def compute(self) -> list[Measurement]:
        """The twelve metrics, AP first, with their values per class as parts."""
        return coco_measurements(
            self.matches(), images=len(self.images), classes=self.classes, protocol=self.protocol
        )

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """Per-image results: id, detections and objects; boxes are (x, y, width, height)."""
        entries = self.images.entries()
        columns: dict[str, Sequence[Any]] = {"id": self.images.ids()}
        for name in ("label", "score", "true_label", "true_area", "crowd"):
            columns[name] = [getattr(e, name).tolist() for e in entries]
        for name, sides in (("", [e.regions for e in entries]), ("true_", [e.true_regions for e in entries])):
            columns[f"{name}xywh"] = [side.xywh.ravel().tolist() for side in sides]
            if any(len(side.starts) for side in sides):
                columns[f"{name}runs"] = [side.counts.tolist() for side in sides]
                columns[f"{name}run_starts"] = [side.starts.tolist() for side in sides]
        return columns

    def evidence(self) -> list[Evidence]:
        """Precision-recall curves, the confusion matrix, and the cost of each kind of error."""
        return explain_figures(*self.arrays(), evaluation=self.matches().evaluate())

    def _image(self, prediction: Prediction, truth: Truth) -> _Image:
        found, true = object_arrays(prediction, len(self.classes)), object_arrays(truth, len(self.classes))
        regions, true_regions = self._regions(prediction, found), self._regions(truth, true)
        if len(regions.starts) and len(true_regions.starts):
            _require_one_size(prediction, truth)
        return _Image(found.label, found.score, regions, true.label, true.area, true.crowd, true_regions)


@final
class CocoBoxAP(_CocoAP):
    """Average precision and recall of boxes, by the rules of the COCO detection challenge.

    AP is the mean over the classes, and over the IoU thresholds 0.50, 0.55 … 0.95, of the precision
    at 101 recalls. At most 100 detections per image and class count. Crowds, and objects outside a metric's
    area range, need not be found, and detections that match them are ignored.

    Source: Lin et al., Microsoft COCO: Common Objects in Context, 2014, and pycocotools 2.0.11.
    """

    protocol = "coco-2017/bbox/101pt/maxdet100"

    def _regions(self, objects: Prediction, arrays: ObjectArrays) -> Regions:  # noqa: ARG002, masks need it
        corners = arrays.corners
        # Exact: the difference of two float32 fits a float64.
        return box_regions(np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1))


@final
class CocoMaskAP(_CocoAP):
    """Average precision and recall of masks, by the same rules; masks are compared pixel by pixel."""

    protocol = "coco-2017/segm/101pt/maxdet100"
    needs_masks = True

    def _regions(self, objects: Prediction, arrays: ObjectArrays) -> Regions:
        masks = objects.masks if isinstance(objects, Detections) else None
        if masks is None and len(arrays.label):
            raise ValueError("the objects have no masks; score their boxes with the metric coco-bbox")
        plain = np.zeros((0, 1, 1), np.bool_) if masks is None else masks.cpu().numpy()
        return mask_regions(run_lengths.encode(plain))


def _require_one_size(prediction: Prediction, truth: Prediction) -> None:
    """Raise ValueError if both have masks of different sizes."""
    masks = [side.masks for side in (prediction, truth) if isinstance(side, Detections) and len(side)]
    sizes = [tuple(each.shape[1:]) for each in masks if each is not None]
    if len(set(sizes)) > 1:
        raise ValueError(f"predicted masks have shape {sizes[0]}, but the true masks have {sizes[1]}")
