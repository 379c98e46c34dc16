"""What cannot work is refused before any work, and a full disk loses nothing that was finished."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from cvbench.errors import InputError
from cvbench.runner import process
from cvbench.runner.process import refuse_namesake
from tests.runner.launching import cvbench, environment, start, toy


def test_an_out_folder_that_cannot_be_written_is_refused_before_any_work(suite, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = cvbench("run", suite(toy("linear")), "--out", tmp_path / "file", stubs=True)
    assert done.returncode == 2
    assert "cannot write results" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.full
def test_a_disk_that_fills_up_is_a_failed_run_with_what_was_finished_intact(suite, tmp_path):
    path = suite(toy("linear"))
    assert cvbench("run", path, "--out", tmp_path / "r", stubs=True).returncode == 0
    [kept] = (tmp_path / "r").glob("*/*/cells/*.json")
    before = kept.read_bytes()

    def small_disk():
        # the system refuses every file that grows beyond this, as a full disk would
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) - 500, len(before) - 500))

    again = "run", path, "seed=[0,1]", "--out", tmp_path / "r"
    run = start(*again, stubs=True, preexec_fn=small_disk)
    _, err = run.communicate(timeout=120)
    assert run.returncode != 0
    assert "Traceback" not in err
    assert kept.read_bytes() == before
    for file in (tmp_path / "r").glob("*/*/cells/*.json"):
        json.loads(file.read_bytes())


BROKEN = "data.options={broken: 3}"


@pytest.mark.full
def test_an_undecodable_sample_fails_its_cell_and_is_named(suite, tmp_path):
    done = cvbench("run", suite(toy("linear")), BROKEN, "--out", tmp_path / "r", "--json")
    [record] = json.loads(done.stdout)["records"]
    assert done.returncode == 3
    assert record["outcome"] == "failed"
    assert "shade-3.png: cannot be decoded" in record["reason"]


@pytest.mark.full
def test_an_undecodable_sample_is_skipped_and_counted_when_the_suite_says_so(suite, tmp_path):
    skip = "data.undecodable=skip"
    done = cvbench("run", suite(toy("linear")), BROKEN, skip, "--out", tmp_path / "r", "--json")
    [record] = json.loads(done.stdout)["records"]
    assert record["outcome"] == "ok", record["reason"]
    in_training, in_test = record["skipped_samples"]
    assert "shade-3.png: cannot be decoded" in in_training
    assert "shade-3.png: cannot be decoded" in in_test
    assert record["measurements"][0]["n"] == 15
    assert "2 samples skipped" in done.stderr


def namesake(folder, form):
    match form:
        case "module":
            (folder / "cvbench.py").touch()
        case "package":
            (folder / "cvbench").mkdir()
            (folder / "cvbench/__init__.py").touch()
        case "folder":
            (folder / "cvbench").mkdir()
    return folder


@pytest.mark.parametrize("form", ["module", "package"])
def test_another_cvbench_that_workers_would_import_is_refused_by_name(form, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(namesake(tmp_path, form)))
    with pytest.raises(InputError, match=r"cvbench.*\.py: workers would import this"):
        refuse_namesake()


@pytest.mark.parametrize("form", ["module", "package", "folder", "none"])
def test_one_in_the_working_folder_is_never_imported(form, tmp_path, monkeypatch):
    monkeypatch.chdir(namesake(tmp_path, form))
    monkeypatch.setenv("PYTHONPATH", str(Path(process.__file__).parents[2]))
    refuse_namesake()


def test_another_cvbench_is_refused_before_any_work(suite, tmp_path):
    here = namesake(tmp_path, "module")
    env = environment(stubs=True)
    command = [sys.executable, "-P", "-c", "import sys; from cvbench.cli.main import app; "]
    command[-1] += f"import os; os.environ['PYTHONPATH'] = {str(here)!r}; app()"
    command += ["run", suite(toy("linear")), "--out", tmp_path / "r"]
    run = subprocess.Popen(command, cwd=here, env=env, stderr=subprocess.PIPE, text=True)
    _, err = run.communicate(timeout=120)
    assert run.returncode == 2
    assert "cvbench.py: workers would import this" in err
    assert "Traceback" not in err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(("name", "out"), [("caf\udce9.yaml", "r"), ("s.yaml", "caf\udce9")])
def test_a_suite_or_a_folder_of_results_whose_name_is_no_utf_8_is_refused(suite, tmp_path, name, out):
    path = suite(toy("linear")).rename(tmp_path / name)
    done = cvbench("run", path, "--out", tmp_path / out, stubs=True)
    assert done.returncode == 2
    assert r"caf\udce9" in done.stderr
    assert "the name is not UTF-8" in done.stderr


def test_no_file_in_the_working_folder_stands_in_for_a_library_of_a_worker(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('the file of the working folder')\n")
    (tmp_path / "probe.py").write_text("import json\n\ndef main():\n    print(json.dumps([1]))\n")
    command = [sys.executable, *process.worker_code("probe")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("[1]\n", "", 0)
