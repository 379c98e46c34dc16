"""`cvbench score`: metrics of stored predictions, by the rules of COCO, VOC and ImageNet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvbench.cli.output import AsJson, print_json
from cvbench.report.text_table import print_table
from cvbench.spec.catalogue import METRICS, find_protocol

if TYPE_CHECKING:
    from cvbench.record import Measurement


def complete_protocol(typed: str) -> list[str]:
    """The protocols that begin with `typed`."""
    return [name for name in METRICS.spellings if name.startswith(typed)]


PredictionsArgument = Annotated[
    Path,
    typer.Argument(
        help="COCO results (JSON), a folder or pattern of VOC's comp4_det_SET_CLASS.txt, scores (CSV, NPZ), "
        "or a folder of label maps (PNG).",
        show_default=False,
    ),
]
TruthOption = Annotated[
    Path,
    typer.Option(
        help="Ground truth: COCO instances (JSON), a VOCdevkit tree, labels (CSV, NPZ), or a folder of label "
        "maps.",
        show_default=False,
    ),
]
ClassesOption = Annotated[
    str | None,
    typer.Option(
        help="The number of classes, their names with commas between, or a file with one name per line. "
        "Not for COCO files."
    ),
]
ImageSetOption = Annotated[
    str | None,
    typer.Option(help="VOC: a list in ImageSets/Main. Label maps: a file of image names."),
]

VoidOption = Annotated[
    str | None,
    typer.Option(
        "--void",
        "--ignore",
        help="Label maps: ground-truth labels to ignore, such as 0 or 0,255, or none. [default: 255] "
        "Class k is the k-th label that is not ignored.",
    ),
]
MaxDetsOption = Annotated[
    int | None,
    typer.Option(
        min=11,
        help="COCO's protocols: how many detections of an image and class count. [default: 100] "
        "Another number is another protocol, and named so.",
        show_default=False,
    ),
]


def score(  # noqa: PLR0917, options are given by name on the command line
    predictions: PredictionsArgument,
    truth: TruthOption,
    protocol: Annotated[
        str, typer.Option(help=", ".join(METRICS), autocompletion=complete_protocol, show_default=False)
    ],
    classes: ClassesOption = None,
    image_set: ImageSetOption = None,
    void: VoidOption = None,
    max_dets: MaxDetsOption = None,
    per_class: Annotated[bool, typer.Option("--per-class", help="Show the metrics of each class.")] = False,
    resamples: Annotated[
        int | None,
        typer.Option(min=0, help="Bootstrap resamples per AP interval; 0 for no intervals."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    r"""Score PREDICTIONS of any program against the ground truth TRUTH.

    Protocols for boxes read COCO and VOC files: VOC if TRUTH is a folder. COCO metrics equal pycocotools'
    bit by bit. Faulty files are not scored: all faults are listed, and the exit code is 2.

    \b
    cvbench score results.json --truth instances_val2017.json --protocol coco-bbox --per-class
    cvbench score results/Main --truth VOCdevkit/VOC2007 --protocol voc2007 --image-set test
    cvbench score scores.csv --truth labels.csv --protocol topk --json
    cvbench score maps --truth SegmentationClass --protocol miou --classes 21
    """
    find_protocol(protocol)
    from cvbench.metrics.files.class_names import read_class_names
    from cvbench.metrics.files.score import score_files

    names = None if classes is None else read_class_names(classes)
    told = score_files(
        predictions,
        truth,
        protocol,
        classes=names,
        image_set=image_set,
        void=void,
        draws=resamples,
        seed=seed,
        max_dets=max_dets,
    )
    if as_json:
        print_json(
            {
                "protocol": told.metric.name,
                "rule": told.measurements[0].protocol,
                "metrics": {m.name: _entry(m, per_class=per_class) for m in told.measurements},
                "notes": told.notes,
            }
        )
        return
    typer.secho(f"{told.metric.name}: {told.metric.summary}\n", bold=True)
    print_table([_row(m) for m in told.measurements])
    if per_class:
        typer.echo()
        print_table(_class_rows(told.measurements))
    for note in told.notes:
        typer.echo(f"\n{note}")


def _entry(figure: Measurement, *, per_class: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"value": figure.value, "interval": figure.interval, "n": figure.n}
    if figure.missing is not None:
        entry["missing"] = figure.missing
    if figure.effective_n is not None:
        entry["effective_n"] = figure.effective_n
    if figure.interval_missing is not None:
        entry["interval_missing"] = figure.interval_missing
    if per_class:
        entry["classes"] = {
            part.name: {"value": part.value, "n": part.n}
            | ({} if part.missing is None else {"missing": part.missing})
            for part in figure.parts
        }
    return entry


def _row(figure: Measurement) -> dict[str, str]:
    low_high = figure.interval
    ends = f"{low_high[0]:.4f} … {low_high[1]:.4f}" if low_high else figure.interval_missing or ""
    return {
        "metric": figure.name,
        "value": f"missing: {figure.missing}" if figure.value is None else f"{figure.value:.4f}",
        "95 % interval": ends,
        "n": f"{figure.n:,}",
    }


def _class_rows(figures: tuple[Measurement, ...]) -> list[dict[str, str]]:
    """One row per class, with the number of objects or images of its first metric."""
    with_parts = [figure for figure in figures if figure.parts]
    rows = []
    for k, part in enumerate(with_parts[0].parts if with_parts else ()):
        row = {"class": part.name, "n": f"{part.n:,}"}
        for figure in with_parts:
            own = figure.parts[k].value
            row[figure.name] = "-" if own is None else f"{own:.4f}"
        rows.append(row)
    return rows
