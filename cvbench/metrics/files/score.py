"""Predictions and truth in files, and the name of a protocol, to figures."""

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
    """The figures, and what a reader has to know about them."""

    metric: MetricCard
    measurements: tuple[Measurement, ...]
    notes: tuple[str, ...]


def score_files(
    predictions: Path,
    truth: Path,
    protocol: str,
    *,
    classes: Sequence[str] | None = None,
    image_set: str | None = None,
    void: str | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> Score:
    """The figures of predictions that somebody else made; `protocol` names a metric or an alias of one.

    Boxes come from COCO's JSON files, or from VOC's where the truth is a folder; every protocol for
    boxes scores both. `draws` is how many resamples an interval takes, where it comes from resampling:
    None for the usual number, 0 for no interval. `void` names the labels of
    label maps that do not count. Raises UnknownName for a protocol that there is not,
    and InputError, with everything that is wrong, for files that are not sound.
    """
    wanted = find_protocol(protocol)
    if wanted.compares in ("classes", "pixels"):
        if draws is not None:
            raise InputError(f"--resamples: {protocol} takes no number of resamples")
        return _of_images(wanted, predictions, truth, classes, image_set, void)
    if void is not None:
        raise InputError(f"--void: only label maps have labels that do not count; {wanted.name} takes none")
    files = read_detections(wanted, predictions, truth, classes=classes, image_set=image_set)
    measurements = score_detections(wanted, files, draws=draws, seed=seed)
    notes = _notes(files)
    if isinstance(files, CocoFiles) and wanted.name.startswith("coco"):
        from cvbench.metrics.files.coco_traps import matching_notes

        notes += matching_notes(files, measurements)
    return Score(wanted, measurements, tuple(notes))


def score_detections(
    metric: MetricCard, files: CocoFiles | VocFiles, *, draws: int | None = None, seed: int = 0
) -> tuple[Measurement, ...]:
    """The figures of files in either layout, by the code that scores the runs."""
    from cvbench.metrics.coco.evaluation import match_coco
    from cvbench.metrics.coco.metric import coco_measurements
    from cvbench.metrics.files.conversion import to_coco, to_voc
    from cvbench.metrics.voc.evaluation import RULES, match_voc
    from cvbench.metrics.voc.metric import RESAMPLES, voc_measurement

    if metric.protocol not in RULES:
        coco = files if isinstance(files, CocoFiles) else to_coco(files)
        matches = match_coco(coco.truth, coco.detections, classes=len(coco.classes))
        return tuple(
            coco_measurements(
                matches,
                images=coco.images,
                classes=coco.classes,
                protocol=metric.protocol,
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
    """Boxes or masks of files in either layout: VOC's where the truth is a folder, else COCO's."""
    if not truth.exists():
        raise InputError(f"{truth}: there is no such file or folder")
    if not truth.is_dir():
        for option, value in (("--classes", classes), ("--image-set", image_set)):
            if value is not None:
                raise InputError(f"{option}: COCO's files name their images and classes themselves")
        return read_coco(predictions, truth, masks=metric.compares == "masks")
    if metric.compares == "masks":
        raise InputError(f"{truth}: VOC's result files hold no masks; {metric.name} needs COCO's files")
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
            raise InputError(f"--image-set: {metric.name} scores all images of the labels")
        if void is not None:
            raise InputError(
                f"--void: only label maps have labels that do not count; {metric.name} takes none"
            )
        return Score(metric, *score_classes(predictions, truth, metric=metric.name, classes=classes))
    from cvbench.data.images.label_maps import void_labels
    from cvbench.metrics.files.segmentation import score_maps

    chosen = None if image_set is None else Path(image_set)
    scored = score_maps(predictions, truth, classes=classes, image_set=chosen, void=void_labels(void))
    return Score(metric, scored.measurements, scored.notes)


def _notes(files: CocoFiles | VocFiles) -> list[str]:
    notes = list(files.notes) if isinstance(files, CocoFiles) else []
    if not len(files.detections.score):
        notes.append("The predictions are empty: nothing is found, and every figure with objects is 0.")
    if isinstance(files, VocFiles) and files.unread:
        notes.append(f"No file of detections, so AP 0: {', '.join(files.unread)}.")
    if isinstance(files, VocFiles) and files.absent:
        notes.append(f"No object in the set, so no AP: {', '.join(files.absent)}.")
    return notes
