"""`cvbench init`: a commented suite for the files that a user has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvbench.cli.output import Force, Task
from cvbench.errors import InputError, cut

if TYPE_CHECKING:  # torch comes with the datasets
    from cvbench.cli.dataset_forms import Recognized


def init(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]…",
            help="A dataset's folder or file, an ONNX file, or your own code as package.module:callable; a "
            "dataset and a model together are one suite. By default the working folder.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The suite to write.")] = Path(
        "suites/mine.yaml"
    ),
    kind: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="KIND", help="What PATH is, where it fits several kinds.", show_default=False
        ),
    ] = None,
    task: Annotated[
        Task | None,
        typer.Option(
            help="The task of your own code; by default the dataset's, or classification.", show_default=False
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Write a commented suite for a dataset, a model or your own code.

    Reads class folders (cat/1.jpg, train/cat/1.jpg), COCO JSON, VOC trees, images with label maps (images/,
    masks/), ONNX files and import paths. A suite is written only if it loads and its data can be opened.
    """
    from cvbench.cli.starter_suite import suite_text

    if output.exists() and not force:
        raise InputError(
            f"{output}: exists already.\n  Write another file with -o FILE, or overwrite it with --force."
        )
    found = [_chosen(path, kind, several=len(paths or ()) > 1) for path in paths or ["."]]
    for path, reading in zip(paths or ["."], found, strict=True):
        typer.echo(cut(f"{path}: {reading.title}: {reading.why}", 400))
    text = suite_text(found, output, task=None if task is None else task.value)
    notes = _checked(text, output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{output}: a file name in it is not UTF-8 text.\n  Rename that file or folder."
        ) from error
    for note in notes:
        typer.echo(f"note: {note}")
    typer.echo(f"Wrote {output}. Read it, then:\n  cvbench plan {output}\n  cvbench run {output}")


def _chosen(path: str, kind: str | None, *, several: bool) -> Recognized:
    """The reading that `--as` names, or the only one; raises InputError where several fit."""
    from cvbench.cli.recognition import readings

    found = readings(path)
    named = [one for one in found if one.kind == kind]
    if named:
        return named[0]
    if kind is not None and not (several and len(found) == 1):
        fits = "\n".join(f"  --as {one.kind}: {one.title}: {one.why}" for one in found)
        raise InputError(f"{path}: not {kind}. It can be read as\n{fits}")
    if len(found) > 1:
        fits = "\n".join(f"  --as {one.kind}: {one.title}: {one.why}" for one in found)
        raise InputError(f"{path}: fits {len(found)} kinds. Choose one:\n{fits}")
    return found[0]


def _checked(text: str, output: Path) -> list[str]:
    """Load the suite, and open its data as `plan` does; returns its notes.

    Raises SuiteError or InputError with what is wrong, before anything is written.
    """
    from cvbench.data.datasets import inspect_cells
    from cvbench.spec.catalogue import DATASETS
    from cvbench.spec.suite.loading import parse_suite

    suite = parse_suite(text, path=str(output))
    known = [cell for cell in suite.cells if cell.data.name in DATASETS and cell.data.root]
    inspected = inspect_cells([cell for cell in known if Path(cell.data.root or "").is_dir()])
    problems = dict.fromkeys(one.problem for one in inspected.values() if one.problem)
    if problems:
        raise InputError("\n".join(problems) + f"\nNo suite is written to {output} until this is solved.")
    notes = [note for one in inspected.values() for note in one.notes]
    if len(inspected) < len(known):  # an ONNX file alone: a suite has to say on which images it is scored
        notes.append(
            "no dataset was named: set data.root to the folder of your images, or name it with the model"
        )
    return list(dict.fromkeys(notes))
