"""What a protocol for boxes decides, rule by rule, and what the known ones decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Literal, NamedTuple, TypeAlias

from cvbench.metrics.coco.evaluation import IOU_THRESHOLDS
from cvbench.metrics.voc.evaluation import MATLAB_2007, MATLAB_2012, PYTHON_2007, PYTHON_2012, VocRule

Reading: TypeAlias = Literal["101 points"] | VocRule


@dataclass(frozen=True)
class Rules:
    """The decisions, in the order in which one after the other is changed."""

    thresholds: tuple[float, ...]
    """The IoUs from which on an object is found; the figure is the mean over them."""
    limit: int | None
    """How many detections of an image and class count."""
    excused: Literal["crowds", "crowds and difficult"]
    """Objects that need not be found. Crowds alone are overlapped by the share of the detection that
    lies in them; together with difficult objects they are overlapped as all others are."""
    choice: Literal["best free", "most overlapped"]
    """The object that a detection is held to: the best that nobody has found, or the one it overlaps most."""
    strict: bool
    """Whether it has to overlap by more than the threshold."""
    edges: Literal["corners", "pixels"]
    """Whether boxes are measured between corners, or in pixels from the first to the last."""
    first_id: Literal["lost", "found"]
    """What comes of an object whose id is 0: COCO's program takes it for not found."""
    ties: Literal["by image", "by file"]
    """Which of equal scores is first: that of the lower image, or the earlier in the file."""
    reading: Reading
    """How a curve becomes a number."""


_COCO = Rules(
    tuple(IOU_THRESHOLDS.tolist()),
    100,
    "crowds",
    "best free",
    False,
    "corners",
    "lost",
    "by image",
    "101 points",
)


def _voc(reading: VocRule) -> Rules:
    return Rules(
        (0.5,),
        None,
        "crowds and difficult",
        "most overlapped",
        reading.strict,
        "pixels",
        "found",
        "by file",
        reading._replace(strict=False),
    )


RULES = {
    "coco-bbox": _COCO,
    "voc2007": _voc(MATLAB_2007),
    "voc2012": _voc(MATLAB_2012),
    "voc2007-python": _voc(PYTHON_2007),
    "voc2012-python": _voc(PYTHON_2012),
}
"""By the name of the protocol."""


class Change(NamedTuple):
    """One rule changed, and all rules after the change."""

    what: str
    before: str
    after: str
    rules: Rules


def changes(start: Rules, end: Rules) -> Iterator[Change]:
    """From one protocol to the other, one rule at a time."""
    now = start
    for field in fields(Rules):
        if getattr(now, field.name) != getattr(end, field.name):
            before, now = now, replace(now, **{field.name: getattr(end, field.name)})
            yield Change(_WHAT[field.name], _said(before, field.name), _said(now, field.name), now)


_WHAT = {
    "thresholds": "IoU thresholds",
    "limit": "detections of an image and class",
    "excused": "need not be found",
    "choice": "a detection is held to",
    "strict": "overlap needed",
    "edges": "boxes are measured",
    "first_id": "an object with the id 0",
    "ties": "order of equal scores",
    "reading": "the curve is read",
}


def _said(rules: Rules, name: str) -> str:
    """A decision in words."""
    value = getattr(rules, name)
    if name == "thresholds":
        return f"{value[0]:g}" if len(value) == 1 else f"mean of {value[0]:g} to {value[-1]:g}"
    if name == "limit":
        return "all" if value is None else f"the best {value}"
    if name == "strict":
        return "above the threshold" if value else "from the threshold on"
    words = {
        "best free": "the best object still free",
        "most overlapped": "the object it overlaps most",
        "corners": "between corners",
        "pixels": "in pixels, both ends in",
        "lost": "counts as not found",
        "found": "is one like others",
    }
    if name == "reading" and isinstance(value, VocRule):
        if value.average == "area":
            return "area"
        return "at 11 recalls" + (", rounded as Python does" if value.points == PYTHON_2007.points else "")
    return "at 101 recalls" if name == "reading" else words.get(value, value)
