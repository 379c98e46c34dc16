"""Exports go into folders that are theirs, under names that are safe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.data.export.folder import Names, filling, plain, write_whole
from cvbench.errors import DataError


def test_a_new_and_an_empty_folder_are_filled(tmp_path):
    for folder in (tmp_path / "a" / "b", tmp_path / "a" / "b"):
        with filling(folder, force=False):
            assert folder.is_dir()


def test_a_folder_that_holds_something_is_refused_unless_forced(tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("mine")

    with pytest.raises(DataError, match="not empty; choose another folder, or overwrite it with --force"):
        filling(tmp_path, force=False).__enter__()
    with filling(tmp_path, force=True):
        pass

    assert kept.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match=r"file/folder: cannot be written \(Not a directory\)"):
        filling(tmp_path / "file" / "folder", force=False).__enter__()


def test_a_full_disk_is_said_as_it_is(tmp_path):
    with (
        pytest.raises(DataError, match=r"x\.png: cannot be written \(No space left on device\)"),
        filling(tmp_path, force=False),
    ):
        raise OSError(28, "No space left on device", "x.png")


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path):
    for content in ("one", "another"):
        write_whole(tmp_path / "below" / "file", content)
        assert (tmp_path / "below" / "file").read_text() == content

    assert [path.name for path in (tmp_path / "below").iterdir()] == ["file"]


@given(st.text())
def test_a_plain_name_leads_nowhere_else(name):
    assert "/" not in plain(name)
    assert not plain(name).startswith(".")
    assert plain(name)
    assert plain(plain(name)) == plain(name)


def test_a_sample_loses_its_splits_prefix_only():
    assert Names().of("train/a/7", within="train") == "a_7"
    assert Names().of("train/a/7", within="test") == "train_a_7"


def test_two_samples_of_one_name_are_refused():
    names = Names()
    names.of("a b")

    assert names.of("a b") == "a_b"
    with pytest.raises(DataError, match="the samples a b and a:b would both be written as a_b"):
        names.of("a:b")
