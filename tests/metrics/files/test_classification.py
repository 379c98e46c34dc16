"""Scores are joined with labels, and shares of right answers counted."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.errors import InputError
from cvbench.metrics.files.arrays import load_arrays
from cvbench.metrics.files.classification import score_classes

SCORES = "id,cat,dog\na,0.9,0.1\nb,0.3,0.7\nc,0.5,0.5\n"
LABELS = "id,label\nc,cat\na,cat\nb,cat\n"


def files(tmp_path, scores, labels):
    for name, content in (("scores.csv", scores), ("labels.csv", labels)):
        (tmp_path / name).write_text(content)
    return tmp_path / "scores.csv", tmp_path / "labels.csv"


def test_rows_are_joined_by_their_ids_and_ties_count_against(tmp_path):
    top1, top5 = score_classes(*files(tmp_path, SCORES, LABELS)).measurements
    assert (top1.value, top1.n) == (1 / 3, 3)
    assert top1.interval[0] < 1 / 3 < top1.interval[1]
    assert [(part.name, part.n) for part in top1.parts] == [("cat", 3), ("dog", 0)]
    assert top5.missing == "with 2 classes every prediction is correct"


def test_without_ids_the_order_joins_and_labels_are_numbers(tmp_path):
    top1, _ = score_classes(*files(tmp_path, "0.9,0.1\n0.3,0.7\n", "0\n0\n")).measurements
    assert (top1.value, top1.n) == (0.5, 2)


def test_arrays_of_numpy_are_read(tmp_path):
    scores = np.random.default_rng(0).normal(size=(40, 9))
    labels = scores.argsort(1)[:, -2]  # the second best: never the first, always among five
    np.savez(tmp_path / "s.npz", scores=scores)
    np.savez(tmp_path / "l.npz", labels=labels)
    told = score_classes(tmp_path / "s.npz", tmp_path / "l.npz", classes=tuple("abcdefghi"))
    top1, top5 = told.measurements
    assert (top1.value, top5.value) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        (
            SCORES.replace("0.9", "nan"),
            LABELS,
            "scores.csv: score is not finite\n  image 0, class 0: nan",
        ),
        (
            SCORES.replace("0.9", "inf"),
            LABELS,
            "scores.csv: score is not finite\n  image 0, class 0: inf",
        ),
        (SCORES.replace("0.9", "high"), LABELS, "scores.csv: score is not a number\n  row 0: 'high'"),
        (SCORES.replace(",0.1", ""), LABELS, "scores.csv: row does not have 3 cells\n  row 0: 2 cells"),
        (SCORES.replace("a,", "z,"), LABELS, "scores.csv: image is not in the truth\n  row 0: z"),
        (SCORES.replace("a,", "z,"), LABELS, "labels.csv: image has no scores\n  row 1: a"),
        (SCORES.replace("a,", "b,"), LABELS, "scores.csv: duplicate id\n  [1]: b, as [0]"),
        (SCORES, LABELS.replace("c,cat", "c,cow"), "label is not one of the 2 classes\n  row 0: cow"),
        (SCORES, "id,label\na,0\nb,2\nc,-1", "label is not one of the 2 classes (2 times)\n  row 1: 2"),
        (SCORES, "0\n1\n", "scores.csv: 3 images, but"),
        (
            SCORES,
            "a,b,c\n1,2,3",
            "labels.csv: labels must be in one column, or in two with the header id,label",
        ),
        ("", "", "labels.csv: labels must be in one column"),
        ('id,a,b\n"x', LABELS, "scores.csv: not CSV: unexpected end of data"),
    ],
)
def test_files_that_are_not_sound(tmp_path, scores, labels, said):
    with pytest.raises(InputError) as told:
        score_classes(*files(tmp_path, scores, labels))
    assert said in str(told.value)


def test_arrays_that_are_not_sound(tmp_path):
    labels = files(tmp_path, SCORES, LABELS)[1]
    np.savez(tmp_path / "objects.npz", scores=np.array([{}], object))
    np.savez(tmp_path / "flat.npz", scores=np.zeros(3))
    np.savez(tmp_path / "two.npz", a=np.zeros((3, 2)), b=np.zeros((3, 2)))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "two.npz").read_bytes()[:100])
    np.savez_compressed(tmp_path / "bomb.npz", scores=np.zeros(12_500_000))
    for name, changed in {"header": (b"False", b"(((("), "short": (b"(3, 1)", b"(4, 1)")}.items():
        np.save(tmp_path / "whole.npy", np.zeros((3, 1)))
        content = (tmp_path / "whole.npy").read_bytes().replace(*changed)
        (tmp_path / f"{name}.npz").write_bytes(content)
    for name, said in {
        "objects": "scores.npy: not an array of numbers or strings",
        "flat": r"scores has shape \(3,\)",
        "two": "no array scores; it contains: a, b",
        "cut": "not a NumPy .npy or .npz file",
        "none": "there is no such file",
        "bomb": r"decompresses to 100,000,\d+ bytes; the limit for a file of 97,\d+ bytes is 67,108,864",
        "header": "not an array of numbers or strings",
        "short": "corrupt: the header says <f8 of shape \\(4, 1\\), but 24 bytes follow",
    }.items():
        with pytest.raises(InputError, match=f"{name}.npz: {said}"):
            score_classes(tmp_path / f"{name}.npz", labels)


def test_a_zip_version_that_nothing_reads_is_a_corrupt_archive(tmp_path):
    np.savez(tmp_path / "a.npz", scores=np.eye(3))
    whole = (tmp_path / "a.npz").read_bytes()
    entry = whole.rindex(b"PK\x01\x02")
    (tmp_path / "a.npz").write_bytes(whole[: entry + 6] + b"\xff" + whole[entry + 7 :])
    with pytest.raises(InputError, match=r"corrupt \.npz archive"):
        load_arrays(tmp_path / "a.npz")


@given(st.integers(0, 200), st.binary(min_size=1, max_size=3), st.sampled_from(["npy", "npz"]))
def test_arrays_with_damaged_bytes_are_read_or_refused(tmp_path_factory, at, damage, suffix):
    folder = tmp_path_factory.getbasetemp()
    np.save(folder / "a.npy", np.eye(3))
    np.savez_compressed(folder / "a.npz", scores=np.eye(3))
    whole = (folder / f"a.{suffix}").read_bytes()
    (folder / f"b.{suffix}").write_bytes(whole[:at] + damage + whole[at + len(damage) :])
    with contextlib.suppress(InputError):
        assert all(array.size <= 9 for array in load_arrays(folder / f"b.{suffix}").values())
