"""COCO's files of other programs: read as the reference reads them, with a note where there is a trap."""

import copy
import json
import re

import numpy as np
import pytest

from cvbench.data.datasets.coco_detection import read_index
from cvbench.errors import InputError
from cvbench.metrics.files.score import score_files
from tests.metrics.files.coco_trees import reference_stats

TRUTH = {
    "images": [{"id": 1, "width": 640, "height": 480, "file_name": "000001.jpg"},
               {"id": 2, "width": 640, "height": 480, "file_name": "000002.jpg"}],
    "categories": [{"id": 1, "name": "crate"}, {"id": 2, "name": "pallet"}],
    "annotations": [
        {"id": i + 1, "image_id": 1 + i % 2, "category_id": 1 + i // 2, "bbox": [20 + 100 * i, 30, 50, 80],
         "area": 4000, "iscrowd": 0} for i in range(4)
    ],
}  # fmt: skip
FOUND = [
    {name: one[name] for name in ("image_id", "category_id", "bbox")} | {"score": 0.9 - i / 10}
    for i, one in enumerate(TRUTH["annotations"])
]


def without(*names):
    truth = copy.deepcopy(TRUTH)
    for one in truth["annotations"]:
        for name in names:
            del one[name]
    return truth


def changed(change, found=None):
    truth, found = copy.deepcopy(TRUTH), copy.deepcopy(found or FOUND)
    change(truth, found)
    return truth, found


def write(folder, truth, found):
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "found.json").write_text(json.dumps(found))
    return folder / "found.json", folder / "truth.json"


def text_ids(truth, found):
    for one in truth["images"]:
        one["id"] = f"clip_{one['id']}"
    for one in [*truth["annotations"], *found]:
        one["image_id"] = f"clip_{one['image_id']}"


def text_categories(truth, found):
    for one in truth["categories"]:
        one["id"] = str(one["id"])
    for one in [*truth["annotations"], *found]:
        one["category_id"] = str(one["category_id"])


def numbers_with_points(truth, found):
    for one in found:
        one["image_id"], one["category_id"] = float(one["image_id"]), float(one["category_id"])
    truth["images"][0] |= {"width": 640.0, "height": "480", "file_name": 12}
    truth["images"][1] |= {"width": None, "height": None}
    truth["categories"][0]["name"] = 7


@pytest.mark.parametrize("change", [text_ids, text_categories, numbers_with_points])
def test_ids_and_numbers_are_read_as_the_reference_reads_them(tmp_path, change):
    found, truth = write(tmp_path, *changed(change))
    told = score_files(found, truth, "coco-bbox", draws=0)
    values = [-1 if m.value is None else m.value for m in told.measurements]
    assert values == reference_stats(found, truth, "bbox")
    assert told.measurements[0].value == pytest.approx(1)
    assert told.notes == ()
    index = read_index(truth)  # the data sets' reader
    assert index.ids() == (["clip_1", "clip_2"] if change is text_ids else ["1", "2"])
    assert np.diff(index.starts).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        (without("area", "iscrowd"), ["4 annotations have no area", "4 annotations have no iscrowd"]),
        (without("iscrowd"), ["4 annotations have no iscrowd"]),
        (without("area"), ["4 annotations have no area"]),
        (TRUTH, []),
    ],
)
def test_areas_and_crowds_may_be_left_out(tmp_path, truth, said):
    told = score_files(*write(tmp_path, truth, FOUND), "coco-bbox", draws=0)
    values = {m.name: m.value for m in told.measurements}
    assert (values["APm"], values["APl"]) == (pytest.approx(1), None)  # 4000 pixels
    assert [
        re.sub(r".*: ", "", note)[: len(part)] for note, part in zip(told.notes, said, strict=True)
    ] == said
    index = read_index(tmp_path / "truth.json")
    assert index.area.tolist() == [4000] * 4
    assert not index.crowd.any()


