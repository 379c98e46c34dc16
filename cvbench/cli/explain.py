"""`cvbench explain`: what each kind of error costs, and why two protocols give different values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cvbench.cli.output import AsJson, print_json
from cvbench.cli.score import (
    ClassesOption,
    ImageSetOption,
    PredictionsArgument,
    TruthOption,
    complete_protocol,
)
from cvbench.errors import InputError
from cvbench.report.text_table import print_table
from cvbench.spec.catalogue import MetricCard, find_protocol

if TYPE_CHECKING:
    from cvbench.metrics.files.coco import CocoFiles
    from cvbench.metrics.files.voc import VocFiles


def explain(
    predictions: PredictionsArgument,
    truth: TruthOption,
    protocol: Annotated[
        str,
        typer.Option(
            help="Protocol to explain: coco-bbox or coco-segm; with --against any for boxes (voc2007 …).",
            autocompletion=complete_protocol,
            show_default=False,
        ),
    ],
    against: Annotated[
        str | None,
        typer.Option(help="The protocol for boxes to compare with.", autocompletion=complete_protocol),
    ] = None,
    classes: ClassesOption = None,
    image_set: ImageSetOption = None,
    as_json: AsJson = False,
) -> None:
    r"""Show what each kind of error costs, or why two protocols give different values.

    With --against, one rule after the other is changed and the value shown each time: the changes add
    up to the difference. Without it, errors are listed by kind, with the rise of AP50 without them.
    Both COCO and VOC files can be used with every protocol.

    \b
    cvbench explain results.json --truth instances.json --protocol coco-bbox --against voc2012
    cvbench explain results.json --truth instances.json --protocol coco-bbox
    """
    wanted = find_protocol(protocol)
    other = None if against is None else find_protocol(against)
    for asked in (wanted, other):
        explained = ("boxes",) if other else ("boxes", "masks")
        if asked is not None and asked.compares not in explained:
            raise InputError(
                f"{asked.name}: only protocols for {' and '.join(explained)} can be explained"
                + (" with --against" if other else "")
            )
    if other is None and not wanted.name.startswith("coco"):
        raise InputError(f"{wanted.name}: errors by kind need coco-bbox or coco-segm; or use --against")
    from cvbench.metrics.files.class_names import read_class_names
    from cvbench.metrics.files.score import read_detections

    names = None if classes is None else read_class_names(classes)
    files = read_detections(wanted, predictions, truth, classes=names, image_set=image_set)
    if other is None:
        _show_errors(wanted, files, as_json=as_json)
    else:
        _show_difference(wanted, other, files, as_json=as_json)


def _show_difference(
    start: MetricCard, end: MetricCard, files: CocoFiles | VocFiles, *, as_json: bool
) -> None:
    from cvbench.metrics.files.protocol_difference import explain_difference

    told = explain_difference(files, start.name, end.name)
    if as_json:
        print_json(
            {
                "protocol": start.name,
                "against": end.name,
                "value": told.start,
                "against_value": told.end,
                "difference": told.end - told.start,
                "steps": [
                    {
                        "rule": step.what,
                        "before": step.before,
                        "after": step.after,
                        "change": step.change,
                        "value": step.value,
                    }
                    for step in told.steps
                ],
            }
        )
        return
    first = {"rule": start.name, "before": "", "after": "", "change": "", "value": f"{told.start:.4f}"}
    rows = [
        {
            "rule": step.what,
            "before": step.before,
            "after": step.after,
            "change": f"{step.change:+.4f}",
            "value": f"{step.value:.4f}",
        }
        for step in told.steps
    ]
    last = {
        "rule": end.name,
        "before": "",
        "after": "",
        "change": f"{told.end - told.start:+.4f}",
        "value": f"{told.end:.4f}",
    }
    print_table([first, *rows, last])


def _show_errors(protocol: MetricCard, files: CocoFiles | VocFiles, *, as_json: bool) -> None:
    from cvbench.metrics.coco.error_analysis import explain_errors
    from cvbench.metrics.files.coco import CocoFiles
    from cvbench.metrics.files.conversion import to_coco

    coco = files if isinstance(files, CocoFiles) else to_coco(files)
    errors = explain_errors(coco.truth, coco.detections, classes=len(coco.classes))
    if errors is None:
        raise InputError("the ground truth has no objects, so there is no AP to explain")
    if as_json:
        kinds = {kind: {"cost": errors.costs[kind], "count": errors.counts[kind]} for kind in errors.costs}
        print_json({"protocol": protocol.name, "AP50": errors.ap50, "errors": kinds})
        return
    typer.echo(f"AP50 {errors.ap50:.4f}; cost: the rise of AP50 if only errors of this kind were corrected\n")
    print_table(
        [
            {"error": kind, "cost": f"{errors.costs[kind]:.4f}", "count": f"{errors.counts[kind]:,}"}
            for kind in errors.costs
        ]
    )
