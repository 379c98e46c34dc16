import errno
import os
import stat
from pathlib import Path

import pytest

from cvbench.compare.gate.baselines import read_baseline
from cvbench.data.annotations.json import read_bytes
from cvbench.data.annotations.voc import read_text
from cvbench.data.datasets.fashion import read_idx
from cvbench.errors import CvbenchError, InputError
from cvbench.files import NotAFile, open_regular, read_regular, sweep, write_whole
from cvbench.metrics.files.arrays import load_arrays
from cvbench.models.weights.darknet import load_darknet
from cvbench.models.yolo.yolo9000.hierarchy import read_tree
from cvbench.runner.messages import read_round_result
from cvbench.spec.folders import cache_folder, compile_caches, expanded, private_folder
from cvbench.spec.suite import load_suite
from cvbench.store import read_record


@pytest.fixture
def pipe(tmp_path):
    """A pipe that nobody writes to: opening it as a file is opened waits for ever."""
    os.mkfifo(tmp_path / "pipe.json")
    return tmp_path / "pipe.json"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["pipe.json", "link.json", "/dev/zero"])
def test_pipes_devices_and_links_to_them_are_not_read(tmp_path, pipe, name):
    (tmp_path / "link.json").symlink_to(pipe)
    with pytest.raises(NotAFile, match="not a regular file but a pipe or a device"):
        read_regular(tmp_path / name)


def test_a_file_and_a_link_to_it_are_read_and_a_folder_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read_regular(tmp_path / "b") == b"content"
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "read",
    [
        load_suite,
        read_record,
        read_round_result,
        read_baseline,
        read_bytes,
        read_text,
        lambda path: read_idx(path, dimensions=1),
        load_arrays,
        read_tree,
        lambda path: load_darknet(None, path),
    ],
)
def test_every_reader_refuses_a_pipe_by_its_name(monkeypatch, pipe, read):
    monkeypatch.setattr("cvbench.models.weights.darknet.module_of", lambda _: None)
    monkeypatch.setattr("cvbench.models.weights.darknet.layers", lambda _: [])
    with pytest.raises(
        CvbenchError, match=r"(?s)pipe\.(json|npz): .*not a regular file but a pipe or a device"
    ):
        read(pipe)


def test_a_write_that_fails_names_its_file_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("os.fsync", "cvbench.files.mkstemp", "pathlib.Path.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(name, full)
            with pytest.raises(OSError, match="No space left") as caught:
                write_whole(tmp_path / "file.json", b"content")
        assert caught.value.filename == str(tmp_path / "file.json")
        assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_is_swept_away_and_nothing_else(tmp_path):
    kept = [".hidden", "a.json", ".a.json.bak", ".lock"]
    for name in [*kept, ".a.json.x7_k2abq", ".run.json.abcdefgh"]:
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    sweep(tmp_path / "absent")


@pytest.fixture
def homeless(monkeypatch, tmp_path):
    """A user whom the system does not know: neither HOME nor an entry in the list of users."""
    for name in ("HOME", "XDG_CACHE_HOME", "CVBENCH_CACHE", "TORCHINDUCTOR_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    monkeypatch.setattr("cvbench.spec.folders.gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_without_a_home_caches_are_in_a_private_temporary_folder(homeless):
    assert cache_folder() == homeless / f"cvbench-{os.getuid()}" / "cvbench"
    assert stat.S_IMODE(cache_folder().parent.stat().st_mode) == 0o700
    assert set(compile_caches()) == {
        "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "NUMBA_CACHE_DIR", "MPLCONFIGDIR",
    }  # fmt: skip
    with pytest.raises(InputError, match=r"~/weights: the home folder is unknown, so ~ cannot be expanded"):
        expanded("~/weights")


def test_a_home_that_cannot_be_written_counts_as_none(monkeypatch, homeless):
    monkeypatch.setattr("os.path.expanduser", lambda path: path.replace("~", "/proc/self"))
    assert cache_folder().is_relative_to(homeless)


def test_a_folder_that_somebody_else_made_is_not_used(homeless):
    (homeless / "elsewhere").mkdir()
    (homeless / f"cvbench-{os.getuid()}").symlink_to(homeless / "elsewhere")
    assert "elsewhere" not in str(cache_folder().resolve())


def test_compiled_code_is_kept_where_no_other_user_can_write(monkeypatch, tmp_path):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("CVBENCH_CACHE", str(tmp_path / "cache"))
    kept = Path(compile_caches()["TORCHINDUCTOR_CACHE_DIR"])
    assert kept == tmp_path / "cache" / "inductor"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    kept.chmod(0o777)
    assert private_folder("inductor") == kept
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/somewhere")
    assert "TORCHINDUCTOR_CACHE_DIR" not in compile_caches()


def test_a_name_with_a_null_character_is_refused_like_any_file_that_is_not_there():
    with pytest.raises(NotAFile, match="null character"):
        open_regular(Path("a\0b"))
