"""`cvbench data anchors`: anchor shapes for a detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvbench.cli.output import Options, Root, check_png, complete_with_boxes, parsed
from cvbench.errors import InputError
from cvbench.spec.cell import DataSpec

if TYPE_CHECKING:  # imports torch
    from torch import Tensor

    from cvbench.boxes import Priors
    from cvbench.interfaces import Dataset


def anchors(  # noqa: PLR0917 - Typer calls by name
    name: Annotated[str, typer.Argument(help="A dataset with boxes.", autocompletion=complete_with_boxes)],
    count: Annotated[int, typer.Option("-k", min=1, help="Number of anchors.")] = 9,
    size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Anchor sizes for a letterboxed input of this side; by default in pixels of the images.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Draw boxes and anchors into this PNG file.", show_default=False),
    ] = None,
    split: Annotated[str, typer.Option(help="The split whose boxes are clustered.")] = "train",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use only N evenly spaced images.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the clustering.")] = 0,
    root: Root = None,
    option: Options = None,
) -> None:
    """Cluster the box shapes of a dataset by k-means with distance 1 - IoU.

    Prints width and height of each cluster, smallest first, in the form of the YOLO models' option
    `anchors`, and the mean IoU of boxes with their nearest anchor.
    """
    check_png(output)
    spec = DataSpec(name=name, root=root, split=split, limit=limit, options=parsed(option or ()))
    from cvbench.boxes import kmeans_priors
    from cvbench.data.datasets import open_dataset

    shapes = _shapes(open_dataset(spec, task="detection"), size)
    if len(shapes) < count:
        raise InputError(
            f"{name}: {split} has {len(shapes)} boxes with an area, too few for {count} anchors."
        )
    found = kmeans_priors(shapes, count, seed=seed)
    pairs = ", ".join(f"[{w:.1f}, {h:.1f}]" for w, h in found.shapes.tolist())
    typer.echo(f"{'anchors':10} [{pairs}]")
    typer.echo(f"{'mean IoU':10} {found.mean_best_iou:.4f} of {len(shapes):,} boxes with the nearest anchor")
    if output is not None:
        _draw(shapes, found, output)
        typer.echo(f"{'picture':10} {output}")


def _shapes(dataset: Dataset, size: int | None) -> Tensor:
    """Width and height of every box with an area, crowds left out."""
    import torch
    from rich.console import Console
    from rich.progress import track

    from cvbench.values import Detections

    found = []
    steps = track(range(len(dataset)), "reading boxes", console=Console(stderr=True), transient=True)
    for sample in (dataset[index] for index in steps):
        assert isinstance(sample.truth, Detections)
        boxes = sample.truth.boxes
        if sample.truth.crowd is not None:
            boxes = boxes[~sample.truth.crowd]
        scale = 1.0 if size is None else size / max(sample.image.shape[1:])
        found.append((boxes[:, 2:] - boxes[:, :2]) * scale)
    shapes = torch.cat(found) if found else torch.zeros(0, 2)
    return shapes[(shapes > 0).all(dim=1)]


def _draw(shapes: Tensor, found: Priors, output: Path) -> None:
    from cvbench.boxes import iou_of_shapes
    from cvbench.report.drawing import draw_shapes, save_png

    nearest = iou_of_shapes(shapes, found.shapes).argmax(dim=1)
    save_png(draw_shapes(shapes, found.shapes, nearest), output)
