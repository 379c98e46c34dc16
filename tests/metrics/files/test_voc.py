"""VOC's files are read as the devkit writes them, and what is wrong with them is said."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.errors import InputError
from cvbench.metrics.files.score import score_files
from cvbench.metrics.files.voc import read_voc
from tests.metrics.files.voc_trees import DETECTIONS, OBJECT, OBJECTS, write_voc
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
    assert told.notes == ("Classes without a detection file (AP 0): cat.",)


def test_the_python_port_needs_more_than_a_half(tmp_path):
    [figure] = score_files(*write_voc(tmp_path, OBJECTS, DETECTIONS), "voc2012-python").measurements
    assert figure.parts[1].value == pytest.approx(1 / 2, abs=1e-15)
    assert figure.interval_missing.startswith("too few objects for an interval")


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
        ("000003 0.5 1 1 2 2", "image is not in the image set\n  line 5: 000003"),
        ("000001 nan 1 1 2 2", "not a finite number\n  line 5: 000001 nan 1 1 2 2"),
        ("000001 0.5 1 inf 2 2", "not a finite number\n  line 5"),
        ("000001 0.5 1 x 2 2", "not a finite number\n  line 5"),
        ("000001 0.5 1 1 2", "line is not: image score xmin ymin xmax ymax\n  line 5: 000001 0.5 1 1 2"),
        ("000001 0.5 9 1 2 2", "box has negative width or height\n  line 5: [9.0, 1.0, 2.0, 2.0]"),
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
        (BOMB.encode(), "an annotation with a document type, which is not allowed\n  000001.xml"),
        (BOMB.encode("utf-16"), "an annotation with a document type, which is not allowed\n  000001.xml"),
        (b"<annotation>", "an annotation that is not XML\n  000001.xml: no element found"),
        (b"<a><object><name>dog</name></object></a>", "an object without a name or a complete bndbox"),
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
        (("", 0, 1, 1, 2, 2), "an object without a name or a complete bndbox\n  000001.xml, object 0"),
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
        (results, root): "class is not in the truth\n  comp4_det_test_horse.txt: horse",
        (results, tmp_path / "none"): "none: there is no such folder",
        (results, results): "results: not a VOCdevkit folder",
        (tmp_path / "none", root): "none: no such folder, and no file matches the pattern",
        (root, root): "VOC2007: no file comp4_det_SET_CLASS.txt in this folder",
    }
    for paths, said in problems.items():
        with pytest.raises(InputError) as told:
            read_voc(*paths)
        assert said in str(told.value)
    with pytest.raises(InputError, match=r'there is no image set "tset"\.\n  Did you mean test\?'):
        read_voc(results, root, image_set="tset")
    (results / "comp4_det_test_horse.txt").unlink()
    with pytest.raises(InputError, match=r"object's class is not in --classes\n  000002\.xml: cat"):
        read_voc(results, root, classes=("dog",))
    (root / "Annotations/000002.xml").unlink()
    with pytest.raises(InputError, match=r"no annotation of an image in the set\n  000002\.xml"):
        read_voc(results, root)
    (root / "ImageSets/Main/test.txt").write_text("000001\n000001\n../../x\n")
    with pytest.raises(InputError) as told:
        read_voc(results, root)
    assert "an image name that is a path\n  line 3: ../../x" in str(told.value)
    assert "a repeated image\n  [1]: 000001, as [0]" in str(told.value)


def named_spot(folder, xml):
    """One image with one object, whose annotation is these bytes, found by one detection."""
    results, root = write_voc(folder, {"000001": []}, {"spot": ["000001 0.9 1 1 10 10"]})
    (root / "Annotations/000001.xml").write_bytes(xml)
    return results, root


SPOT = OBJECT.format("spot", 0, 1, 1, 10, 10)


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("gb2312", "gbk"),
        ("GBK", "gbk"),
        ("big5", "big5"),
        ("Shift_JIS", "cp932"),
        ("euc-kr", "euc_kr"),
        ("windows-1252", "cp1252"),
        ("iso-8859-1", "latin-1"),
        ("utf8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf16", "utf-16-le"),
    ],
)
def test_annotations_in_other_encodings_are_read(tmp_path, declared, encoding):
    letter = "é" if encoding in ("cp1252", "latin-1") else "中"
    xml = (
        f'<?xml version="1.0" encoding="{declared}"?><annotation><folder>{letter}</folder>{SPOT}</annotation>'
    )
    [figure] = score_files(*named_spot(tmp_path, xml.encode(encoding)), "voc2012", draws=0).measurements
    assert figure.value == 1


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (
            b"<?xml version='1.0' encoding='unicode'?><annotation/>",
            "in an unsupported encoding\n  000001.xml: unicode\n",
        ),
        (b"<?xml version='9' encoding='x'?><annotation/>", "000001.xml: x\n  Save the file as UTF-8."),
        (b"<?xml version='1.0' encoding='idna'?><annotation/>", "000001.xml: idna\n"),
        (
            b"<?xml version='1.0' encoding='big5'?><annotation>\xff\xff</annotation>",
            "big5, and byte 49 is none of it",
        ),
        (b"<annotation>\xd6\xd0</annotation>", "000001.xml: utf-8, and byte 12 is none of it"),
        (BOMB.encode(), "Remove the line that begins with <!DOCTYPE."),
        (f"<a>{OBJECT.format('spot', 0, 5, 9, 8, 2)}</a>".encode(), "a box of negative width or height"),
    ],
)
def test_a_refused_annotation_is_told_once_and_its_class_is_not_called_absent(tmp_path, xml, said):
    with pytest.raises(InputError) as told:
        read_voc(*named_spot(tmp_path, xml))
    assert said in str(told.value)
    assert "class is not in the truth" not in str(told.value)


@given(st.binary(max_size=60), st.sampled_from([b"", b"<?xml version='1.0' encoding='%s'?>"]))
def test_any_bytes_are_an_annotation_or_are_refused(tmp_path_factory, some, start):
    paths = named_spot(
        tmp_path_factory.getbasetemp(), start.replace(b"%s", some[:12]) + b"<annotation>" + some
    )
    with contextlib.suppress(InputError):
        read_voc(*paths)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "Compound Leaves 1",
            "an image name with a space, which VOC lists do not allow\n  line 1: Compound Leaves 1",
        ),
        ("scan (1)", "an image name with a space, which VOC lists do not allow\n  line 1: scan (1)"),
        ("/data/a.jpg", "line 1: /data/a.jpg\n  Write the name of the image without folder and extension."),
    ],
)
def test_names_that_a_list_cannot_hold_are_told_once(tmp_path, line, said):
    results, root = write_voc(tmp_path, OBJECTS, DETECTIONS)
    (root / "ImageSets/Main/test.txt").write_text(f"{line}\n")
    (results / "comp4_det_test_dog.txt").write_text(f"{line} 0.9 1 1 9 9\n")
    with pytest.raises(InputError) as told:
        read_voc(results, root)
    assert str(told.value).endswith(said)
    assert len(str(told.value).splitlines()) < 4


def test_a_list_with_marks_names_the_same_images(tmp_path):
    results, root = write_voc(tmp_path, OBJECTS, DETECTIONS)
    (root / "ImageSets/Main/test.txt").write_text("000001  1\r\n000002 -1\r\n")
    assert read_voc(results, root).images == 2


def test_files_of_classes_without_objects_are_read_where_every_class_has_its_file(tmp_path):
    more = {"cat": ["000002 0.9 51 51 60 60"], "sofa": ["000001 0.9 1 1 9 9"], "horse": []}
    results, root = write_voc(tmp_path, OBJECTS, {**DETECTIONS, **more})
    told = score_files(results, root, "voc2012", draws=0)
    assert told.measurements[0].value == pytest.approx((1 + 5 / 6) / 2)
    assert told.notes == ("Classes without objects in the image set (no AP): horse, sofa.",)
    (results / "comp4_det_test_cat.txt").unlink()
    with pytest.raises(InputError) as refused:
        read_voc(results, root)
    assert "cat has objects but no file. If no name is misspelled, list all classes with --classes." in str(
        refused.value
    )
    assert read_voc(results, root, classes=("cat", "dog", "horse", "sofa")).absent == ("horse", "sofa")


def test_files_of_one_run_have_a_salt_and_those_of_two_are_refused(tmp_path):
    results, root = write_voc(tmp_path, OBJECTS, DETECTIONS)
    plain = results / "comp4_det_test_dog.txt"
    plain.rename(results / "comp4-5f2a-11_det_test_dog.txt")
    assert len(read_voc(results, root).detections.score) == 4
    plain.write_text("")
    with pytest.raises(
        InputError, match=r"second file of class dog\n.*\n  Select the files of one run with a pattern"
    ):
        read_voc(results, root)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            ["Annotations/1.xml"],
            "In VOC2007, write the images' names, one per line, to ImageSets/Main/test.txt.",
        ),
        (["1.xml"], "It contains XML files: move them into a sub-folder Annotations"),
        (["1.txt"], "It contains text files, such as YOLO labels: convert them to COCO format"),
    ],
)
def test_a_folder_that_is_no_tree_says_what_to_do(tmp_path, files, said):
    for name in files:
        (tmp_path / "VOC2007" / name).parent.mkdir(parents=True)
        (tmp_path / "VOC2007" / name).write_text("")
    with pytest.raises(InputError) as told:
        read_voc(tmp_path, tmp_path / "VOC2007")
    assert said in str(told.value)


def test_cocos_results_do_not_fit_a_tree(tmp_path):
    _, root = write_voc(tmp_path, OBJECTS, DETECTIONS)
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(InputError, match="Give a COCO instances file as --truth, or VOC result files"):
        read_voc(tmp_path / "results.json", root)


def test_voc_has_no_masks(tmp_path):
    with pytest.raises(InputError, match="VOC result files have no masks"):
        score_files(*write_voc(tmp_path, OBJECTS, DETECTIONS), "coco-segm")
