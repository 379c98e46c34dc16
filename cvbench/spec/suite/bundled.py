"""Suites by name: first the local folder `suites/`, then the suites bundled with cvbench."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

LOCAL = Path("suites")
"""The folder of a project's suites, relative to the working folder."""
_SUFFIX = ".yaml"


def bundled_folder() -> Path:
    """The folder of the bundled suites: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parents[2]
    installed = package / "suites"
    return installed if installed.is_dir() else package.parent / "suites"


def find_suite(name: Path | str) -> Path:
    """The file of the suite called `name`: a path, or a bare name such as `quickstart`.

    The order is: an existing path, `suites/NAME.yaml`, a bundled suite. If there is none, returns `name` as a
    path, so that reading it reports the missing file.
    """
    path = Path(name)
    if path.suffix or len(path.parts) != 1 or path.is_file():
        return path
    places = (folder / f"{path.name}{_SUFFIX}" for folder in (LOCAL, bundled_folder()))
    return next((place for place in places if place.is_file()), path)


def suites() -> Iterator[tuple[str, Path, bool]]:
    """Name, file and whether it is bundled, local suites first; they hide bundled suites of the same name."""
    local = sorted(LOCAL.glob(f"*{_SUFFIX}"))
    yield from ((path.stem, path, False) for path in local)
    taken = {path.stem for path in local}
    bundled = sorted(bundled_folder().glob(f"*{_SUFFIX}"))
    yield from ((path.stem, path, True) for path in bundled if path.stem not in taken)
