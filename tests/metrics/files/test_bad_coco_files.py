"""What is wrong with COCO's files is said in full: file, index and value."""

import copy
import json

import pytest

from cvbench.errors import InputError
from cvbench.metrics.files.coco import read_coco

pytestmark = pytest.mark.usefixtures("either_way")

TRUTH = {
    "images": [{"id": 1, "height": 4, "width": 5}, {"id": 5, "height": 4, "width": 5}],
    "categories": [{"id": 3, "name": "cat"}],
    "annotations": [
        {
            "id": 0,
            "image_id": 5,
            "category_id": 3,
            "bbox": [0, 0, 2, 2],
            "area": 4,
            "iscrowd": 0,
            "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]],
        }
    ],
}
RESULTS = [
    {
        "image_id": 5,
        "category_id": 3,
        "bbox": [0, 0, 2, 2],
        "score": 0.5,
        "segmentation": {"size": [4, 5], "counts": [0, 4, 16]},
    }
]


@pytest.fixture
def refused(tmp_path):
    """Write two files, and see what is said of them; what is given as text is written as it is."""

    def give(results=RESULTS, truth=TRUTH, *, masks=False):
        for name, content in (("results.json", results), ("truth.json", truth)):
            raw = content if isinstance(content, str | bytes) else json.dumps(content)
            (tmp_path / name).write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        with pytest.raises(InputError) as told:
            read_coco(tmp_path / "results.json", tmp_path / "truth.json", masks=masks)
        return str(told.value).replace(f"{tmp_path}/", "")

    return give


def changed(**fields):
    entry = {**RESULTS[0], **fields}
    return [RESULTS[0], {key: value for key, value in entry.items() if value is not None}]


def annotated(**fields):
    truth = copy.deepcopy(TRUTH)
    truth["annotations"][0] |= fields
    return truth


RUNS = {"size": [4, 5], "counts": [0, 4, 16]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "results.json: the file is empty"),
        ("score,x\n1,2", "results.json: not JSON: Expecting value (line 1, column 1)"),
        ('[{"image_id": 5,', "results.json: not JSON: the file ends too early (line 1, column 17)"),
        ('[{"image_', "results.json: not JSON: the file ends too early"),
        ('[{"image_id": 5 "score"}]', "results.json: not JSON: Expecting ',' delimiter (line 1, column 17)"),
        ("[] []", "results.json: not JSON: Extra data"),
        (b'["\xff"]', "results.json: not JSON: byte 2 is not UTF-8"),
        ('[{"score": "\\ud800"}]', "results.json: not JSON: a string has half a surrogate pair"),
        ("[" * 100_000, "results.json: nested too deeply"),
        ("[" + "9" * 5000 + "]", "results.json: it has a number with too many digits"),
        ({"annotations": []}, "results.json: a results file must be a list of detections, not an object"),
        ([3], "entry: expected object, got int\n  [0]: 3"),
        (changed(score=None), "results.json: no score\n  [1]"),
        (changed(bbox=None), "results.json: no bbox\n  [1]"),
        (changed(image_id=None), "results.json: no image_id\n  [1]"),
        (changed(score="high"), "score: expected float, got str\n  [1]: 'high'"),
        (changed(image_id=5.5), "image_id: expected int, got float\n  [1]: 5.5"),
        (
            changed(image_id=2**64),
            "image_id: expected int <= 9223372036854775807\n  [1]: 18446744073709551616",
        ),
        (changed(bbox=[0, 0, 2]), "bbox: expected array of length 4, got 3\n  [1]: [0, 0, 2]"),
        (changed(bbox=[0, 0, "a", 2]), "bbox: expected float, got str\n  [1]: 'a'"),
        (changed(image_id=4), "results.json: image_id that the truth does not have\n  [1]: 4"),
        (changed(category_id=9), "results.json: category_id that the truth does not have\n  [1]: 9"),
        (changed(score=float("nan")), "results.json: score that is not finite\n  [1]: nan"),
        (changed(score=float("-inf")), "results.json: score that is not finite\n  [1]: -inf"),
        (
            '[{"image_id": 5, "category_id": 3, "bbox": [0, 0, 1, 1], "score": 1e999}]',
            "not finite\n  [0]: inf",
        ),
        (changed(bbox=[0, float("inf"), 1, 1]), "bbox that is not finite\n  [1]: [0.0, inf, 1.0, 1.0]"),
        (changed(bbox=[0, 0, -1, 1]), "bbox of negative width or height\n  [1]: [0.0, 0.0, -1.0, 1.0]"),
    ],
)
def test_detections_that_are_not_sound(refused, content, said):
    assert said in refused(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "truth.json: not JSON: the file ends too early"),
        ([], "truth.json: an instances file is an object with images, categories and annotations"),
        ({"images": [], "annotations": []}, "truth.json: it has no categories"),
        ({**TRUTH, "images": {}}, "truth.json: its images are an object"),
        (
            {**TRUTH, "images": TRUTH["images"] * 2},
            "an id that came before among the images (2 times)\n  [2]: 1, as [0]",
        ),
        (
            {**TRUTH, "categories": TRUTH["categories"] * 2},
            "an id that came before among the categories\n  [1]: 3",
        ),
        (
            {**TRUTH, "annotations": TRUTH["annotations"] * 2},
            "came before among the annotations\n  [1]: 0, as [0]",
        ),
        (annotated(image_id=2), "truth.json: image_id that the truth does not have\n  annotations[0]: 2"),
        (
            annotated(category_id=2),
            "truth.json: category_id that the truth does not have\n  annotations[0]: 2",
        ),
        (annotated(area=float("nan")), "truth.json: area that is not finite\n  annotations[0]: nan"),
        (annotated(area=-1), "truth.json: negative area\n  annotations[0]: -1.0"),
        (annotated(bbox=[0, 0, 1, -1]), "truth.json: bbox of negative width or height\n  annotations[0]"),
        (
            annotated(iscrowd="no"),
            "truth.json: iscrowd: expected bool | int, got str\n  annotations[0]: 'no'",
        ),
    ],
)
def test_truth_that_is_not_sound(refused, content, said):
    assert said in refused(truth=content)


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        (
            {"size": [5, 4], "counts": [0, 4, 16]},
            "run lengths of another size than the image\n  {}: (5, 4) for (4, 5)",
        ),
        ({"size": [4, 5], "counts": [0, 4]}, "run lengths that do not fill the image\n  {}: 4 of 20 pixels"),
        ({"size": [4, 5], "counts": [-1, 21]}, "run lengths that do not fill the image\n  {}"),
        ({"size": [4, 5], "counts": "04"}, "run lengths that do not fill the image\n  {}: 4 of 20 pixels"),
        ({"size": [4, 5], "counts": "~~"}, "run lengths that are none\n  {}: '~~'"),
        ({"size": [4, 5], "counts": ""}, "run lengths that are none\n  {}: ''"),
        ({"size": [4, 5]}, "no counts in a segmentation\n  {}"),
        ([], "a segmentation without a polygon\n  {}"),
        ([[0, 0, 1, 1]], "a polygon that does not have three or more corners\n  {}: 4 numbers"),
        ([[0, 0, 1, 1, 1e9, 0]], "a polygon corner far outside the image\n  {}: 1000000000.0"),
        ("all", "segmentation: expected object | array, got str\n  {}: 'all'"),
    ],
)
def test_masks_that_are_not_sound(refused, segmentation, said):
    assert f"truth.json: {said.format('annotations[0]')}" in refused(
        truth=annotated(segmentation=segmentation), masks=True
    )
    assert f"results.json: {said.format('[1]')}" in refused(changed(segmentation=segmentation), masks=True)


