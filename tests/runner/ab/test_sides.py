"""Commits side by side in worktrees, or two settings; what cannot be built is named."""

import subprocess
import sys

import pytest

from cvbench.errors import CellError, InputError
from cvbench.runner.ab.interleave import benchmarks
from cvbench.runner.ab.messages import Free, Freed
from cvbench.runner.ab.sides import open_sides
from cvbench.runner.ab.worker_process import side_worker

SUITE = "schema: 1\ndata: fashion\ntrain: {epochs: 1}\nmodels: [resnet18]\n"


def git(*arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with two commits whose `speed.py` differs, and a suite."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    for number in (1, 2):
        (tmp_path / "speed.py").write_text(f"STATE = {number}\n")
        (tmp_path / "suite.yaml").write_text(SUITE)
        git("add", ".")
        git("commit", "-qm", str(number))
    return tmp_path


def test_two_commits_lie_side_by_side_at_paths_of_one_length(project):
    with open_sides(project / "suite.yaml", [], base="HEAD~1", head=None) as (a, b):
        assert (a.folder / "speed.py").read_text() == "STATE = 1\n"
        assert (b.folder / "speed.py").read_text() == "STATE = 2\n"
        assert len(str(a.folder)) == len(str(b.folder))
        assert {len("".join(side.environment().values())) for side in (a, b)} == {
            len("".join(a.environment().values()))
        }
        folders = a.folder, b.folder
    assert not any(folder.exists() for folder in folders)
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 1


def test_data_and_weights_outside_git_are_found_from_a_worktree(project, monkeypatch):
    (project / "photos").mkdir()
    (project / "sets" / "voc").mkdir(parents=True)
    monkeypatch.setenv("CVBENCH_DATA", "sets")
    given = ["models=[{name: resnet18, weights: own.pth}]", "time={latency: {}}"]
    for data, found in (("{name: folder, root: photos}", "photos"), ("voc", "sets/voc")):
        task = ["models=[yolo_v3_tiny]"] if data == "voc" else given
        with open_sides(project / "suite.yaml", [*task, f"data={data}"], base="HEAD~1", head=None) as (a, b):
            assert a.folder != b.folder
            assert [side.cells[0].data.root for side in (a, b)] == [str(project / found)] * 2
            assert a.environment()["CVBENCH_DATA"] == str(project / "sets")
            wanted = benchmarks(a.cells, b.cells)
    with open_sides(
        project / "suite.yaml", [*given, "data={name: folder, root: photos}"], base="HEAD", head=None
    ) as (a, b):
        wanted = benchmarks(a.cells, b.cells)
    assert {place for one in wanted for place in one.base_weights.places} == {project / "own.pth"}


def test_each_side_imports_its_own_state(project):
    with open_sides(project / "suite.yaml", [], base="HEAD~1", head="HEAD") as pair:
        seen = [
            subprocess.run(
                [side.python, "-c", "import speed; print(speed.STATE)"],
                env=side.environment(),
                cwd=side.folder,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for side in pair
        ]
    assert seen == ["1", "2"]


def test_a_commit_that_there_is_not_is_named(project):
    with (
        pytest.raises(InputError, match=r"nowhere: git cannot read it(.|\n)*fetch-depth: 0"),
        open_sides(project / "suite.yaml", [], base="nowhere", head=None),
    ):
        pass


def test_a_reference_that_does_not_build_is_named_with_its_last_words(project):
    with (
        pytest.raises(
            InputError, match=r"HEAD~1 does not build: `echo no compiler; exit 7` ended with 7:\n  no comp"
        ),
        open_sides(project / "suite.yaml", [], base="HEAD~1", head=None, setup="echo no compiler; exit 7"),
    ):
        pass
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 1


def test_two_settings_are_two_sides_in_one_environment(project):
    with open_sides(
        project / "suite.yaml", [], base="models.0.options.width=0.5", head="models.0.options.width=0.25"
    ) as (a, b):
        assert [side.cells[0].model.options["width"] for side in (a, b)] == [0.5, 0.25]
        assert a.folder is None


def test_a_setting_meets_no_commit(project):
    with (
        pytest.raises(InputError, match="so --head must be one too"),
        open_sides(project / "suite.yaml", [], base="seed=1", head="HEAD"),
    ):
        pass


def test_a_worker_that_dies_is_told_with_its_last_words(project):
    with open_sides(project / "suite.yaml", [], base="seed=1", head="seed=2") as (side, _):
        broken = type(side)(side.name, side.cells, sys.executable, project)
    (project / "cvbench").mkdir()
    (project / "cvbench" / "__init__.py").write_text("raise SystemExit('no cvbench here')\n")
    with (
        side_worker(broken, threads={}, timeout_s=60) as dead,
        pytest.raises(CellError, match="no cvbench here"),
    ):
        dead.ask(Free(), Freed)
