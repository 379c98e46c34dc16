"""Paired comparison of two detectors on data of the size of val2017."""

from collections.abc import Callable
from dataclasses import replace

from cvbench.compare.resampling import resample
from tests.benchmarks.speed.scenes import boxes_at_size
from tests.compare.outcomes import coco_table, without

RESAMPLES = 2000


def paired(resamples: int = RESAMPLES) -> dict[str, Callable[[], float]]:
    """A call computes the spread of the difference of two mAPs from stored per-image results."""
    scene = boxes_at_size()
    truth, found = (
        replace(side, image=scene.numbers.searchsorted(side.image))
        for side in (scene.truth, scene.detections)
    )
    tables = [coco_table(truth, without(found, lost), len(scene.numbers)) for lost in (0.0, 0.02)]

    def call() -> float:
        both = [resample("coco-2017/bbox", table, scene.classes, resamples) for table in tables]
        before, now = (one.varied["AP"] for one in both if one is not None)
        return float((now - before).std(ddof=1))

    return {"cvbench": call}
