"""`cvbench score`: figures of predictions in files, by the rules of the usual challenges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvbench.cli.output import AsJson, print_json, print_table
from cvbench.spec.catalogue import METRICS, find_protocol

if TYPE_CHECKING:
    from cvbench.record import Measurement


def complete_protocol(typed: str) -> list[str]:
    """The protocols that begin so."""
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
        help="What is true: COCO instances (JSON), a VOCdevkit tree, labels (CSV, NPZ), or a folder of label "
        "maps.",
        show_default=False,
    ),
]
ClassesOption = Annotated[
    str | None,
    typer.Option(
        help="The number of classes, their names with commas between, or a file with one name per line. "
        "Not for COCO's files."
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
        help="Label maps: labels of the truth that do not count, such as 0 or 0,255, or none. [default: 255] "
        "Class k is the k-th label that is not void.",
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
    per_class: Annotated[bool, typer.Option("--per-class", help="Show the figures of each class.")] = False,
    resamples: Annotated[
        int | None,
        typer.Option(min=0, help="How many resamples an interval of an AP takes; 0 for no intervals."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where the draws of those begin.")] = 0,
    as_json: AsJson = False,
) -> None:
    r"""Score PREDICTIONS, made by any program, against TRUTH.

    Protocols for boxes read COCO's files and VOC's alike: VOC's where the truth is a folder. COCO
    figures are bit by bit those of pycocotools. Files that are not sound get no figure: everything
    that is wrong is listed, and the command ends with 2.

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
    )
    if as_json:
        print_json(
            {
                "protocol": told.metric.name,
                "rule": told.metric.protocol,
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
    if per_class:
        entry["classes"] = {
            part.name: {"value": part.value, "n": part.n}
            | ({} if part.missing is None else {"missing": part.missing})
            for part in figure.parts
        }
    return entry


def _row(figure: Measurement) -> dict[str, str]:
    low_high = figure.interval
    return {
        "figure": figure.name,
        "value": f"missing: {figure.missing}" if figure.value is None else f"{figure.value:.4f}",
        "95 % interval": "" if low_high is None else f"{low_high[0]:.4f} … {low_high[1]:.4f}",
        "n": f"{figure.n:,}",
    }


def _class_rows(figures: tuple[Measurement, ...]) -> list[dict[str, str]]:
    """A row for each class, with the number behind its first figure."""
    with_parts = [figure for figure in figures if figure.parts]
    rows = []
    for k, part in enumerate(with_parts[0].parts if with_parts else ()):
        row = {"class": part.name, "n": f"{part.n:,}"}
        for figure in with_parts:
            own = figure.parts[k].value
            row[figure.name] = "-" if own is None else f"{own:.4f}"
        rows.append(row)
    return rows
