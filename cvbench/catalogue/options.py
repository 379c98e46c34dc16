"""Options that many Cards have, told once."""

from __future__ import annotations

from cvbench.catalogue.cards import Choice

WIDTH = Choice(1.0, "multiplies the channels of every layer; rounded to a multiple of 8")


def reporting(*, score: float, nms: float) -> dict[str, Choice]:
    """What a detector reports, with these thresholds by default."""
    return {
        "score_threshold": Choice(score, "detections below it are not reported"),
        "nms_threshold": Choice(nms, "of two boxes of one class that overlap more, the weaker goes"),
        "max_detections": Choice(100, "the most that are reported of one image"),
    }
