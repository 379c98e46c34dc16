"""`cvbench data verify`: check that a copy of a dataset is complete and sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvbench.cli.output import (
    AsJson,
    DatasetName,
    Options,
    Root,
    Split,
    Task,
    dataset_task,
    parsed,
    print_json,
    usual_split,
)
from cvbench.errors import InputError
from cvbench.spec.catalogue.datasets import DATASETS, ROOT_VARIABLE, find_root
from cvbench.spec.cell import DataSpec

if TYPE_CHECKING:  # torch comes with it
    from cvbench.data.datasets.faults import Fault
    from cvbench.data.datasets.verify import Verification

_EXTREMES = 3


def verify(
    name: DatasetName,
    split: Split = None,
    task: Annotated[
        Task | None,
        typer.Option(help="The task whose ground truth is checked (default: the first).", show_default=False),
    ] = None,
    root: Root = None,
    option: Options = None,
    as_json: AsJson = False,
) -> None:
    """Read every image and annotation of a dataset and list what is wrong, with the usual causes.

    Exit code 1 if a fault changes metrics.
    """
    spec = DataSpec(name=name, root=root, split=usual_split(name, split), options=parsed(option or ()))
    wanted = dataset_task(name, task)
    if name in DATASETS and DATASETS[name].needs_root and find_root(name, root) is None:
        raise InputError(
            f"{name}: this dataset is not bundled.\n"
            f"  Name its folder with --root, or put it at ${ROOT_VARIABLE}/{name}."
        )
    from rich.console import Console
    from rich.progress import Progress

    from cvbench.data.datasets.open import root_folder
    from cvbench.data.datasets.verify import verify as look_through

    if root is not None:
        root_folder(name, root)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(f"{name}, {spec.split}", total=None)
        found = look_through(
            spec,
            task=wanted,
            on_step=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    if as_json:
        print_json(_document(spec, found))
    else:
        for line in _lines(spec, found):
            typer.echo(line)
    if not found.sound:
        raise typer.Exit(1)


def _document(spec: DataSpec, found: Verification) -> dict[str, Any]:
    passport = found.passport.model_dump(mode="json") if found.passport else None
    return {
        "name": spec.name,
        "split": spec.split,
        "root": find_root(spec.name, spec.root),
        "sound": found.sound,
        "passport": passport,
        "content_sha256": found.content_sha256,
        "decoded": found.decoded,
        "bytes": found.bytes,
        "labels": dict(found.labels),
        "marks": dict(found.marks),
        "sizes": [list(size) for size in found.sizes],
        "faults": [asdict(one) for one in found.faults],
    }


def _lines(spec: DataSpec, found: Verification) -> Iterator[str]:
    if found.passport is not None:
        passport = found.passport
        yield f"dataset    {passport.name}, {passport.split}"
        yield f"images     {passport.images:,}, of which {found.decoded:,} were decoded"
        if passport.objects is not None:
            marks = "".join(f", {count:,} {name}" for name, count in found.marks.items())
            yield f"objects    {passport.objects:,}{marks}"
        if found.sizes:
            least, greatest = (f"{width} x {height}" for height, width in found.sizes)
            yield f"sizes      {least} to {greatest} pixels"
        yield f"classes    {passport.classes}: {_distribution(found.labels)}"
        yield f"manifest   {passport.sha256}"
        yield f"content    {found.content_sha256}"
    for one in found.faults:
        yield from _told(one)
    grave = sum(one.grave for one in found.faults)
    where = f"{spec.name}, {spec.split}"
    yield f"{where}: sound" if found.sound else f"{where}: {grave} thing{'s' * (grave > 1)} wrong"


def _told(fault: Fault) -> Iterator[str]:
    number = f"{fault.count:,} " if fault.counted else ""
    yield f"{'WRONG' if fault.grave else 'note'}: {number}{fault.what}"
    yield from (f"  {line}" for place in fault.places for line in place.splitlines())
    if fault.count > len(fault.places) > 0:
        yield f"  … and {fault.count - len(fault.places):,} more"
    if fault.cause:
        yield f"  Usually: {fault.cause}"


def _distribution(labels: Mapping[str, int]) -> str:
    """The rarest and the most frequent classes; all if there are few."""
    ordered = sorted(labels.items(), key=lambda item: item[1])
    told = [f"{name} {count:,}" for name, count in ordered]
    if len(told) <= 2 * _EXTREMES:
        return ", ".join(told)
    return ", ".join([*told[:_EXTREMES], "…", *told[-_EXTREMES:]])
