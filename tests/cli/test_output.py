"""Tables: plain lines in a file, drawn in a terminal."""

import os
import pty
import subprocess
import sys

import pytest

from cvbench.cli.output import parsed, usual_split
from cvbench.errors import InputError

ROWS = [{"name": "a [b]", "note": "", "n": "1"}, {"name": "longer", "note": "", "n": "22"}]
CODE = f"from cvbench.report.text_table import print_table; print_table({ROWS!r})"


def in_a_terminal(code):
    """What a fresh interpreter prints where a person watches."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    subprocess.run([sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # how Linux says that a terminal has ended
        pass
    finally:
        os.close(ours)
    return shown.decode()


def test_into_a_file_go_aligned_lines_without_empty_columns():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == "name    n\na [b]   1\nlonger  22\n"


def test_in_a_terminal_a_table_is_drawn_and_brackets_stay():
    shown = in_a_terminal(CODE)
    assert "a [b]" in shown
    assert "\x1b[" in shown
    assert "note" not in shown


def test_no_rows_are_no_table():
    done = subprocess.run(
        [sys.executable, "-c", "from cvbench.report.text_table import print_table; print_table([])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == ""


def test_options_are_read_as_a_suite_reads_them():
    given = ["blur=8e-1", "sizes=[1, 2]", "mode=on", "deep=true"]
    assert parsed(given) == {"blur": 0.8, "sizes": (1, 2), "mode": "on", "deep": True}
    with pytest.raises(InputError, match="is not a plain value"):
        parsed(["a=&x 1"])


@pytest.mark.parametrize(
    ("name", "asked", "split"),
    [
        ("folder", "valid", "val"),
        ("folder", "validation", "val"),
        ("folder", "train", "train"),
        ("folder", None, "test"),
        ("coco", None, "val"),
        ("of.a:user", "valid", "valid"),  # whose splits nobody knows here
    ],
)
def test_valid_and_validation_stand_for_val(name, asked, split):
    assert usual_split(name, asked) == split
