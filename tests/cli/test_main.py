import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

import cvbench
from cvbench.cli.main import COMMANDS, app
from cvbench.errors import StoreError


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "cvbench", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_users_mistake_ends_with_exit_code_2_and_no_traceback(tmp_path):
    done = run("run", str(tmp_path / "absent.yaml"))
    assert done.returncode == 2
    assert "absent.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_explains_itself():
    for command in ("run", "plan", "list", "show", "env", "schema", "data"):
        done = CliRunner().invoke(app, [command, "--help"])
        assert done.exit_code == 0, command
        assert "Usage" in done.stdout


def test_ab_is_another_name_of_duet_and_listed_with_it_once():
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    assert [line.split()[1] for line in listed.splitlines() if "Also: ab." in line] == ["duet"]
    assert not [line for line in listed.splitlines() if line.split()[1:2] == ["ab"]]
    ab, duet = (CliRunner().invoke(app, [name, "--help"]) for name in ("ab", "duet"))
    assert ab.exit_code == 0
    assert ab.stdout.split() == duet.stdout.replace(" duet ", " ab ", 1).split()


def test_help_tells_the_exit_codes():
    assert "3 a cell failed" in " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())


def test_the_python_words_are_those_of_the_command_line():
    for word in cvbench.__all__:
        assert callable(getattr(cvbench, word))


def test_an_unknown_word_is_an_attribute_error():
    assert not hasattr(cvbench, "no_such_word")


def test_completion_can_be_installed():
    done = run("--show-completion", "bash")
    assert done.returncode in (0, 1, 2)
    assert "Traceback" not in done.stderr


@pytest.fixture
def ending(monkeypatch):
    """Run a command that does nothing but end with an exception."""

    def run(error, *before):
        def end():
            raise error

        monkeypatch.setitem(COMMANDS, "end", "end:end")
        monkeypatch.setitem(sys.modules, "cvbench.cli.end", SimpleNamespace(end=end))
        return CliRunner().invoke(app, [*before, "end"])

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError("boxes"), 70),
        (RuntimeError("x" * 10_000), 70),
        (RecursionError("too deep"), 70),
        (EOFError("ended"), 70),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.json"), 70),
        (OSError(errno.ENOSPC, "No space left on device", "a.json"), 2),
        (OSError(errno.EROFS, "Read-only file system", "a.json"), 2),
        (MemoryError(), 2),
        (StoreError("damaged"), 2),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 0),
        (KeyboardInterrupt(), 130),
        (typer.Exit(4), 4),
        (typer.BadParameter("no such split"), 2),
    ],
    ids=repr,
)
def test_no_exception_ends_as_a_regression(ending, error, code):
    done = ending(error)
    assert done.exit_code == code
    assert "Traceback" not in done.stderr
    assert ("This is a bug in cvbench: " in done.stderr) == (code == 70)
    assert len(done.stderr) < 1000


def test_a_refusal_of_the_disk_names_the_file(ending):
    done = ending(OSError(errno.ENOSPC, "No space left on device", "a.json"))
    assert done.stderr.startswith("a.json: cannot be read or written (No space left on device).")


def test_a_bug_is_one_line_that_says_what_to_report_and_shows_its_traceback_if_asked(ending, monkeypatch):
    [line] = ending(KeyError("boxes")).stderr.splitlines()
    assert line.startswith("This is a bug in cvbench: KeyError: 'boxes' (test_main.py:")
    assert "Please report it with the output of `cvbench env`" in line
    assert "Traceback" in ending(KeyError("boxes"), "--debug").stderr
    monkeypatch.setenv("CVBENCH_DEBUG", "1")
    assert "Traceback" in ending(KeyError("boxes")).stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("arguments", [("--help",), ("list", "models"), ("list", "models", "--json")])
def test_characters_that_a_terminal_lacks_are_replaced(encoding, arguments):
    done = subprocess.run(
        [sys.executable, "-m", "cvbench", *arguments],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    done.stdout.decode(encoding)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_standard_output_is_no_bug():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cvbench", "list", "models", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert b"standard output or a file: cannot be read or written (No space left on device)" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