def test_all_mistakes_of_an_entry_are_told_and_none_is_echoed(tmp_path):
    truth = copy.deepcopy(TRUTH)
    truth["annotations"][0] |= {"image_id": "1", "category_id": "a", "bbox": "x"}
    truth["images"][1]["id"] = [2]
    wrong = [{"image_id": "1", "category_id": "a", "score": "0.9", "bbox": [1, 2, 3]}]
    with pytest.raises(InputError) as told:
        score_files(*write(tmp_path, truth, wrong), "coco-bbox")
    lines = str(told.value).replace(f"{tmp_path}/", "").splitlines()
    assert lines == [
        "truth.json: id: expected int, got array",
        "  images[1]: [2]",
        "truth.json: image_id: expected int, got str",
        "  annotations[0]: '1'",
        "truth.json: category_id: expected int, got str",
        "  annotations[0]: 'a'",
        "truth.json: bbox: expected array, got str",
        "  annotations[0]: 'x'",
        "found.json: image_id: expected int, got str",
        "  [0]: '1'",
        "  The truth has numbers as image ids: write the same numbers, without quotes.",
        "found.json: category_id: expected int, got str",
        "  [0]: 'a'",
        "found.json: score: expected float, got str",
        "  [0]: '0.9'",
        "found.json: bbox: expected array of length 4, got 3",
        "  [0]: [1, 2, 3]",
    ]


def test_file_names_for_ids_are_told_as_such(tmp_path):
    named = [{**one, "image_id": f"00000{one['image_id']}.jpg"} for one in FOUND]
    with pytest.raises(InputError, match="The value is a file_name of the truth: write the id of that image"):
        score_files(*write(tmp_path, TRUTH, named), "coco-bbox")
    texts, found = changed(text_ids)
    with pytest.raises(InputError, match=r"image_id that the truth does not have\n  \[0\]: 'clip_9'"):
        score_files(*write(tmp_path, texts, [{**found[0], "image_id": "clip_9"}]), "coco-bbox")
    with pytest.raises(InputError, match=r"image_id that the truth does not have\n  \[0\]: '1'"):
        score_files(*write(tmp_path, texts, [{**found[0], "image_id": 1}]), "coco-bbox")


def ids_from_0(truth, found):
    for one in truth["annotations"]:
        one["id"] -= 1


def many(truth, found):
    truth["annotations"] = [
        {**truth["annotations"][0], "id": i + 1, "bbox": [4 * i, 0, 3, 9]} for i in range(150)
    ]
    found[:] = [{**FOUND[0], "bbox": [4 * i, 0, 3, 9]} for i in range(150)]


def corners(truth, found):
    found[:] = [{**one, "bbox": [320, 240, 600, 470]} for one in found]


def off_by_one(truth, found):
    truth["categories"] = [{"id": k, "name": f"c{k}"} for k in range(4)]
    for one in found:
        one["category_id"] -= 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (ids_from_0, "With ids from 1, AP is 1.0000"),
        (many, "50 objects exceed 100 per image and class"),
        (many, "50 detections are beyond the best 100 per image and class"),
        (corners, "4 of 4 detections have boxes that extend beyond the image"),
        (corners, "the boxes look like (x1, y1, x2, y2); COCO uses (x, y, width, height)"),
        (off_by_one, "AP50 would be 1.0000 if every detection had the next category."),
    ],
)
def test_known_traps_keep_the_references_value_and_get_a_note(tmp_path, change, said):
    found, truth = write(tmp_path, *changed(change))
    told = score_files(found, truth, "coco-bbox", draws=0)
    values = [-1 if m.value is None else m.value for m in told.measurements]
    assert values == reference_stats(found, truth, "bbox")
    assert said in " ".join(told.notes)


@pytest.mark.parametrize("images", [[], TRUTH["images"]])
@pytest.mark.parametrize("draws", [0, 20])
def test_without_categories_there_is_no_value_and_no_traceback(tmp_path, images, draws):
    found, truth = write(tmp_path, {"images": images, "categories": [], "annotations": []}, [])
    told = score_files(found, truth, "coco-bbox", draws=draws)
    assert {m.value for m in told.measurements} == {None}


def test_a_polygon_that_crosses_the_image_forever_is_refused_and_no_drawing_begins(tmp_path):
    truth = copy.deepcopy(TRUTH)
    for one in truth["annotations"]:
        one["segmentation"] = [[0, 0, 2, 0, 2, 2, 0, 2]]
    truth["annotations"][0]["segmentation"] = [[1048575, 1048575, -1048575, -1048575] * 300]
    found = [{**one, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]} for one in FOUND]
    with pytest.raises(InputError) as told:
        score_files(*write(tmp_path, truth, found), "coco-segm")
    assert "polygons of more than 4,194,304 pixels around\n  annotations[0]: 1,258,290,000" in str(told.value)


def test_thirty_thousand_categories_are_named_at_once(tmp_path):
    truth = {**TRUTH, "categories": [{"id": k, "name": f"c{k % 29_999}"} for k in range(1, 30_001)]}
    index = read_index(write(tmp_path, truth, FOUND)[1])
    assert index.names[:2] == ["c1 1", "c2"]
