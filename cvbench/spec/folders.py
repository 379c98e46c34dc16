"""The user's folders: home, caches, and private folders for compiled code."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from cvbench.errors import InputError


def cache_folder() -> Path:
    """The cache folder: `$CVBENCH_CACHE`, else `cvbench` in the user's caches. It may not exist yet."""
    own = os.environ.get("CVBENCH_CACHE")
    return expanded(own) if own else user_caches() / "cvbench"


def user_caches() -> Path:
    """`$XDG_CACHE_HOME`, else `~/.cache`, else a private folder in the temporary folder.

    The last is for users without a writable home folder; it is kept until the system removes it.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return expanded(given)
    return Path(_home()) / ".cache" if has_home() else _temporary()


def _home() -> str:
    return os.path.expanduser("~")  # noqa: PTH111 - pathlib raises if it is unknown


def has_home() -> bool:
    """Whether there is a home folder that has, or can have, a cache folder."""
    home = Path(_home())
    return home.is_absolute() and ((home / ".cache").is_dir() or os.access(home, os.W_OK | os.X_OK))


def expanded(path: str | Path) -> Path:
    """A path with `~` expanded; raises InputError if the home folder is unknown."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"{path}: the home folder is unknown, so ~ cannot be expanded.\n"
            "  Set HOME, or write the full path."
        ) from error


def private_folder(name: str) -> Path:
    """A folder of this user with mode 0700: in the cache folder if it is writable, else a temporary one."""
    for base in (cache_folder, _temporary):
        folder = base() / name
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_private(folder) and os.access(folder, os.W_OK | os.X_OK):
                return folder
    return Path(mkdtemp(prefix="cvbench-"))


def compile_caches() -> dict[str, str]:
    """Environment variables that put compiled code into private folders, because it will be executed.

    Variables that the user has set are left out.
    """
    folders = {"TORCHINDUCTOR_CACHE_DIR": "inductor"}
    if not has_home():  # else their default folders are private
        folders |= {"TRITON_CACHE_DIR": "triton", "NUMBA_CACHE_DIR": "numba", "MPLCONFIGDIR": "matplotlib"}
    return {name: str(private_folder(place)) for name, place in folders.items() if name not in os.environ}


def _temporary() -> Path:
    folder = Path(gettempdir()) / f"cvbench-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if _is_private(folder):
            return folder
    return Path(mkdtemp(prefix="cvbench-"))  # another user owns the first


def _is_private(folder: Path) -> bool:
    """Whether a folder is this user's; if so, remove the access of others."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return False
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
    return True
