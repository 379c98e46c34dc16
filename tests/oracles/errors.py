"""What an average precision loses to each kind of error, counted object by object and slowly.

A second reading of Bolya et al. 2020 and of the rule of COCO at IoU 0.5, which shares no line with
`cvbench.metrics.coco.error_analysis`. Scores have to differ; of objects overlapped alike the later counts, by
class and then by place.
"""

from typing import NamedTuple


class Thing(NamedTuple):
    """An object, or a detection."""

    place: int
    image: int
    label: int
    box: list[float]
    """(x, y, width, height)."""
    crowd: bool = False
    score: float = 0.0


class Found(NamedTuple):
    detection: Thing
    kind: str
    """`true`, or what is wrong."""
    target: Thing | None
    """The object that it found, or was meant for."""


def shared(a: list[float], b: list[float]) -> float:
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def overlap(found: Thing, true: Thing) -> float:
    """IoU; with a crowd the share of the detection."""
    both = shared(found.box, true.box)
    own, other = found.box[2] * found.box[3], true.box[2] * true.box[3]
    return both and both / (own if true.crowd else own + other - both)


def best(found: Thing, objects: list[Thing]) -> tuple[float, Thing | None]:
    """The object overlapped most, and by how much."""
    if not objects:
        return 0.0, None
    most = max(objects, key=lambda true: (overlap(found, true), true.label, true.place))
    return overlap(found, most), most


def matched(objects: list[Thing], detections: list[Thing]) -> list[Found]:
    """COCO's rule: the hundred best of an image and class take turns; what lies in a crowd is left out."""
    outcomes, taken, turns = [], set(), {}
    for found in sorted(detections, key=lambda d: -d.score):
        key = found.image, found.label
        turns[key] = turns.get(key, 0) + 1
        if turns[key] > 100:
            continue
        here = [o for o in objects if (o.image, o.label) == key]
        iou, true = best(found, [o for o in here if not o.crowd and o.place not in taken])
        if true is not None and iou >= 0.5:
            taken.add(true.place)
            outcomes.append(Found(found, "true", true))
        elif best(found, [o for o in here if o.crowd])[0] < 0.5:
            outcomes.append(Found(found, *fault(found, objects)))
    return outcomes


def fault(found: Thing, objects: list[Thing]) -> tuple[str, Thing | None]:
    """What is wrong with a false detection; the questions in the order of `coco_errors`."""
    near = [o for o in objects if o.image == found.image and not o.crowd]
    own, mine = best(found, [o for o in near if o.label == found.label])
    other, theirs = best(found, [o for o in near if o.label != found.label])
    if 0.1 <= own < 0.5:
        return "localisation", mine
    if other >= 0.5:
        return "classification", theirs
    if own >= 0.5:
        return "duplicate", None
    return ("both" if other >= 0.1 else "background"), None


def ap50(ranked: list[tuple[float, int, bool]], to_find: dict[int, int]) -> float:
    """The mean over the classes of precision at 101 recalls. Detections: (score, class, whether true)."""
    aps = []
    for label, total in to_find.items():
        hits, curve = 0, []
        own = sorted((d for d in ranked if d[1] == label), reverse=True)
        for count, (_, _, true) in enumerate(own, 1):
            hits += true
            curve.append((hits / max(total, 1), hits / (count + 2**-52)))
        points = [max((p for r, p in curve if r >= k * 0.01), default=0.0) for k in range(101)]
        aps.append(sum(points) / 101)
    return sum(aps) / len(aps)


def errors(objects: list[Thing], detections: list[Thing]) -> tuple[float, dict[str, float], dict[str, int]]:
    """AP50; by kind, what it would rise by without such errors; and how many there are."""
    outcomes = matched(objects, detections)
    to_find: dict[int, int] = {}
    for true in objects:
        if not true.crowd:
            to_find[true.label] = to_find.get(true.label, 0) + 1
    plain = ap50([(d.score, d.label, kind == "true") for d, kind, _ in outcomes], to_find)
    taken = {target.place for _, kind, target in outcomes if kind == "true"}
    costs, counts = {}, {}
    for wrong in ("classification", "localisation", "both", "duplicate", "background"):
        ranked, put_right = [], set(taken)
        for found, kind, target in outcomes:  # best first
            if kind != wrong:
                ranked.append((found.score, found.label, kind == "true"))
            elif target is not None and target.place not in put_right:
                ranked.append((found.score, target.label, True))
            if target is not None:  # of both kinds of errors about one object the best counts, as in TIDE
                put_right.add(target.place)
        costs[wrong] = ap50(ranked, to_find) - plain
        counts[wrong] = sum(kind == wrong for _, kind, _ in outcomes)
    meant = {target.place for _, kind, target in outcomes if target is not None}
    missed = [o for o in objects if not o.crowd and o.place not in meant]
    left = dict(to_find)
    for true in missed:
        left[true.label] -= 1
    costs["missed"] = ap50([(d.score, d.label, kind == "true") for d, kind, _ in outcomes], left) - plain
    counts["missed"] = len(missed)
    return plain, costs, counts
