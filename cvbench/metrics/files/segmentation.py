"""Folders of label maps, one PNG an image, joined by their stems, and their mean IoU.

Which label is which class, and which does not count, is as for the data sets: see
`cvbench.data.images.label_maps`.
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
    """The values, and what a reader has to know about them."""

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
    """mIoU, pixel accuracy and Dice, by the metric of the runs.

    Without classes there are as many as the labels of the truth say; then the maps are read twice.
    `image_set` is a file that names the images to score, one a line. Pixels whose true label is in `void` do
    not count. Raises InputError, with everything that is wrong.
    """
    import torch

    from cvbench.metrics.segmentation import MeanIoU
    from cvbench.values import LabelMap

    problems = Problems()
    predicted, true = _maps(predictions, problems), _maps(truth, problems)
    stems = _chosen(image_set, true, truth)
    for stem in stems:
        if stem not in predicted:
            problems.add(predictions, "no map of an image of the truth", f"{stem}.png")
    for stem in sorted(predicted.keys() - true.keys()):
        problems.add(predictions, "a map of an image that the truth does not have", predicted[stem].name)
    problems.stop()
    names = classes if classes is not None else _counted([true[stem] for stem in stems], void)
    if len(names) > VOID:
        raise InputError(f"{truth}: {len(names)} classes, and label maps hold at most {VOID}")
    metric, known = MeanIoU(names), LabelRule.of(len(names), void)
    for stem in stems:
        pair = _pair(predicted[stem], true[stem], known, problems)
        if pair is not None and not problems:
            maps = [LabelMap(torch.from_numpy(labels)) for labels in pair]
            metric.update([stem], maps[:1], maps[1:])
    problems.stop()
    told = () if void == {VOID} else (f"By --void, {known.described()}.",)
    return ScoredMaps(tuple(metric.compute()), (*told, *metric.notes()))


def _maps(folder: Path, problems: Problems) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; label maps are PNG files in a folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png")
    if not paths:
        raise InputError(f"{folder}: has no PNG file in it{_found_instead(folder)}")
    problems.add_repeated(folder, "two maps of one image", [path.stem for path in paths])
    return {path.stem: path for path in paths}


def _found_instead(folder: Path) -> str:
    below = next(iter(sorted(folder.glob("*/*.png"))), None)
    if below is not None:
        return f", but {below.relative_to(folder)}.\n  Name that folder, or put all maps into one folder."
    others = Counter(path.suffix.lower() for path in folder.iterdir() if path.is_file())
    if not others:
        return ""
    suffix, count = others.most_common(1)[0]
    return (
        f", but {count:,} {suffix or 'without a suffix'}.\n"
        "  Save label maps as PNG: JPEG and other lossy formats change the labels."
    )


def _chosen(image_set: Path | None, true: dict[str, Path], folder: Path) -> list[str]:
    if image_set is None:
        return sorted(true)
    lines = [line.strip() for line in read_text(image_set).split("\n") if line.strip()]
    # A name may hold spaces; VOC's lists may have a mark behind it.
    stems = [line if line in true or line.split()[0] not in true else line.split()[0] for line in lines]
    problems = Problems()
    problems.add_repeated(image_set, "an image that came before", stems)
    for i, stem in enumerate(stems):
        if stem not in true:
            problems.add(image_set, f"an image without a map in {folder}", f"line {i + 1}: {stem}")
    problems.stop()
    return stems


def _counted(paths: Sequence[Path], void: frozenset[int]) -> tuple[str, ...]:
    """As many classes as the labels say."""
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
    """Both maps of an image, as classes; None where something is wrong."""
    ours, theirs = _read(predicted, problems), _read(true, problems)
    if ours is None or theirs is None:
        return None
    if ours.shape != theirs.shape:
        what = (
            f"{predicted.name}: {ours.shape[0]} x {ours.shape[1]} for {theirs.shape[0]} x {theirs.shape[1]}"
        )
        problems.add(predicted.parent, "a label map of another size than its image", what)
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
        f"labels that are none of the {known.classes} classes: {known.described()} "
        "(--classes says how many there are, --void what does not count)"
    )


def _read(path: Path, problems: Problems) -> UInt16[np.ndarray, "h w"] | None:
    """A map as the file stores it; None, and a mistake, where the file is something else."""
    try:
        return decode_labels(read_bytes(path), path.name)
    except DataError as error:
        problems.add(path.parent, "a file that is no label map", str(error))
    return None
