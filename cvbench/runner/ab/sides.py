"""The two states that are compared: commits of a project in worktrees of their own, or two settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cvbench.errors import InputError
from cvbench.runner.environment.system_files import GIT
from cvbench.spec.catalogue.datasets import ROOT_VARIABLE, find_root
from cvbench.spec.catalogue.weights import HOME_VARIABLE
from cvbench.spec.cell import Cell, DataSpec
from cvbench.spec.folders import expanded
from cvbench.spec.suite import load_suite

_FOLDERS: Final = (ROOT_VARIABLE, HOME_VARIABLE)
"""Variables that name folders, which a worktree's worker would look for below itself."""


@dataclass(frozen=True)
class ABSide:
    """One of the two states that are timed side by side."""

    name: str
    """The commit or setting of the side."""
    cells: tuple[Cell, ...]
    python: str
    folder: Path | None
    """The folder in which its worker runs and from which it imports first; None for the working folder."""

    def environment(self) -> dict[str, str]:
        """The worker's variables: both sides' are of equal size."""
        if self.folder is None:
            return dict(os.environ)
        paths = [str(self.folder / "src"), str(self.folder)]
        given = os.environ.get("PYTHONPATH")
        folders = {
            name: str(expanded(os.environ[name]).absolute()) for name in _FOLDERS if os.environ.get(name)
        }
        return {
            **os.environ,
            **folders,
            "PYTHONPATH": os.pathsep.join([*paths, *([given] if given else [])]),
        }


@contextmanager
def open_sides(
    suite: Path,
    overrides: Sequence[str],
    *,
    base: str,
    head: str | None,
    setup: str | None = None,
    python: str | None = None,
) -> Iterator[tuple[ABSide, ABSide]]:
    """Both sides, built, while the block lasts.

    `base` and `head` are commits of the project in the working folder (the head is the working folder's
    own commit by default), or both settings `key=value` of the suite. Commits are checked out side by
    side, into folders whose names are equally long; `setup` is run in each, and `python` is the
    interpreter to use, relative to each. Both sides run the suite as it is in the working folder, on the data
    that its roots name from there: data are rarely in Git, and a worktree lacks them.

    Raises InputError where a commit is not known or its setup fails.
    """
    if "=" in base:
        if head is None or "=" not in head:
            raise InputError(f"--base {base} is a setting, so --head must be one too, such as {base}.")
        pair = [load_suite(suite, [*overrides, setting]).cells for setting in (base, head)]
        if len(pair[0]) != len(pair[1]):
            raise InputError(
                f"{base} gives {len(pair[0])} cells and {head} {len(pair[1])}: the numbers must agree."
            )
        yield ABSide(base, pair[0], sys.executable, None), ABSide(head, pair[1], sys.executable, None)
        return
    cells = tuple(map(_rooted, load_suite(suite, overrides).cells))
    commits = [_commit(base), _commit(head or "HEAD")]
    with TemporaryDirectory(prefix="cvbench-ab-") as folder:
        made = list[ABSide]()
        try:
            for letter, name, commit in zip("ab", (base, head or "HEAD"), commits, strict=True):
                tree = Path(folder) / letter
                _git("worktree", "add", "--detach", str(tree), commit)
                made.append(ABSide(f"{name} ({commit[:10]})", cells, _interpreter(tree, python), tree))
                if setup is not None:
                    _set_up(setup, tree, name)
            yield made[0], made[1]
        finally:
            for side in made:
                _git("worktree", "remove", "--force", str(side.folder))


def _rooted(cell: Cell) -> Cell:
    """The cell with its data roots absolute. A root says where, not what: the cell's key stays."""
    data, train = _located(cell.data), cell.train
    if train is not None and train.also is not None:
        train = train.model_copy(update={"also": _located(train.also)})
    return cell.model_copy(update={"data": data, "train": train})


def _located(data: DataSpec) -> DataSpec:
    root = find_root(data.name, data.root)
    return data if root is None else data.model_copy(update={"root": str(expanded(root).absolute())})


def _interpreter(tree: Path, python: str | None) -> str:
    return sys.executable if python is None else str(tree / python)


def _commit(name: str) -> str:
    return _git(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", about=name
    ).strip()


def _git(*arguments: str, about: str | None = None) -> str:
    done = subprocess.run([*GIT, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        told = done.stderr.strip() or "not a commit of this repository"
        raise InputError(
            f"{about or ' '.join(arguments)}: git cannot read it ({told}).\n"
            "  Fetch it first: in GitHub Actions, actions/checkout needs fetch-depth: 0."
        )
    return done.stdout


def _set_up(command: str, tree: Path, name: str) -> None:
    done = subprocess.run(command, shell=True, cwd=tree, capture_output=True, text=True, check=False)  # noqa: S602, the user's own command
    if done.returncode != 0:
        last = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise InputError(f"{name} does not build: `{command}` ended with {done.returncode}:\n  {last}")
