"""Folders of label maps, one PNG an image, joined by their stems, and their mean IoU.

A pixel's value is its class; with a palette, as VOC's maps have, it is the index. 255 in the truth
does not count.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from cvbench.data.annotations.json import read_bytes
from cvbench.data.annotations.problems import Problems
from cvbench.data.annotations.voc import read_text
from cvbench.errors import InputError
from cvbench.record import Measurement

VOID = 255


def score_maps(
    predictions: Path,
    truth: Path,
    *,
    classes: Sequence[str] | None = None,
    image_set: Path | None = None,
) -> tuple[Measurement, ...]:
    """mIoU, pixel accuracy and Dice, by the metric of the runs.

    Without classes there are as many as the highest label of the truth says; then the maps are read
    twice. `image_set` is a file that names the images to score, one a line. Raises InputError, with
    everything that is wrong.
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
    names = classes if classes is not None else _counted([true[stem] for stem in stems])
    metric = MeanIoU(names)
    for stem in stems:
        pair = _pair(predicted[stem], true[stem], len(names), problems)
        if pair is not None and not problems:
            maps = [LabelMap(torch.from_numpy(labels)) for labels in pair]
            metric.update([stem], maps[:1], maps[1:])
    problems.stop()
    return tuple(metric.compute())


def _maps(folder: Path, problems: Problems) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; label maps are PNG files in a folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png")
    if not paths:
        raise InputError(f"{folder}: has no PNG file in it")
    problems.add_repeated(folder, "two maps of one image", [path.stem for path in paths])
    return {path.stem: path for path in paths}


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


def _counted(paths: Sequence[Path]) -> tuple[str, ...]:
    """As many classes as the highest label says."""
    problems = Problems()
    maps = (_read(path, problems) for path in paths)
    highest = max((int(m[m != VOID].max(initial=0)) for m in maps if m is not None), default=0)
    problems.stop()
    return tuple(map(str, range(highest + 1)))


def _pair(
    predicted: Path, true: Path, classes: int, problems: Problems
) -> tuple[UInt8[np.ndarray, "h w"], UInt8[np.ndarray, "h w"]] | None:
    """Both maps of an image; None where something is wrong."""
    ours, theirs = _read(predicted, problems), _read(true, problems)
    if ours is None or theirs is None:
        return None
    if ours.shape != theirs.shape:
        what = (
            f"{predicted.name}: {ours.shape[0]} x {ours.shape[1]} for {theirs.shape[0]} x {theirs.shape[1]}"
        )
        problems.add(predicted.parent, "a label map of another size than its image", what)
        return None
    counting = theirs != VOID
    for path, labels in ((true, theirs), (predicted, ours)):
        wrong = np.unique(labels[counting & (labels >= classes)])
        if len(wrong):
            what = f"{path.name}: {', '.join(map(str, wrong[:10].tolist()))}"
            problems.add(path.parent, f"labels that are none of the {classes} classes", what)
            return None
    return ours, theirs


def _read(path: Path, problems: Problems) -> UInt8[np.ndarray, "h w"] | None:
    """A map of bytes; None, and a mistake, where the file is something else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(read_bytes(path)), formats=["PNG"]) as picture:
                if picture.mode not in ("L", "P", "1"):
                    problems.add(
                        path.parent, "a PNG that is no map of bytes", f"{path.name}: mode {picture.mode}"
                    )
                    return None
                return np.array(picture, np.uint8)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        problems.add(path.parent, "a PNG that unpacks to far too many pixels", path.name)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        problems.add(path.parent, "a PNG that cannot be decoded", f"{path.name} ({error})")
    return None
