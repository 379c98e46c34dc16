"""What a line or a column of a table is: decided by rule, said, or refused."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.errors import InputError
from cvbench.metrics.files.classification import score_classes

# Eight images, ten classes: six have their best score at the label, seven among the best five.
RNG = np.random.default_rng(4)
SCORES = RNG.uniform(0.1, 0.8, (8, 10)).round(4)
TRUE = np.array([3, 6, 2, 3, 9, 1, 5, 4])
for i, k in enumerate(TRUE):
    SCORES[i, k] = 0.9
SCORES[6, 0] = 0.95
SCORES[7, [0, 1, 2, 3, 5]] = 0.95
EXPECTED = [6 / 8, 7 / 8]


def scores(head, *, ids=None, separator=",", mark=""):
    rows = [separator.join(f"{x:.4f}" for x in row) for row in SCORES]
    rows = rows if ids is None else [f"{one}{separator}{row}" for one, row in zip(ids, rows, strict=True)]
    return mark + "\n".join([*([head] if head is not None else []), *rows]) + "\n"


def labels(head, *columns):
    rows = [",".join(map(str, cells)) for cells in zip(*columns, strict=True)]
    return "\n".join([*([head] if head is not None else []), *rows]) + "\n"


NUMBERS, NAMES = ",".join("0123456789"), ",".join(f"c{k}" for k in range(10))
NAMED = [f"c{k}" for k in TRUE]
FILES = [f"im{i}.jpg" for i in range(8)]


def scored(tmp_path, ours, theirs, **options):
    (tmp_path / "s.csv").write_bytes(ours if isinstance(ours, bytes) else ours.encode())
    (tmp_path / "l.csv").write_bytes(theirs if isinstance(theirs, bytes) else theirs.encode())
    return score_classes(tmp_path / "s.csv", tmp_path / "l.csv", **options)


@pytest.mark.parametrize(
    ("ours", "theirs", "note"),
    [
        (scores(None), labels(None, TRUE), None),
        (scores(None, mark="\ufeff"), "\ufeff" + labels(None, TRUE), None),
        (scores(None).encode("utf-16"), labels(None, TRUE).encode("utf-16"), None),
        (scores(None).replace("\n", "\r\n"), labels(None, TRUE).replace("\n", "\r"), None),
        (scores(NUMBERS), labels("0", TRUE), "s.csv: the first line, 0,1,2,3,…, is read as a header"),
        (scores(NUMBERS), labels(None, TRUE), "is read as a header"),
        (scores("," + NUMBERS, ids=range(8)), labels(",0", range(8), TRUE), "no name (pandas' index)"),
        (scores("," + NAMES, ids=range(8)), labels("label", NAMED), "joined by order, because"),
        (
            scores("Unnamed: 0,id," + NAMES, ids=[f"{i},{f}" for i, f in enumerate(FILES)]),
            labels("id,label", FILES, NAMED),
            "no name (pandas' index) and is ignored",
        ),
        (scores("path," + NAMES, ids=FILES), labels("ImageId,Class", FILES, NAMED), None),
        (scores("id," + NAMES, ids=FILES), labels("label,id", NAMED, FILES), None),
        (
            scores("id," + NAMES, ids=FILES),
            labels("id,label,split", FILES, NAMED, ["val"] * 8),
            "labels are in the column label; ignored: split",
        ),
        (scores(NAMES), labels(None, NAMED), None),
        (
            scores(None, ids=FILES),
            labels(None, FILES, TRUE),
            "the first column (no header) contains text",
        ),
        (
            scores("picture," + NAMES, ids=FILES),
            labels("id,label", FILES, NAMED),
            "the column picture contains text",
        ),
        (scores(None), labels(None, [f"{k}.0" for k in TRUE]), None),
    ],
)
def test_tables_of_other_programs_give_one_accuracy(tmp_path, ours, theirs, note):
    told = scored(tmp_path, ours, theirs)
    assert [m.value for m in told.measurements] == EXPECTED
    assert {m.n for m in told.measurements} == {8}
    assert (note in " ".join(told.notes)) if note else told.notes == ()


def test_a_header_of_numbers_in_another_order_names_the_columns(tmp_path):
    order = RNG.permutation(10)
    table = ",".join(map(str, order)) + "\n" + "\n".join(",".join(map(str, row[order])) for row in SCORES)
    assert [m.value for m in scored(tmp_path, table, labels(None, TRUE)).measurements] == EXPECTED


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("0,1\n0.9,0.1\n0.3,0.7\n", "0\n1\n1\n", "can be a header or the scores of an image"),
        ("1,0\n0,1\n", "0\n1\n", "can be a header or the scores of an image"),
        (scores(None, ids=range(8)), labels(None, TRUE), "the first column contains distinct whole numbers"),
        (
            scores("k," + NAMES, ids=range(8)),
            labels(None, TRUE),
            "the column k contains distinct whole numbers",
        ),
        (scores("label," + NAMES, ids=TRUE), labels(None, NAMED), "the column label is not a class"),
        (
            scores(NAMES.replace(",", ";"), separator=";"),
            labels(None, NAMED),
            "s.csv: the cells are separated by semicolons",
        ),
        (
            scores(NAMES.replace(",", "\t"), separator="\t"),
            labels(None, NAMED),
            "s.csv: the cells are separated by tabs",
        ),
        (
            scores(NAMES),
            labels("id;label", FILES, NAMED).replace(",", ";"),
            "l.csv: the cells are separated by semicolons",
        ),
        (
            scores("id," + NAMES, ids=[f"{i:05d}" for i in range(8)]),
            labels("id,label", range(8), NAMED),
            "only without leading zeros\n  00000 and 0: write both the same way",
        ),
        (
            scores("id," + NAMES, ids=[f"val/{f}" for f in FILES]),
            labels("id,label", FILES, NAMED),
            "only without their folders\n  val/im0.jpg and im0.jpg",
        ),
        (
            scores("id," + NAMES, ids=FILES),
            labels("one,two", FILES, NAMED),
            "Other names for id: image, image_id",
        ),
        (
            scores("id," + NAMES, ids=FILES),
            labels("id,label,class", FILES, NAMED, NAMED),
            "The header is id,label,class",
        ),
        (scores(None), labels(None, TRUE + 1), "Labels are class names or numbers from 0 to 9"),
        ("0.5,0.5\n1_0,0.1\n", "0\n1\n", "score is not a number\n  row 1: '1_0'"),
        (b"\xff\xfe\xd8", b"0\n", "Save the file as UTF-8"),
        ("a\0b,c\n", "0\n", "not CSV: it contains a zero byte"),
        ("x" * 200_000 + ",b\n1,2\n", "0\n", "not CSV: field larger than field limit"),
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused(tmp_path, ours, theirs, said):
    with pytest.raises(InputError) as told:
        scored(tmp_path, ours, theirs)
    assert said in str(told.value)
    assert len(str(told.value).splitlines()) < 14


def test_the_header_and_the_named_classes_agree(tmp_path):
    names = tuple(NAMES.split(","))
    assert scored(tmp_path, scores(NAMES), labels(None, NAMED), classes=names).measurements[0].value == 6 / 8
    with pytest.raises(InputError, match="header and --classes have different class order: column 0 is c0"):
        scored(tmp_path, scores(NAMES), labels(None, NAMED), classes=names[::-1])


def test_labels_that_count_from_another_number_get_a_note(tmp_path):
    told = scored(tmp_path, scores(None), labels(None, TRUE - 1))
    assert "Top-1 would be 0.7500 if every label were higher by 1." in told.notes[0]


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_two_files_are_scored_or_refused(tmp_path_factory, ours, theirs):
    with contextlib.suppress(InputError):
        scored(tmp_path_factory.getbasetemp(), ours, theirs)


@given(st.text('01.,;\n"ab_-', max_size=40), st.text("01,\nab", max_size=12))
def test_any_two_tables_are_scored_or_refused(tmp_path_factory, ours, theirs):
    with contextlib.suppress(InputError):
        scored(tmp_path_factory.getbasetemp(), ours, theirs)
