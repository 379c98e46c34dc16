"""Changed predictions are shown on the page, the worst first, with the predictions of both runs."""

import re

import numpy as np
import pytest

from cvbench.compare.changed_images import flipped
from cvbench.report.frame import read_sources
from cvbench.report.page import html_page
from cvbench.report.page.flipped import FEW, Thumbnail, flipped_views
from cvbench.store import Store
from tests.compare.runs import Made, make_run
from tests.compare.test_resampling import made_of, scored
from tests.compare.test_seeds import trained
from tests.report.page.runs import image, picture_rows
from tests.report.page.test_page import HOSTILE, Reader

DRAW = np.random.default_rng(0)
SHOWN = Thumbnail(96, 80, image(DRAW, 4))
ROOM = 10**6


def two(root, before, now):
    """Two runs of one cell each, and their changed predictions."""
    runs = [make_run(root / "s" / name, made) for name, made in (("a", before), ("b", now))]
    sources = read_sources(Store(root), ["s/a", "s/b"])
    return sources, flipped(tuple((run, run.records()[0]) for run in runs))


def opened(sources, found):
    return {sources[0].records[0].key: {flip.id: SHOWN for flip in found.flips}}


@pytest.mark.parametrize(
    "name", ["coco", pytest.param("coco-segm", marks=pytest.mark.full), "voc2007", "voc2012"]
)
def test_detections_of_both_runs_are_drawn_on_one_image(name, tmp_path):
    sources, found = two(
        tmp_path, made_of(scored(name), name), made_of(scored(name, spoil=0.5), name, weights="b" * 64)
    )
    [view] = flipped_views(sources, opened=opened(sources, found), most_bytes=ROOM)
    assert [picture.id for picture in view.pictures] == [flip.id for flip in found.worst]
    for picture, flip in zip(view.pictures, found.worst, strict=True):
        before, now = picture.panes
        assert (before.name, now.name, now.address) == ("before", "now", "")
        assert picture.caption == f"before {flip.before}; now {flip.now}"
        assert {box.kind for box in (*before.boxes, *now.boxes)} <= {"found", "false", "missed"}
        objects = len(found.kept.a.column("true_label")[flip.row].as_py())
        for pane in picture.panes:  # each object is found or missed, in both
            assert sum(box.kind != "false" for box in pane.boxes) == objects
    assert found.worst[0].change == min(flip.change for flip in found.flips)


@pytest.mark.parametrize("name", ["voc2007", "voc2012-python"])
def test_flips_by_vocs_rules_are_images_whose_detections_changed(name, tmp_path):
    good, worse = scored(name), scored(name, spoil=0.2)
    _, found = two(tmp_path, made_of(good, name), made_of(worse, name))
    mine, other = good.outcomes(), worse.outcomes()
    differ = {i for i, x, y in zip(mine["id"], mine["corners"], other["corners"], strict=True) if x != y}
    assert found.flips
    assert {flip.id for flip in found.flips} <= differ


def test_classes_are_told_with_the_truth_and_what_comes_from_files_stays_text(tmp_path):
    ids, now = [HOSTILE, "plain", "gained"], np.array([False, True, True])
    before = Made().topk(np.array([True, True, False]), ids=ids)
    sources, found = two(tmp_path, before, Made(weights="b" * 64).topk(now, ids=ids))
    page = html_page(sources, opened=opened(sources, found)).decode()
    text = " ".join("".join(Reader(page).text).split())
    assert "1 images became worse, 1 better" in text
    assert f"{HOSTILE} coat: before coat, now shoe" in text
    assert text.index("now shoe") < text.index("gained shoe: before coat, now shoe")
    assert len(Reader(page).all("script")) == 1


