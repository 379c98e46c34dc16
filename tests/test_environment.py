"""Which commit a file is of."""

import subprocess

import pytest

from cvbench.runner.environment import commit_of


def git(folder, *arguments):
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@pytest.fixture
def kept(tmp_path):
    """A file in a repository with one commit."""
    file = tmp_path / "suite.yaml"
    file.write_text("schema: 1\n", encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "suite.yaml")
    git(tmp_path, "commit", "-q", "-m", "one")
    return file


def test_a_file_that_git_keeps_is_of_the_commit_that_is_checked_out(kept):
    assert commit_of(kept) == git(kept.parent, "rev-parse", "HEAD")


def test_changes_that_are_not_committed_are_told(kept):
    kept.write_text("schema: 2\n", encoding="utf-8")
    assert commit_of(kept) == git(kept.parent, "rev-parse", "HEAD") + " with changes"


def test_a_file_that_git_does_not_keep_is_of_no_commit(kept, tmp_path_factory):
    beside = kept.parent / "other.yaml"
    beside.write_text("", encoding="utf-8")
    assert commit_of(beside) is None
    assert commit_of(tmp_path_factory.mktemp("nowhere") / "suite.yaml") is None
    assert commit_of(kept.parent / "no/such/folder/suite.yaml") is None


@pytest.mark.parametrize("setting", ["fsmonitor", "hook"])
def test_git_starts_no_program_that_a_repository_names(kept, setting):
    began = kept.parent / "began"
    program = kept.parent / ".git/hooks/post-index-change"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\ntouch {began}\n", encoding="utf-8")
    program.chmod(0o755)
    if setting == "fsmonitor":
        program = program.rename(kept.parent / ".git/watch")
        git(kept.parent, "config", "core.fsmonitor", str(program))
    kept.touch()  # the index has to be refreshed
    assert commit_of(kept)
    assert not began.exists()
    git(kept.parent, "status")  # and without our settings it is started
    assert began.exists()
