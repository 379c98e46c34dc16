"""The command line starts fast: what only looks things up imports nothing heavy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compare.runs import make_run
from tests.compare.test_resampling import made_of, scored

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "torchvision", "numba", "pandas", "pycocotools"}
LIGHT = [
    ["--help"],
    ["run", "--help"],
    ["list", "models"],
    ["list", "suites"],
    ["list", "runs"],
    ["show", "resnet18"],
    ["schema", "suite"],
    ["plan", "suites/quickstart.yaml"],
]


def modules_of(code):
    """All modules that a fresh interpreter has imported after running `code`."""
    tell = f"{code}\nimport json, sys; sys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", tell], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def imported_by(code):
    """The heavy packages among them."""
    return HEAVY & modules_of(code)


def test_light_commands_import_nothing_heavy():
    given = "".join(f"app({arguments!r}, standalone_mode=False)\n" for arguments in LIGHT)
    assert imported_by(f"from cvbench.cli.main import app\n{given}") == set()


def test_a_comparison_of_runs_imports_no_torch_and_no_pandas(tmp_path):
    """Detections are matched by compiled loops, so numba comes along; nothing else does."""
    for name, spoil in (("a", 0.0), ("b", 0.2)):
        make_run(tmp_path / "s" / name, made_of(scored("coco", spoil=spoil), "coco"))
    given = ["compare", str(tmp_path / "s/a"), str(tmp_path / "s/b"), "--json", "--out", str(tmp_path)]
    code = f"from cvbench.cli.main import app\napp({given!r}, standalone_mode=False)"
    assert imported_by(code) <= {"numba"}


def test_reports_are_written_without_torch():
    code = "from cvbench.report.page import html_page; from cvbench.report.export import FORMATS"
    assert imported_by(code) == {"pandas"}


@pytest.mark.full
def test_a_duets_worker_imports_torch_and_nothing_else_heavy():
    """Every round of a duet starts two of it."""
    assert imported_by("import cvbench.runner.ab.benchmark") == {"torch"}


@pytest.mark.full
def test_what_is_heavy_is_caught():
    assert "torch" in imported_by("import cvbench.interfaces")
    assert "pandas" in imported_by("import cvbench.report.frame")


def test_the_process_that_runs_a_suite_leaves_torch_to_its_workers():
    assert imported_by("import cvbench.runner.session, cvbench.cli.run") == set()


def test_the_package_and_its_catalogues_import_nothing_heavy():
    assert imported_by("import cvbench, cvbench.spec.suite, cvbench.spec.catalogue, cvbench.record") == set()
