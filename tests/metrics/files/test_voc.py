"""VOC's files are read as the devkit writes them, and what is wrong with them is said."""

import numpy as np
import pytest

from cvbench.errors import InputError
from cvbench.metrics.files.score import score_files
from cvbench.metrics.files.voc import read_voc
from tests.metrics.files.voc_trees import DETECTIONS, OBJECTS, write_voc
from tests.oracles.voc import voc_average_precision, voc_problem


def test_an_area_worked_out_by_hand(tmp_path):
    # Two dogs to be found. True, (difficult: not counted), false, true at an overlap of exactly a half:
    # 1/2 * 1 + 1/2 * 2/3. The cat is not found.
    told = score_files(*write_voc(tmp_path, OBJECTS, DETECTIONS), "voc2012", draws=0)
    [figure] = told.measurements
    assert [(part.name, part.n) for part in figure.parts] == [("cat", 1), ("dog", 2)]
    assert figure.parts[1].value == pytest.approx(1 / 2 + 1 / 2 * 2 / 3, abs=1e-15)
    assert figure.value == pytest.approx((0 + 5 / 6) / 2, abs=1e-15)
    assert figure.interval is None
    assert told.notes == ("No file of detections, so AP 0: cat.",)


def test_the_python_port_needs_more_than_a_half(tmp_path):
    [figure] = score_files(*write_voc(tmp_path, OBJECTS, DETECTIONS), "voc2012-python").measurements
    assert figure.parts[1].value == pytest.approx(1 / 2, abs=1e-15)
    assert figure.interval[0] <= figure.value <= figure.interval[1]


def test_the_folder_above_and_a_pattern_are_understood(tmp_path):
    results, root = write_voc(tmp_path, OBJECTS, DETECTIONS)
    files = read_voc(results / "comp4_det_test_*.txt", root.parent, classes=("dog", "cat", "bird"))
    assert (files.images, files.classes, len(files.detections.score)) == (2, ("dog", "cat", "bird"), 4)


@pytest.mark.parametrize("seed", range(15))
def test_files_are_scored_as_a_plain_form_of_the_rule_scores_the_arrays(tmp_path, seed):
    true, found, classes, images = voc_problem(seed)
    found["boxes"][:, 2:] = np.maximum(
        found["boxes"][:, 2:], found["boxes"][:, :2] - 1
    )  # files have no others
    objects = {f"{i:06d}": [] for i in range(images)}
    for i, k, box, hard in zip(true["image"], true["label"], true["boxes"], true["difficult"], strict=True):
        objects[f"{i:06d}"].append((f"c{k}", int(hard), *box))
    lines = {f"c{k}": [] for k in set(true["label"].tolist())}
    for i, k, box, score in zip(found["image"], found["label"], found["boxes"], found["score"], strict=True):
        if f"c{k}" in lines:
            lines[f"c{k}"].append(f"{i:06d} {score} {' '.join(map(str, box))}")
    if not lines:
        return
    [figure] = score_files(*write_voc(tmp_path, objects, lines), "voc2007", draws=0).measurements
    for part in figure.parts:
        k = int(part.name[1:])
        own, seen = true["label"] == k, found["label"] == k
        expected = voc_average_precision(
            list(zip(true["image"][own], true["boxes"][own], true["difficult"][own], strict=True)),
            list(zip(found["image"][seen], found["boxes"][seen], found["score"][seen], strict=True)),
            eleven_points=True,
            points=[0.0, 0.1, 0.2, 3 * 0.1, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
        )
        assert part.value == (None if expected is None else pytest.approx(expected, abs=1e-12))
    assert classes >= len(figure.parts)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("000003 0.5 1 1 2 2", "an image that the set does not have\n  line 5: 000003"),
        ("000001 nan 1 1 2 2", "a number that is not finite, or none\n  line 5: 000001 nan 1 1 2 2"),
        ("000001 0.5 1 inf 2 2", "a number that is not finite, or none\n  line 5"),
        ("000001 0.5 1 x 2 2", "a number that is not finite, or none\n  line 5"),
        ("000001 0.5 1 1 2", "a line that is not image, score and four corners\n  line 5: 000001 0.5 1 1 2"),
        ("000001 0.5 9 1 2 2", "a box of negative width or height\n  line 5: [9.0, 1.0, 2.0, 2.0]"),
    ],
)
def test_detections_that_are_not_sound(tmp_path, line, said):
    results, root = write_voc(tmp_path, OBJECTS, {"dog": [*DETECTIONS["dog"], line]})
    with pytest.raises(InputError) as told:
        read_voc(results, root)
    assert str(told.value) == f"{results}/comp4_det_test_dog.txt: {said}" or said in str(told.value)


