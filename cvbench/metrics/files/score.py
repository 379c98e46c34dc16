"""Scoring of a prediction file against a truth file by a named protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cvbench.errors import InputError
from cvbench.metrics.files.coco import CocoFiles, read_coco
from cvbench.metrics.files.voc import VocFiles, read_voc
from cvbench.record import Measurement
from cvbench.spec.catalogue import MetricCard, find_protocol


class Score(NamedTuple):
    """Measurements, with notes for their reader."""

    metric: MetricCard
    measurements: tuple[Measurement, ...]
    notes: tuple[str, ...]


def score_files(  # noqa: PLR0913, one per option of the command
    predictions: Path,
    truth: Path,
    protocol: str,
    *,
    classes: Sequence[str] | None = None,
    image_set: str | None = None,
    void: str | None = None,
    draws: int | None = None,
    seed: int = 0,
    max_dets: int | None = None,
) -> Score:
    """Score the predictions of another program; `protocol` is the name or alias of a metric.

    If `truth` is a folder, boxes are read from VOC files, otherwise from COCO JSON; every box protocol
    scores both. `draws` is the number of bootstrap resamples per interval: None for the default, 0 for no
    interval. `void` names the labels of label maps to ignore. `max_dets` is the number of detections
    per image and class that COCO's protocols count: at least 11, None for 100. Raises UnknownName for an
    unknown protocol and InputError, with all problems, for invalid files.
    """
    wanted = find_protocol(protocol)
    if max_dets is not None and not wanted.name.startswith("coco"):
        raise InputError(f"--max-dets: only COCO's protocols limit the detections; {wanted.name} counts all")
    if wanted.compares in ("classes", "pixels"):
        if draws is not None:
            raise InputError(f"--resamples: {protocol} has no such option; leave it out")
        return _of_images(wanted, predictions, truth, classes, image_set, void)
    if void is not None:
        raise InputError(f"--void: only miou ignores labels; leave the option out for {wanted.name}")
    files = read_detections(wanted, predictions, truth, classes=classes, image_set=image_set)
    measurements = score_detections(wanted, files, draws=draws, seed=seed, max_dets=max_dets)
    notes = _notes(files)
    if isinstance(files, CocoFiles) and wanted.name.startswith("coco"):
        from cvbench.metrics.files.coco_traps import matching_notes

        notes += matching_notes(files, measurements, max_dets)
    return Score(wanted, measurements, tuple(notes))


def score_detections(
    metric: MetricCard,
    files: CocoFiles | VocFiles,
    *,
    draws: int | None = None,
    seed: int = 0,
    max_dets: int | None = None,
) -> tuple[Measurement, ...]:
    """Score files of either layout with the code that also scores runs."""
    from cvbench.metrics.coco.evaluation import MAX_DETS, match_coco
    from cvbench.metrics.coco.metric import coco_measurements
    from cvbench.metrics.files.conversion import to_coco, to_voc
    from cvbench.metrics.voc.evaluation import RULES, match_voc
    from cvbench.metrics.voc.metric import RESAMPLES, voc_measurement

    if metric.protocol not in RULES:
        coco = files if isinstance(files, CocoFiles) else to_coco(files)
        limits = (*MAX_DETS[:-1], max_dets or MAX_DETS[-1])
        matches = match_coco(coco.truth, coco.detections, classes=len(coco.classes), max_dets=limits)
        return tuple(
            coco_measurements(
                matches,
                images=coco.images,
                classes=coco.classes,
                protocol=metric.protocol.replace(f"maxdet{MAX_DETS[-1]}", f"maxdet{limits[-1]}"),
                draws=draws,
                seed=seed,
            )
        )
    voc, rule = files if isinstance(files, VocFiles) else to_voc(files), RULES[metric.protocol]
    lines = match_voc(voc.truth, voc.detections, classes=len(voc.classes), strict=rule.strict)
    return (
        voc_measurement(
            lines,
            images=voc.images,
            classes=voc.classes,
            rule=rule,
            protocol=metric.protocol,
            draws=RESAMPLES if draws is None else draws,
            seed=seed,
        ),
    )


def read_detections(
    metric: MetricCard,
    predictions: Path,
    truth: Path,
    *,
    classes: Sequence[str] | None = None,
    image_set: str | None = None,
) -> CocoFiles | VocFiles:
    """Read boxes or masks: VOC files if `truth` is a folder, otherwise COCO JSON."""
    if not truth.exists():
        raise InputError(f"{truth}: no such file or folder")
    if not truth.is_dir():
        for option, value in (("--classes", classes), ("--image-set", image_set)):
            if value is not None:
                raise InputError(f"{option}: COCO files list their images and classes; leave the option out")
        return read_coco(predictions, truth, masks=metric.compares == "masks")
    if metric.compares == "masks":
        raise InputError(f"{truth}: VOC result files have no masks; {metric.name} needs COCO files")
    return read_voc(predictions, truth, image_set=image_set, classes=classes)


def _of_images(
    metric: MetricCard,
    predictions: Path,
    truth: Path,
    classes: Sequence[str] | None,
    image_set: str | None,
    void: str | None,
) -> Score:
    if metric.compares == "classes":
        from cvbench.metrics.files.classification import score_classes

        if image_set is not None:
            raise InputError(f"--image-set: {metric.name} scores all labeled images; leave the option out")
        if void is not None:
            raise InputError(f"--void: only miou ignores labels; leave the option out for {metric.name}")
        return Score(metric, *score_classes(predictions, truth, metric=metric.name, classes=classes))
    from cvbench.data.images.label_maps import void_labels
    from cvbench.metrics.files.segmentation import score_maps

    chosen = None if image_set is None else Path(image_set)
    scored = score_maps(predictions, truth, classes=classes, image_set=chosen, void=void_labels(void))
    return Score(metric, scored.measurements, scored.notes)


def _notes(files: CocoFiles | VocFiles) -> list[str]:
    notes = list(files.notes) if isinstance(files, CocoFiles) else []
    if not len(files.detections.score):
        notes.append("The predictions are empty: every AP and AR is 0.")
    if isinstance(files, VocFiles) and files.unread:
        notes.append(f"Classes without a detection file (AP 0): {', '.join(files.unread)}.")
    if isinstance(files, VocFiles) and files.absent:
        notes.append(f"Classes without objects in the image set (no AP): {', '.join(files.absent)}.")
    return notes
