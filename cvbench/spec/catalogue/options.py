"""Options that many Cards have, told once."""

from __future__ import annotations

from cvbench.spec.catalogue.cards import Choice

WIDTH = Choice(1.0, "multiplies the channels of every layer; rounded to a multiple of 8")


def reporting(*, score: float, nms: float) -> dict[str, Choice]:
    """What a detector reports, with these thresholds by default."""
    return {
        "score_threshold": Choice(score, "detections below it are not reported"),
        "nms_threshold": Choice(nms, "of two boxes of one class that overlap more, the weaker goes"),
        "max_detections": Choice(100, "the most that are reported of one image"),
    }


def preparing(*ways: str, normalised: bool) -> dict[str, Choice]:
    """How images come into a model of another library; what is not said is as its weights have it."""
    cut = [way for way in ways if way in ("crop", "scale")]
    options = {
        "resize": Choice(None, f"{', '.join(ways[:-1])} or {ways[-1]}; by default the weights' own way"),
        "fill": Choice(None, "the grey of a letterbox's bars, 0 to 255"),
        "interpolation": Choice(None, "bilinear or bicubic"),
        "antialias": Choice(None, "whether what shrinks is smoothed"),
    }
    if cut:
        options["shorter"] = Choice(None, f"pixels of the shorter side before a {cut[0]}")
    if "scale" in cut:
        options["longer"] = Choice(None, "the most pixels of a scaled image's longer side")
    if normalised:
        options["mean"] = Choice(None, "taken from values of 0 to 1, by channel")
        options["std"] = Choice(None, "what they are divided by then")
    return options