BOMB = """<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<annotation><object><name>&c;</name></object></annotation>"""


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (BOMB.encode(), "an annotation with a document type, which is refused\n  000001.xml"),
        (BOMB.encode("utf-16"), "an annotation with a document type, which is refused\n  000001.xml"),
        (b"<annotation>", "an annotation that is not XML\n  000001.xml: no element found"),
        (b"<a><object><name>dog</name></object></a>", "an object without a name or a whole bndbox"),
        (b"", "an annotation that is not XML"),
    ],
)
def test_annotations_that_are_not_sound(tmp_path, xml, said):
    results, root = write_voc(tmp_path, OBJECTS, DETECTIONS)
    (root / "Annotations/000001.xml").write_bytes(xml)
    with pytest.raises(InputError) as told:
        read_voc(results, root)
    assert f"{root}/Annotations: {said}" in str(told.value)


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (
            ("dog", 0, 9, 1, 2, 2),
            "a box of negative width or height\n  000001.xml, object 0: [9.0, 1.0, 2.0, 2.0]",
        ),
        (("dog", 0, "nan", 1, 2, 2), "a coordinate that is not a finite number\n  000001.xml, object 0"),
        (("", 0, 1, 1, 2, 2), "an object without a name or a whole bndbox\n  000001.xml, object 0"),
    ],
)
def test_objects_that_are_not_sound(tmp_path, thing, said):
    results, root = write_voc(tmp_path, {**OBJECTS, "000001": [thing]}, DETECTIONS)
    with pytest.raises(InputError) as told:
        read_voc(results, root)
    assert said in str(told.value)


def test_trees_that_are_not_whole(tmp_path):
    results, root = write_voc(tmp_path, OBJECTS, {**DETECTIONS, "horse": []})
    problems = {
        (results, root): "a class that the truth does not have\n  comp4_det_test_horse.txt: horse",
        (results, tmp_path / "none"): "none: there is no such folder",
        (results, results): "results: is no VOCdevkit tree",
        (tmp_path / "none", root): "none: there is no such folder, and no file that fits the pattern",
        (root, root): "VOC2007: its files are of no set that the truth knows; name one with --image-set",
    }
    for paths, said in problems.items():
        with pytest.raises(InputError) as told:
            read_voc(*paths)
        assert said in str(told.value)
    with pytest.raises(InputError, match=r'there is no image set "tset"\.\n  Did you mean test\?'):
        read_voc(results, root, image_set="tset")
    (results / "comp4_det_test_horse.txt").unlink()
    with pytest.raises(InputError, match=r"whose class is none of those named\n  000002\.xml: cat"):
        read_voc(results, root, classes=("dog",))
    (root / "Annotations/000002.xml").unlink()
    with pytest.raises(InputError, match=r"no annotation of an image in the set\n  000002\.xml"):
        read_voc(results, root)
    (root / "ImageSets/Main/test.txt").write_text("000001\n000001\n../../x\n")
    with pytest.raises(InputError) as told:
        read_voc(results, root)
    assert "an image name that is a path\n  line 3: ../../x" in str(told.value)
    assert "an image that came before\n  [1]: 000001, as [0]" in str(told.value)


def test_voc_has_no_masks(tmp_path):
    with pytest.raises(InputError, match="VOC's result files hold no masks"):
        score_files(*write_voc(tmp_path, OBJECTS, DETECTIONS), "coco-segm")
