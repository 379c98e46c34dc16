"""The command line starts fast: what only looks things up imports nothing heavy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "torchvision", "numba", "pandas", "pycocotools"}
GIVE = "from cvbench.cli.main import app; app({arguments!r}, standalone_mode=False)"


def imported_by(code):
    """The heavy packages that a fresh interpreter has imported after running `code`."""
    tell = f"{code}\nimport json, sys; sys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", tell], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return HEAVY & set(json.loads(done.stderr))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["list", "models"],
        ["list", "suites"],
        ["show", "resnet18"],
        ["schema", "suite"],
        ["plan", "suites/quickstart.yaml"],
    ],
    ids=" ".join,
)
def test_a_light_command_imports_nothing_heavy(arguments):
    assert imported_by(GIVE.format(arguments=arguments)) == set()


def test_what_is_heavy_is_caught():
    assert "torch" in imported_by("import cvbench.protocols")
    assert "pandas" in imported_by("import cvbench.report.frame")


def test_importing_the_package_alone_imports_nothing_heavy():
    assert imported_by("import cvbench, cvbench.suite, cvbench.catalogue, cvbench.record") == set()
