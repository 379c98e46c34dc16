"""`cvbench compare`: compare two runs metric by metric, or rank several."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from cvbench.cli.output import (
    RESULTS,
    AsJson,
    Force,
    OutFolder,
    SeedRows,
    Seeds,
    json_text,
    print_json,
)
from cvbench.errors import InputError
from cvbench.report.text_table import print_table, print_text

if TYPE_CHECKING:  # torch and pandas come with some of them
    from cvbench.compare.accuracy import Sides
    from cvbench.compare.changed_images import Flip
    from cvbench.compare.comparison import Comparison
    from cvbench.record import Record
    from cvbench.report.page.flipped import Opened, Thumbnail
    from cvbench.store import Run, Store
    from cvbench.values import Sample


def compare(  # noqa: PLR0917, options are given by name on the command line
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN_A [RUN_B]…", help="Runs by folder or name, the base first."),
    ],
    only: Annotated[
        str | None,
        typer.Option(help="Cells by model, title or key, or metrics by name: resnet*, top1."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write to this file: .html, .md, .csv or .json.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every metric, not only the primary ones.")
    ] = False,
    flips: Annotated[
        int,
        typer.Option(min=0, help="List N images per cell whose result changed; show them in FILE.html."),
    ] = 0,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Draw these images with their ground truth into this folder."),
    ] = None,
    models: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Compare model B with model A of one run, by model, title or key."),
    ] = None,
    seeds: Seeds = SeedRows.TOGETHER,
    out: OutFolder = RESULTS,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Compare RUN_B with RUN_A, metric by metric: better, worse, same, or inconclusive.

    With --models A B, compare two models of one run. Accuracy is compared image by image, speed across
    processes; every verdict has its interval and minimum detectable effect. Three or more runs are ranked.
    """
    import atexit
    import gc

    from cvbench.store import Store

    gc.disable()  # every record is needed to the end: a search for garbage among thousands finds none
    atexit.register(gc.freeze)  # nor does it as Python ends
    store = Store(out)
    found = [store.find(name) for name in runs]
    if len(found) > 2 and models is None:
        _rank(found, output, force=force, as_json=as_json)
        return
    compared = _compared(found, models, only, _noise(out))
    show = _Show(everything=everything, separate=seeds is SeedRows.SEPARATE)
    if output is not None:
        opened = _opened(compared.sides, flips) if flips and output.suffix == ".html" else {}
        _write(compared.comparison, output, (store, runs), opened, show, force=force)
    if as_json:
        from cvbench.compare.formatting import document

        print_json(document(compared.comparison))
    elif output is None:
        _print(compared.comparison, show)
    if flips or pictures:
        _show_flips(compared.sides, flips or 16, pictures, quiet=as_json)


class _Show(NamedTuple):
    """What the tables of a comparison show."""

    everything: bool
    separate: bool


class _Compared(NamedTuple):
    """A comparison with its pairs of cells."""

    comparison: Comparison
    sides: list[Sides]


def _compared(
    runs: list[Run], models: tuple[str, str] | None, only: str | None, noise: Callable[[Record], float]
) -> _Compared:
    from cvbench.compare.comparison import cells_in_common, compare_models, models_in_common
    from cvbench.compare.comparison import compare as compare_runs

    if models is not None:
        if len(runs) != 1:
            raise InputError("--models compares two models of one run: name one run only.")
        compared = compare_models(runs[0], *models, only=only, between_jobs=noise)
        return _Compared(compared, models_in_common(runs[0], *models))
    if len(runs) < 2:
        raise InputError(
            f"only one run is given, {runs[0].folder}: name two to compare, or more to rank.\n"
            "  Two models of one run: cvbench compare RUN --models A B"
        )
    compared = compare_runs(runs[0], runs[1], only=only, between_jobs=noise)
    return _Compared(compared, cells_in_common(runs[0], runs[1], only))


def _noise(out: Path) -> Callable[[Record], float]:
    """The noise between jobs on a record's machine; 0 where none was calibrated."""
    if not (out / "noise").is_dir():
        return lambda _: 0.0
    from cvbench.compare.gate.noise import known_noise

    return lambda record: known_noise(record.environment.hard, out)


def _write(
    comparison: Comparison,
    path: Path,
    source: tuple[Store, list[str]],
    opened: Opened,
    show: _Show,
    *,
    force: bool,
) -> None:
    from cvbench.compare import formatting

    if path.suffix == ".html":
        _put(path, _page(comparison, *source, opened, show), force=force)
    elif path.suffix == ".csv":
        _put(path, formatting.csv(comparison), force=force)
    else:
        page = partial(formatting.markdown, comparison, **show._asdict())
        content = partial(formatting.document, comparison)
        _put(path, _text(path, page, content, ".html, .md, .csv or .json"), force=force)


