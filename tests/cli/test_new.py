"""`cvbench new`: skeletons whose own tests pass, and which a suite takes."""

import importlib.util
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cvbench.cli.main import app
from cvbench.spec.suite import load_suite

TASKS = ("classification", "detection", "segmentation")
KINDS = ("model", "dataset", "metric")


def written(folder, kind, task, name="my_thing"):
    given = ["new", kind, name, "--task", task, "--folder", str(folder)]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.stderr
    assert not done.stderr
    return done.stdout


def run(*command, folder):
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_python_with_the_users_names(tmp_path, kind, task):
    said = written(tmp_path, kind, task)
    for file in (tmp_path / "my_thing.py", tmp_path / "test_my_thing.py"):
        text = file.read_text()
        compile(text, str(file), "exec")
        assert "$" not in text
        assert max(map(len, text.splitlines())) <= 120
    assert "pytest test_my_thing.py" in said
    assert "cvbench init my_thing:" in said


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", ["dataset", "metric"])
def test_the_own_tests_of_a_dataset_and_a_metric_pass(tmp_path, monkeypatch, kind, task):
    """In this process, as nothing else has to be imported for it."""
    name = f"own_{kind}_{task}"
    written(tmp_path, kind, task, name)
    monkeypatch.syspath_prepend(tmp_path)
    spec = importlib.util.spec_from_file_location(f"test_{name}", tmp_path / f"test_{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [one for key, one in vars(module).items() if key.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        splits = [("train",), ("test",)] if "each_time" in test.__name__ else [()]
        for arguments in splits:
            test(*arguments)


@pytest.mark.full
def test_all_skeletons_pass_their_tests_in_a_folder_of_the_user(tmp_path):
    for kind in KINDS:
        for task in TASKS:
            written(tmp_path, kind, task, f"own_{kind}_{task}")
    assert "27 passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("task", TASKS)
def test_a_suite_runs_with_all_three(tmp_path, task):
    for kind in KINDS:
        written(tmp_path, kind, task, f"own_{kind}")
    parts = ["own_dataset:own_dataset", "own_model:OwnModel", "own_metric:OwnMetric"]
    run("-m", "cvbench", "init", *parts, "--task", task, folder=tmp_path)
    (cell,) = load_suite(tmp_path / "suites/mine.yaml").cells
    assert [cell.data.name, cell.model.name, *cell.metrics] == parts
    shorter = [
        "train.epochs=1",
        "train.limit=8",
        "data.limit=8",
        "time=null",
        "models.0.preprocessing.size=64",
        "runtime.device=cpu",
    ]
    run("-m", "cvbench", "run", "suites/mine.yaml", *shorter, folder=tmp_path)
    (record,) = tmp_path.glob("results/mine/*/cells/*.json")
    measured = {one["name"]: one["value"] for one in json.loads(record.read_text())["measurements"]}
    assert measured["own_metric"] is not None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my-net", "my-net: not a Python module's name"),
        ("class", "class: not a Python module's name"),
        ("torch", "Python already has a module of this name"),
        ("Thing", "Write it in lower case: thing"),
    ],
)
def test_a_name_that_cannot_be_a_module_is_refused(cvbench, tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    done = cvbench("new", "model", name)
    assert done.code == 2
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_files_are_overwritten_with_force_only(cvbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_my_net.py").write_text("mine")
    done = cvbench("new", "model", "my_net")
    assert (done.code, (tmp_path / "test_my_net.py").read_text()) == (2, "mine")
    assert "test_my_net.py: exists already" in done.stderr
    assert cvbench("new", "model", "my_net", "--force").code == 0