def kept(made, number, *, ids, **changed):
    """The cell as a run keeps it that did worst on these images."""
    rows = [
        {**row, "id": name, **changed}
        for row, name in zip(picture_rows(DRAW, "segmentation", 9), ids, strict=False)
    ]
    lists = ("true_label", "true_corners", "label", "score", "corners")
    columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys((*rows[0], *lists))}
    made.tables.append(("pictures", f"worst-{number}", columns, ""))
    return made


def test_without_a_data_set_those_are_shown_that_a_run_keeps_with_what_it_said(tmp_path):
    for part in "ab":
        (tmp_path / "s" / part / "pictures").mkdir(parents=True)
    before, now = made_of(scored("miou"), "miou"), made_of(scored("miou", spoil=0.3), "miou")
    differ = [flip.id for flip in two(tmp_path, before, now)[1].worst]
    sources, _ = two(tmp_path, kept(before, 1, ids=differ[2:3]), kept(now, 2, ids=differ[1:3]))
    [view] = flipped_views(sources, opened={}, most_bytes=ROOM)
    assert [picture.id for picture in view.pictures] == differ[1:3]
    assert [pane.name for pane in view.pictures[0].panes] == ["image", "ground truth", "now"]
    assert [pane.name for pane in view.pictures[1].panes] == ["image", "ground truth", "before", "now"]


def test_a_label_map_that_is_no_image_is_refused_with_its_file(tmp_path):
    for part in "ab":
        (tmp_path / "s" / part / "pictures").mkdir(parents=True)
    before, now = made_of(scored("miou"), "miou"), made_of(scored("miou", spoil=0.3), "miou")
    [worst, *_] = two(tmp_path, before, now)[1].worst
    sources, _ = two(tmp_path, before, kept(now, 2, ids=[worst.id], map=b"none"))
    assert flipped_views(sources, opened={}, most_bytes=ROOM) == []
    [fault] = sources[0].damage(sources[0].records[0])
    assert re.search(r"\.parquet: pictures worst-2 of .*: a label map in it is not", fault)


def test_only_a_few_are_shown_unless_more_are_opened_and_no_more_than_there_is_room_for(tmp_path):
    for part in "ab":
        (tmp_path / "s" / part / "pictures").mkdir(parents=True)
    right, ids = np.ones(30, bool), [str(i) for i in range(12)]
    before, now = Made().topk(right), kept(Made(weights="b" * 64).topk(~right), 1, ids=ids)
    sources, found = two(tmp_path, before, now)
    [view] = flipped_views(sources, opened={}, most_bytes=ROOM)
    assert [picture.id for picture in view.pictures] == ids[:FEW]
    [view] = flipped_views(sources, opened=opened(sources, found), most_bytes=ROOM)
    assert len(view.pictures) == 30
    [view] = flipped_views(sources, opened=opened(sources, found), most_bytes=3 * view.pictures[0].size + 1)
    assert len(view.pictures) == 3


def test_trainings_of_one_cell_are_told_apart_by_their_seeds(tmp_path):
    for name, lost in (("a", [0, 10]), ("b", [400, 430])):
        make_run(tmp_path / "s" / name, *trained(lost))
    sources = read_sources(Store(tmp_path), ["s/a", "s/b"])
    shown = {record.key: {"0": SHOWN} for record in sources[0].records}
    views = flipped_views(sources, opened=shown, most_bytes=ROOM)
    assert [view.title for view in views] == ["pkg:net seed=0", "pkg:net seed=1"]


def test_a_run_that_keeps_no_image_has_no_such_section(tmp_path):
    right = np.ones(30, bool)
    sources, _ = two(tmp_path, Made().topk(right), Made(weights="b" * 64).topk(~right))
    assert flipped_views(sources, opened={}, most_bytes=ROOM) == []
    assert "Changed predictions" not in html_page(sources).decode()


def test_a_metric_that_tells_nothing_of_single_images_has_no_flips(tmp_path):
    a, b = (make_run(tmp_path / "s" / name, Made()) for name in "ab")
    assert flipped(tuple((run, run.records()[0]) for run in (a, b))) is None
