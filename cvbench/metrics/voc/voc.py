"""Mean average precision of files by VOC's rules, with its interval and by class."""

from __future__ import annotations

from itertools import chain

import numpy as np

from cvbench.metrics.files.voc import VocFiles
from cvbench.metrics.voc.evaluation import (
    MATLAB_2007,
    MATLAB_2012,
    PYTHON_2007,
    PYTHON_2012,
    average_precision,
    curve,
    match_voc,
)
from cvbench.metrics.voc.metric import RESAMPLES
from cvbench.record import Measurement, Part
from cvbench.statistics.bootstrap import bayesian_weights, interval_around

RULES = {
    "voc2007": MATLAB_2007,
    "voc2012": MATLAB_2012,
    "voc2007-python": PYTHON_2007,
    "voc2012-python": PYTHON_2012,
}
"""By the name of the protocol."""


def score_voc(
    files: VocFiles, name: str, *, rule: str, draws: int | None = None, seed: int = 0
) -> tuple[Measurement, ...]:
    """mAP, whose parts are the APs of the classes; the interval is a Bayesian bootstrap over the images."""
    how, n = RULES[name], files.images
    drawn = RESAMPLES if draws is None else draws
    lines = match_voc(files.truth, files.detections, classes=len(files.classes), strict=how.strict)
    there = [line for line in lines if len(line.object_image)]
    weightings = chain([np.ones((1, n))], bayesian_weights(n, drawn, seed=seed) if there and drawn else ())
    rows = [np.array([average_precision(curve(line, some), how) for line in there]) for some in weightings]
    aps = np.concatenate([row.T for row in rows]) if there else np.empty((1, 0))
    means = np.ascontiguousarray(aps).mean(axis=1) if there else np.empty(0)
    value = float(means[0]) if there else None
    own = iter(aps[0].tolist())
    parts = tuple(
        Part(name=class_name, value=next(own), n=len(line.object_image))
        if len(line.object_image)
        else Part(name=class_name, value=None, missing="no object of this class", n=0)
        for class_name, line in zip(files.classes, lines, strict=True)
    )
    return (
        Measurement(
            name="mAP",
            value=value,
            missing=None if there else "no object to be found",
            unit="fraction",
            direction="higher",
            n=n,
            interval=interval_around(value, means[1:], reads_the_best=True)
            if value is not None and len(means) > 2
            else None,
            protocol=rule,
            parts=parts,
        ),
    )
