"""Mean IoU of folders of label maps, one PNG per image, matched by file stem.

Labels map to classes and void as in datasets: see `cvbench.data.images.label_maps`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8, UInt16

from cvbench.data.annotations.json import read_bytes
from cvbench.data.annotations.problems import Problems
from cvbench.data.annotations.voc import read_text
from cvbench.data.images.label_maps import LabelRule, classes_in, decode_labels
from cvbench.errors import DataError, InputError
from cvbench.record import Measurement
from cvbench.values import VOID


class ScoredMaps(NamedTuple):
    """Measurements, with notes for their reader."""

    measurements: tuple[Measurement, ...]
    notes: tuple[str, ...]


def score_maps(
    predictions: Path,
    truth: Path,
    *,
    classes: Sequence[str] | None = None,
    image_set: Path | None = None,
    void: frozenset[int] = frozenset({VOID}),
) -> ScoredMaps:
    """mIoU, pixel accuracy and Dice, computed by the metric that also scores runs.

    Without `classes` their number follows from the true labels; the maps are then read twice.
    `image_set` is a file with one image name per line. Pixels whose true label is in `void` are ignored.
    Raises InputError with all problems.
    """
    import torch

    from cvbench.metrics.segmentation import MeanIoU
    from cvbench.values import LabelMap

    problems = Problems()
    predicted, true = _maps(predictions, problems), _maps(truth, problems)
    stems = _chosen(image_set, true, truth)
    for stem in stems:
        if stem not in predicted:
            problems.add(predictions, "label map is missing", f"{stem}.png")
    for stem in sorted(predicted.keys() - true.keys()):
        problems.add(predictions, "label map has no truth", predicted[stem].name)
    problems.stop()
    names = classes if classes is not None else _counted([true[stem] for stem in stems], void)
    if len(names) > VOID:
        raise InputError(f"{truth}: {len(names)} classes, but label maps support at most {VOID}")
    metric, known = MeanIoU(names), LabelRule.of(len(names), void)
    for stem in stems:
        pair = _pair(predicted[stem], true[stem], known, problems)
        if pair is not None and not problems:
            maps = [LabelMap(torch.from_numpy(labels)) for labels in pair]
            metric.update([stem], maps[:1], maps[1:])
    problems.stop()
    notes = () if void == {VOID} else (f"By --void, {known.described()}.",)
    return ScoredMaps(tuple(metric.compute()), (*notes, *metric.notes()))


def _maps(folder: Path, problems: Problems) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Give a folder of label maps as PNG files.")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png")
    if not paths:
        raise InputError(f"{folder}: contains no PNG file{_found_instead(folder)}")
    problems.add_repeated(folder, "two label maps of one image", [path.stem for path in paths])
    return {path.stem: path for path in paths}


def _found_instead(folder: Path) -> str:
    below = next(iter(sorted(folder.glob("*/*.png"))), None)
    if below is not None:
        return f", but {below.relative_to(folder)}.\n  Give that folder, or put all maps into one folder."
    others = Counter(path.suffix.lower() for path in folder.iterdir() if path.is_file())
    if not others:
        return ""
    suffix, count = others.most_common(1)[0]
    return (
        f", but {count:,} {suffix or 'without extension'}.\n"
        "  Save label maps as PNG: JPEG and other lossy formats change the labels."
    )


def _chosen(image_set: Path | None, true: dict[str, Path], folder: Path) -> list[str]:
    if image_set is None:
        return sorted(true)
    lines = [line.strip() for line in read_text(image_set).split("\n") if line.strip()]
    # A name can contain spaces; VOC's lists can have a flag after the name.
    stems = [line if line in true or line.split()[0] not in true else line.split()[0] for line in lines]
    problems = Problems()
    problems.add_repeated(image_set, "duplicate image", stems)
    for i, stem in enumerate(stems):
        if stem not in true:
            problems.add(image_set, f"image has no label map in {folder}", f"line {i + 1}: {stem}")
    problems.stop()
    return stems


def _counted(paths: Sequence[Path], void: frozenset[int]) -> tuple[str, ...]:
    """Class names "0" to the highest label."""
    problems = Problems()
    labels = set[int]()
    for path in paths:
        one = _read(path, problems)
        labels |= set() if one is None else set(np.unique(one).tolist())
    problems.stop()
    return tuple(map(str, range(classes_in(labels, void))))


def _pair(
    predicted: Path, true: Path, known: LabelRule, problems: Problems
) -> tuple[UInt8[np.ndarray, "h w"], UInt8[np.ndarray, "h w"]] | None:
    """Both maps of an image, as classes; None, with a problem, if one is invalid."""
    ours, theirs = _read(predicted, problems), _read(true, problems)
    if ours is None or theirs is None:
        return None
    if ours.shape != theirs.shape:
        own, true_size = (f"{labels.shape[0]} x {labels.shape[1]}" for labels in (ours, theirs))
        what = f"{predicted.name}: {own}, truth {true_size}"
        problems.add(predicted.parent, "label map and truth have different sizes (height x width)", what)
        return None
    true_classes, predicted_classes = known.table[theirs], known.table[ours]
    counting = (known.known[theirs] == 0) | (true_classes != VOID)
    for path, labels, classes in ((true, theirs, true_classes), (predicted, ours, predicted_classes)):
        wrong = np.unique(labels[counting & (classes == VOID)])
        if len(wrong):
            what = f"{path.name}: {', '.join(map(str, wrong[:10].tolist()))}"
            problems.add(path.parent, _strange(known), what)
            return None
    return predicted_classes, true_classes


def _strange(known: LabelRule) -> str:
    return (
        f"labels outside the {known.classes} classes: {known.described()} "
        "(--classes sets the number of classes, --void the labels to ignore)"
    )


def _read(path: Path, problems: Problems) -> UInt16[np.ndarray, "h w"] | None:
    """The label map as stored; None, with a problem, if the file is not one."""
    try:
        return decode_labels(read_bytes(path), path.name)
    except DataError as error:
        problems.add(path.parent, "not a label map", str(error))
    return None
