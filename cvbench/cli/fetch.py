"""`cvbench data fetch`: download a dataset from its publisher, if its terms allow that."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cvbench.cli.output import Root, download_shown
from cvbench.data.archives import ARCHIVES, Archive
from cvbench.errors import InputError, UnknownName, suggestion
from cvbench.spec.catalogue import DATASETS
from cvbench.spec.catalogue.datasets import ROOT_VARIABLE
from cvbench.spec.folders import expanded


def _complete(typed: str) -> list[str]:
    return [name for name in ARCHIVES if name.startswith(typed)]


def fetch(
    name: Annotated[str, typer.Argument(help="A dataset that can be downloaded.", autocompletion=_complete)],
    part: Annotated[
        list[str] | None,
        typer.Option(help="A file to download; may be repeated (default: the files of the scored split)."),
    ] = None,
    root: Root = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Download a dataset from its publisher: lists files and addresses, asks, checks hashes, unpacks.

    An interrupted download resumes where it stopped. No other command downloads datasets.
    """
    chosen = _parts(name, part or ())
    folder = _folder(name, root)
    missing = [archive for archive in chosen if not _mark(folder, archive).is_file()]
    for archive in chosen:
        state = "to be fetched from" if archive in missing else "already here, from"
        typer.echo(f"{archive.part}: {state} {archive.url}", err=True)
    if not missing:
        return
    typer.echo(f"to {folder}; license: {DATASETS.find(name).licence}", err=True)
    if not yes and not typer.confirm("Fetch?", err=True):
        raise InputError("nothing was fetched")
    for archive in missing:
        _fetch(archive, folder)
        typer.echo(f"{archive.part}: fetched")


def _parts(name: str, asked: Sequence[str]) -> list[Archive]:
    card = DATASETS.find(name)
    if name not in ARCHIVES:
        why = "is bundled" if not card.needs_root else f"is not fetched: {card.licence}"
        raise InputError(f"{name} {why}.\n  Source: {card.source}. See `cvbench show {name}`.")
    known = {archive.part: archive for archive in ARCHIVES[name]}
    unknown = next((part for part in asked if part not in known), None)
    if unknown is not None:
        remedy = suggestion(unknown, known) or f"There are {', '.join(known)}."
        raise UnknownName(f'{name} has no part "{unknown}".\n  {remedy}')
    return [known[part] for part in asked] or [archive for archive in known.values() if archive.usual]


def _folder(name: str, root: str | None) -> Path:
    home = os.environ.get(ROOT_VARIABLE)
    if root is None and not home:
        raise InputError(f"no folder given for {name}: use --root, or set ${ROOT_VARIABLE}")
    return expanded(root) if root else expanded(home or "") / name


def _mark(folder: Path, archive: Archive) -> Path:
    """The file that marks an archive as completely fetched and unpacked."""
    return folder / ".fetched" / archive.part


def _fetch(archive: Archive, folder: Path) -> None:
    from cvbench.data.download import unpack

    file = folder / archive.url.rpartition("/")[2]
    if not _is_whole(file, archive.md5):
        download_shown(archive.part, archive.url, file, sha256=None)
    if not _is_whole(file, archive.md5):
        file.unlink()
        raise InputError(
            f"{archive.url}: the file does not have the MD5 {archive.md5} and was deleted. Try again."
        )
    if archive.packed is not None:
        unpack(file, folder, packed=archive.packed)
        file.unlink()
    _mark(folder, archive).parent.mkdir(exist_ok=True)
    _mark(folder, archive).write_text(f"{archive.md5}  {archive.url}\n", encoding="utf-8")


def _is_whole(file: Path, md5: str) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5
