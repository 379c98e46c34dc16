"""Commits side by side in worktrees, or two settings; what cannot be built is named."""

import subprocess
import sys

import pytest

from cvbench.errors import CellError, InputError
from cvbench.runner.ab.sides import arms
from cvbench.runner.ab.worker_process import partner

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
    with arms(project / "suite.yaml", [], base="HEAD~1", head=None) as (a, b):
        assert (a.folder / "speed.py").read_text() == "STATE = 1\n"
        assert (b.folder / "speed.py").read_text() == "STATE = 2\n"
        assert len(str(a.folder)) == len(str(b.folder))
        assert {len("".join(arm.environment().values())) for arm in (a, b)} == {
            len("".join(a.environment().values()))
        }
        folders = a.folder, b.folder
    assert not any(folder.exists() for folder in folders)
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 1


def test_each_arm_imports_its_own_state(project):
    with arms(project / "suite.yaml", [], base="HEAD~1", head="HEAD") as pair:
        seen = [
            subprocess.run(
                [arm.python, "-c", "import speed; print(speed.STATE)"],
                env=arm.environment(),
                cwd=arm.folder,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for arm in pair
        ]
    assert seen == ["1", "2"]


def test_a_commit_that_there_is_not_is_named(project):
    with (
        pytest.raises(InputError, match=r"nowhere: git does not know it(.|\n)*fetch-depth: 0"),
        arms(project / "suite.yaml", [], base="nowhere", head=None),
    ):
        pass


def test_a_reference_that_does_not_build_is_named_with_its_last_words(project):
    with (
        pytest.raises(
            InputError, match=r"HEAD~1 does not build: `echo no compiler; exit 7` ended with 7:\n  no comp"
        ),
        arms(project / "suite.yaml", [], base="HEAD~1", head=None, setup="echo no compiler; exit 7"),
    ):
        pass
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 1


def test_two_settings_are_two_arms_in_one_environment(project):
    with arms(
        project / "suite.yaml", [], base="models.0.options.width=0.5", head="models.0.options.width=0.25"
    ) as (a, b):
        assert [arm.cells[0].model.options["width"] for arm in (a, b)] == [0.5, 0.25]
        assert a.folder is None


def test_a_setting_meets_no_commit(project):
    with (
        pytest.raises(InputError, match="--head has to be one too"),
        arms(project / "suite.yaml", [], base="seed=1", head="HEAD"),
    ):
        pass


def test_a_worker_that_dies_is_told_with_its_last_words(project):
    with arms(project / "suite.yaml", [], base="seed=1", head="seed=2") as (arm, _):
        broken = type(arm)(arm.name, arm.cells, sys.executable, project)
    (project / "cvbench").mkdir()
    (project / "cvbench" / "__init__.py").write_text("raise SystemExit('no cvbench here')\n")
    with partner(broken, threads={}, timeout_s=60) as dead, pytest.raises(CellError, match="no cvbench here"):
        dead.ask({"do": "free"})