def test_masks_need_the_sizes_of_images(refused):
    truth = {**TRUTH, "images": [{"id": 1, "height": 4, "width": 5}, {"id": 5, "height": 4}]}
    assert "image without height and width, which masks need\n  id 5: 4 x 0" in refused(
        truth=truth, masks=True
    )
    huge = {**TRUTH, "images": [{"id": 1, "height": 4, "width": 5}, {"id": 5, "height": 1 << 40, "width": 5}]}
    assert "image larger than 32,768 pixels along a side, the limit for run-length masks\n  id 5" in refused(
        truth=huge, masks=True
    )


def test_detections_without_masks_have_none_to_score(refused):
    assert "results.json: no segmentation\n  [1]" in refused(changed(segmentation=None), masks=True)


def test_the_first_ten_of_each_kind_are_named_and_all_are_counted(refused):
    results = [RESULTS[0]] * 5 + changed(image_id=77)[1:] * 25 + changed(score=float("nan"))[1:] * 2
    lines = refused(results, annotated(area=-3)).splitlines()
    assert lines[0] == "results.json: image_id that the truth does not have (25 times)"
    assert lines[1:11] == [f"  [{i}]: 77" for i in range(5, 15)]
    assert lines[11] == "  … and 15 more"
    assert "truth.json: negative area" in lines
    assert lines[-3:] == ["results.json: score that is not finite (2 times)", "  [30]: nan", "  [31]: nan"]


@pytest.mark.parametrize("name", ["results.json", "truth.json"])
def test_a_file_that_is_not_there(tmp_path, name):
    for other in {"results.json": RESULTS, "truth.json": TRUTH}.items():
        (tmp_path / other[0]).write_text(json.dumps(other[1]))
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"{name}: there is no such file"):
        read_coco(tmp_path / "results.json", tmp_path / "truth.json", masks=False)


def test_the_sound_files_that_the_others_differ_from_are_read(tmp_path):
    (tmp_path / "r.json").write_text(json.dumps(RESULTS))
    (tmp_path / "t.json").write_text(json.dumps(TRUTH))
    for masks in (False, True):
        files = read_coco(tmp_path / "r.json", tmp_path / "t.json", masks=masks)
        assert files.detections.image.tolist() == files.truth.image.tolist() == [1]
