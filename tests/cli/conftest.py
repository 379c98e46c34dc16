"""What the tests of commands share: a command given to `cvbench`, and what comes of it."""

import json
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from cvbench.cli.main import app

SUITE = """\
# Purpose: a suite for tests, of one
#          model in two forms.
# Cost: none.
schema: 1
data: fashion
train: {epochs: 2}
models:
  - resnet18
  - {name: resnet18, options: {width: 0.5}}
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed for programs and for people."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self):
        """The one JSON document on standard output."""
        return json.loads(self.stdout)


@pytest.fixture
def cvbench():
    """Give a command, and see its outcome."""

    def give(*arguments):
        done = CliRunner().invoke(app, list(map(str, arguments)))
        return Outcome(done.exit_code, done.stdout, done.stderr)

    return give


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with one suite, `suites/small.yaml`, in it."""
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/small.yaml").write_text(SUITE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path
