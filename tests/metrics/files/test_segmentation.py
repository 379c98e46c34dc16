"""Folders of label maps are joined by their names."""

import numpy as np
import pytest
from PIL import Image

from cvbench.errors import InputError
from cvbench.metrics.files.segmentation import score_maps


def write(folder, *, palette=False, **maps):
    folder.mkdir(exist_ok=True)
    for stem, labels in maps.items():
        picture = Image.fromarray(np.array(labels, np.uint8))
        if palette:
            picture.putpalette(bytes(range(256)) * 3)
        picture.save(folder / f"{stem}.png")
    return folder


def test_a_mean_worked_out_by_hand(tmp_path):
    # Class 0: 2 of 3 pixels; class 1: 1 of 2; the void pixel does not count, whatever is said of it.
    told = write(tmp_path / "told", a=[[0, 0, 0], [1, 9, 1]])
    true = write(tmp_path / "true", palette=True, a=[[0, 0, 1], [1, 255, 255]])
    miou, accuracy, _ = score_maps(told, true).measurements
    assert miou.value == pytest.approx((2 / 3 + 1 / 2) / 2, abs=1e-15)
    assert [part.value for part in miou.parts] == [pytest.approx(2 / 3), 0.5]
    assert accuracy.value == 3 / 4


def test_a_list_chooses_images(tmp_path):
    true = write(tmp_path / "true", a=[[0, 1]], b=[[1, 1]])
    told = write(tmp_path / "told", b=[[1, 0]])
    (tmp_path / "set.txt").write_text("b\n")
    miou, *_ = score_maps(told, true, classes=("x", "y"), image_set=tmp_path / "set.txt").measurements
    assert (miou.n, miou.value) == (1, (0 + 0.5) / 2)
    write(tmp_path / "true", **{"scan 2": [[1, 1]]})
    write(tmp_path / "told", **{"scan 2": [[1, 1]]})
    (tmp_path / "set.txt").write_text("scan 2\nb 1\n")
    assert score_maps(told, true, classes=("x", "y"), image_set=tmp_path / "set.txt")[0][0].n == 2
    (tmp_path / "set.txt").write_text("b\nc\n")
    with pytest.raises(InputError, match=r"image has no label map in .*true\n  line 2: c"):
        score_maps(told, true, image_set=tmp_path / "set.txt")


def test_maps_that_are_not_sound(tmp_path):
    true = write(tmp_path / "true", a=[[0, 1]], b=[[1, 1]])

    def said(told, **options):
        with pytest.raises(InputError) as refused:
            score_maps(told, true, **options)
        return str(refused.value)

    assert "label map is missing\n  b.png" in said(write(tmp_path / "few", a=[[0, 1]]))
    more = write(tmp_path / "more", a=[[0, 1]], b=[[1, 1]], c=[[0, 0]])
    assert "label map has no truth\n  c.png" in said(more)
    other = write(tmp_path / "other", a=[[0, 1, 1]], b=[[1], [1]])
    assert "different sizes (height x width) (2 times)\n  a.png: 1 x 3, truth 1 x 2\n  b.png: 2 x 1" in said(
        other
    )
    wrong = write(tmp_path / "wrong", a=[[0, 2]], b=[[1, 255]])
    assert "labels outside the 2 classes: labels are 0 to 1, and 255 for void (--classes" in said(wrong)
    assert "labels to ignore) (2 times)\n  a.png: 2\n  b.png: 255" in said(wrong)
    sound = write(tmp_path / "sound", a=[[0, 1]], b=[[1, 1]])
    assert "true: labels outside the 1 classes: labels are 0 to 0, and" in said(sound, classes=("x",))
    Image.fromarray(np.zeros((1, 2, 3), np.uint8)).save(sound / "a.png")
    (sound / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    assert "not a label map (2 times)\n  a.png: not a valid label map: it has RGB, not one" in said(sound)
    assert "\n  b.png: " in said(sound)
    assert "no such folder" in said(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "contains no PNG file" in said(tmp_path / "empty")


BINARY = [[0, 0, 255, 255]]


def test_masks_of_0_and_255_are_noted_and_counted_where_void_is_none(tmp_path):
    true = write(tmp_path / "true", a=BINARY)
    told = write(tmp_path / "told", a=[[0, 0, 255, 0]])

    noted = score_maps(write(tmp_path / "some", a=[[0, 0, 0, 0]]), true, classes=("background", "coin"))
    assert noted.measurements[0].value == 1
    assert noted.notes[0].startswith(
        "50% of the true pixels are void, and only 'background' of 2 classes occurs"
    )
    with pytest.raises(InputError, match=r"labels outside the 1 classes: .*--void"):
        score_maps(write(tmp_path / "alarm", a=[[0, 255, 255, 0]]), true)
    for classes in (None, ("background", "coin")):
        counted = score_maps(told, true, classes=classes, void=frozenset())
        # background: 2 of 3 pixels; coin: 1 of 2
        assert counted.measurements[0].value == pytest.approx((2 / 3 + 1 / 2) / 2, abs=1e-15)
    zero_one = write(tmp_path / "zero_one", a=[[0, 0, 1, 0]])
    assert score_maps(zero_one, true, void=frozenset()).measurements[0].value == counted.measurements[0].value


def test_void_may_be_another_label(tmp_path):
    true = write(tmp_path / "true", a=[[0, 1, 2, 7]])
    told = write(tmp_path / "told", a=[[3, 1, 2, 1]])
    scored = score_maps(told, true, void=frozenset({0}))

    # classes are the labels 1 to 7: 1 has 1 of 2 pixels, 2 has its one, 7 none; the others do not occur
    assert scored.measurements[0].value == pytest.approx((1 / 2 + 1 + 0) / 3, abs=1e-15)
    assert scored.notes == ("By --void, labels are 1 to 7, and 0 for void.",)


def test_names_with_spaces_and_other_places_of_maps(tmp_path):
    true = write(tmp_path / "true", **{"scan 1": [[0, 1]], "scan 2": [[1, 1]]})
    (tmp_path / "set.txt").write_text("scan 2\nscan 1\n")
    assert score_maps(true, true, image_set=tmp_path / "set.txt").measurements[0].value == 1

    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep/lindau", a=[[0]])
    with pytest.raises(
        InputError, match=r"deep: contains no PNG file, but lindau/a\.png\.\n  Give that folder"
    ):
        score_maps(tmp_path / "deep", true)
    (tmp_path / "jpegs").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "jpegs/a.jpg")
    with pytest.raises(InputError, match=r"contains no PNG file, but 1 \.jpg\.\n  Save label maps as PNG"):
        score_maps(tmp_path / "jpegs", true)
