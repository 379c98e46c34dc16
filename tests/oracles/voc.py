"""The rule of the PASCAL VOC development kit, one detection at a time, in plain Python."""

import numpy as np


def voc_average_precision(objects, detections, *, eleven_points, strict=False, points=None):
    """Of one class. Objects are (image, box, difficult), detections (image, box, score)."""
    to_find = sum(not difficult for _, _, difficult in objects)
    seen, true, false, recall, precision = set(), 0, 0, [], []
    for image, box, _ in sorted(detections, key=lambda detection: -detection[2]):
        most, best = float("-inf"), None
        for number, (where, other, _) in enumerate(objects):
            overlap = _overlap(box, other) if where == image else None
            if overlap is not None and overlap > most:
                most, best = overlap, number
        if most > 0.5 if strict else most >= 0.5:
            if objects[best][2]:
                continue
            if best in seen:
                false += 1
            else:
                true += 1
                seen.add(best)
        else:
            false += 1
        recall.append(true / to_find if to_find else float("nan"))
        precision.append(true / (true + false))
    if not to_find:
        return None
    if eleven_points:
        at = [0.1 * i for i in range(11)] if points is None else points
        best_from = [[p for r, p in zip(recall, precision, strict=True) if r >= t] for t in at]
        return sum(max(reached, default=0.0) for reached in best_from) / 11
    area, before = 0.0, 0.0
    for i, reached in enumerate(recall):
        area += (reached - before) * max(precision[i:])
        before = reached
    return area


def _overlap(a, b):
    """Of pixels, the last row and column among them; None where there is none."""
    wide = min(a[2], b[2]) - max(a[0], b[0]) + 1
    high = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if wide <= 0 or high <= 0:
        return None
    areas = [(x2 - x1 + 1) * (y2 - y1 + 1) for x1, y1, x2, y2 in (a, b)]
    return wide * high / (sum(areas) - wide * high)


def voc_problem(seed: int):
    """Arrays of boxes on small lattices, with difficult objects and ties; images, labels and all."""
    draw = np.random.default_rng(seed)
    found, objects = int(draw.integers(0, 40)), int(draw.integers(0, 20))
    images, classes = int(draw.integers(1, 5)), int(draw.integers(1, 4))

    def boxes(n):
        corner = draw.integers(1, 20, (n, 2))
        return np.concatenate([corner, corner + draw.integers(-1, 10, (n, 2))], axis=1).astype(float)

    true = {
        "image": draw.integers(0, images, objects),
        "label": draw.integers(0, classes, objects),
        "boxes": boxes(objects),
        "difficult": draw.random(objects) < 0.2,
    }
    seen = {
        "image": draw.integers(0, images, found),
        "label": draw.integers(0, classes, found),
        "boxes": boxes(found),
        "score": np.round(draw.random(found), 1),
    }
    for i in np.flatnonzero(draw.random(found) < 0.6) if objects else ():
        partner = draw.integers(objects)
        seen["image"][i], seen["label"][i] = true["image"][partner], true["label"][partner]
        seen["boxes"][i] = true["boxes"][partner] + draw.integers(-1, 2, 4)
    return true, seen, classes, images