def _page(comparison: Comparison, store: Store, runs: list[str], opened: Opened, show: _Show) -> str:
    """The report page of both runs, with these differences and images."""
    import pandas as pd

    from cvbench.compare.formatting import rows
    from cvbench.report.frame import read_sources
    from cvbench.report.page import html_page

    differences = pd.DataFrame(rows(comparison, **show._asdict()))
    page = html_page(
        read_sources(store, runs),
        differences=differences,
        opened=opened,
        separate_seeds=show.separate,
    )
    return page.decode()


def _opened(pairs: list[Sides], count: int) -> Opened:
    """The `count` images of each cell that lost most."""
    from cvbench.compare.changed_images import flipped

    opened = {}
    for sides in pairs:
        found = flipped(sides)
        if found is not None and found.flips:
            opened[sides[0][1].key] = open_flips(sides[0][1], found.worst[:count])
    return opened


def _put(path: Path, text: str, *, force: bool) -> None:
    from cvbench.files import write_new

    write_new(path, text.encode(), force=force)


def _text(path: Path, page: Callable[[], str], content: Callable[[], dict[str, Any]], forms: str) -> str:
    match path.suffix:
        case ".md":
            return page()
        case ".json":
            return json_text(content()) + "\n"
        case other:
            raise InputError(f"{path}: unknown file type {other or '(none)'}. Use {forms}.")


def _rank(runs: list[Run], output: Path | None, *, force: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from cvbench.compare.formatting import SCHEMA
    from cvbench.compare.markdown import escaped, table_of
    from cvbench.compare.ranking import rank, table

    rankings = rank(runs)
    content = {"schema": SCHEMA, "kind": "ranking", "rankings": [asdict(one) for one in rankings]}
    if output is not None:
        page = "\n".join(f"## {escaped(one.data)}\n\n{table_of(table(one))}" for one in rankings)
        _put(output, _text(output, lambda: page, lambda: content, ".md or .json"), force=force)
    if as_json:
        print_json(content)
    elif output is None:
        for one in rankings:
            typer.secho(f"\n{one.data}", bold=True)
            print_table(table(one))
        typer.echo("\nRank: 1 + the number of cells that are significantly better.")


def _print(comparison: Comparison, show: _Show) -> None:
    from cvbench.compare import formatting

    keep = ("cell", "metric", "verdict", "change", "99 % interval", "before", "now")
    print_table(formatting.rows(comparison, **show._asdict()), keep=keep)
    classes = formatting.changed_classes(comparison)
    if classes:
        typer.echo("\nclasses that changed significantly (information, not part of the verdict)")
        print_table(classes)
    typer.echo("")
    for line in formatting.remarks(comparison):
        print_text(line)
    typer.secho(formatting.summary(comparison), bold=True)


def _show_flips(pairs: list[Sides], count: int, pictures: Path | None, *, quiet: bool) -> None:
    from cvbench.compare.changed_images import flipped

    for sides in pairs:
        record, found = sides[0][1], flipped(sides)
        changed = found.flips if found else []
        typer.echo(f"\n{record.cell.title}: {found or 'the run has no per-image results'}", err=quiet)
        if not quiet:
            print_table(
                [
                    {"image": f.id, "change": f"{f.change:+.3g}", "before": f.before, "now": f.now}
                    for f in changed[:count]
                ]
            )
        if pictures is not None and changed:
            for path in draw_flips(record, changed[:count], pictures):
                typer.echo(f"  {path}", err=quiet)


def draw_flips(record: Record, flips: Sequence[Flip], folder: Path) -> Iterator[Path]:
    """Write one PNG per image, named by rank, id, and the predictions before and now."""
    from cvbench.report.drawing import draw

    wanted = {flip.id: (place, flip) for place, flip in enumerate(flips, 1)}
    folder.mkdir(parents=True, exist_ok=True)
    for sample, classes in _samples(record, wanted):
        place, flip = wanted[sample.id]
        told = f"{place:03d}-{flip.id}-{flip.before}-to-{flip.now}"
        path = folder / f"{record.key}-{re.sub(r'[^A-Za-z0-9-]+', '_', told)[:100]}.png"
        draw(sample.image, sample.truth, classes).save(path)
        yield path


def open_flips(record: Record, flips: Sequence[Flip]) -> dict[str, Thumbnail]:
    """Id → thumbnail for a page."""
    from cvbench.report.page.flipped import Thumbnail
    from cvbench.runner.worst_images import small_picture

    return {
        sample.id: Thumbnail(sample.image.shape[2], sample.image.shape[1], small_picture(sample.image))
        for sample, _ in _samples(record, {flip.id for flip in flips})
    }


def _samples(record: Record, ids: Collection[str]) -> Iterator[tuple[Sample, Sequence[str]]]:
    """The images with these ids, and the names of all classes."""
    from cvbench.data.datasets import open_dataset
    from cvbench.spec.catalogue.models import task_of

    whole = record.cell.data.model_copy(update={"limit": None})
    data = open_dataset(whole, task=task_of(record.cell.model))
    left = set(ids)
    for number in range(len(data)):
        if not left:
            return
        sample = data[number]
        if sample.id in left:
            left.remove(sample.id)
            yield sample, data.classes
