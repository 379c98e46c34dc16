"""The user's folders: home, caches, and private places for what is compiled."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from cvbench.errors import InputError


def cache_folder() -> Path:
    """Where cvbench keeps what can be made again: `$CVBENCH_CACHE`, else `cvbench` in the user's caches.

    The folder need not be there yet.
    """
    own = os.environ.get("CVBENCH_CACHE")
    return expanded(own) if own else user_caches() / "cvbench"


def user_caches() -> Path:
    """`$XDG_CACHE_HOME`, else `~/.cache`, else a folder of the user's own among temporary files.

    The last is for users without a home folder, or with one that nobody can write: it is kept until the
    system removes it.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return expanded(given)
    return Path(_home()) / ".cache" if has_home() else _temporary()


def _home() -> str:
    return os.path.expanduser("~")  # noqa: PTH111 - pathlib's raises where nobody knows it


def has_home() -> bool:
    """Whether there is a home folder with caches, or one where they can be made."""
    home = Path(_home())
    return home.is_absolute() and ((home / ".cache").is_dir() or os.access(home, os.W_OK | os.X_OK))


def expanded(path: str | Path) -> Path:
    """A path with `~` replaced; raises InputError where nobody knows what it stands for."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"{path}: there is no home folder that ~ could stand for.\n  Set HOME, or write the whole path."
        ) from error


def private_folder(name: str) -> Path:
    """A folder that is this user's alone (mode 0700): in the cache folder, if that can be written."""
    for base in (cache_folder, _temporary):
        folder = base() / name
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_private(folder) and os.access(folder, os.W_OK | os.X_OK):
                return folder
    return Path(mkdtemp(prefix="cvbench-"))


def compile_caches() -> dict[str, str]:
    """Variables that keep compiled code where no other user can write: what is compiled is run.

    Those that the user has set stay as they are.
    """
    folders = {"TORCHINDUCTOR_CACHE_DIR": "inductor"}
    if not has_home():  # where these have their own place
        folders |= {"TRITON_CACHE_DIR": "triton", "NUMBA_CACHE_DIR": "numba", "MPLCONFIGDIR": "matplotlib"}
    return {name: str(private_folder(place)) for name, place in folders.items() if name not in os.environ}


def _temporary() -> Path:
    folder = Path(gettempdir()) / f"cvbench-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if _is_private(folder):
            return folder
    return Path(mkdtemp(prefix="cvbench-"))  # somebody else has made the first


def _is_private(folder: Path) -> bool:
    """Whether a folder is this user's; it is closed to all others then."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return False
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
    return True
