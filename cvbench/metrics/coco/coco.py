"""The twelve COCO figures of files, with intervals and by class."""

from __future__ import annotations

from cvbench.metrics.coco.bootstrap import resampled_figures, resamples
from cvbench.metrics.coco.evaluation import AREAS, match_coco
from cvbench.metrics.coco.summary import FIGURES, value
from cvbench.metrics.files.coco import CocoFiles
from cvbench.record import Measurement, Part
from cvbench.statistics.bootstrap import bayesian_weights, interval_around


def score_coco(
    files: CocoFiles, *, rule: str, draws: int | None = None, seed: int = 0
) -> tuple[Measurement, ...]:
    """The figures in the order of the reference's summary, bit by bit those of pycocotools 2.0.11.

    Intervals come from a Bayesian bootstrap over the images, matched once; `draws` is how many
    resamples are drawn: None for as many as take seconds at most, 0 for no intervals.
    """
    matches = match_coco(files.truth, files.detections, classes=len(files.classes))
    evaluation = matches.evaluate()
    drawn = resamples(matches) if draws is None else draws
    weights = bayesian_weights(files.images, drawn, seed=seed)
    varied = resampled_figures(matches, (some[:, matches.numbers] for some in weights)) if drawn else {}
    measurements = []
    for name, figure in FIGURES.items():
        overall = value(evaluation, figure)
        of_size = "" if figure.area == "all" else f"{figure.area} "
        to_find = evaluation.objects[:, list(AREAS).index(figure.area)]
        own = [value(evaluation, figure, label=k) for k in range(len(files.classes))]
        measurements.append(
            Measurement(
                name=name,
                value=overall,
                missing=None if overall is not None else f"no {of_size}object to be found",
                unit="fraction",
                direction="higher",
                n=files.images,
                interval=interval_around(overall, varied[name], reads_the_best=True)
                if overall is not None and len(varied.get(name, ())) > 1
                else None,
                protocol=rule,
                parts=tuple(
                    Part(
                        name=class_name,
                        value=own[k],
                        missing=f"no {of_size}object of this class" if own[k] is None else None,
                        n=int(to_find[k]),
                    )
                    for k, class_name in enumerate(files.classes)
                ),
            )
        )
    return tuple(measurements)
