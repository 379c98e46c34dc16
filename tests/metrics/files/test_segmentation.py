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
    miou, accuracy, _ = score_maps(told, true)
    assert miou.value == pytest.approx((2 / 3 + 1 / 2) / 2, abs=1e-15)
    assert [part.value for part in miou.parts] == [pytest.approx(2 / 3), 0.5]
    assert accuracy.value == 3 / 4


def test_a_list_chooses_images(tmp_path):
    true = write(tmp_path / "true", a=[[0, 1]], b=[[1, 1]])
    told = write(tmp_path / "told", b=[[1, 0]])
    (tmp_path / "set.txt").write_text("b\n")
    miou, *_ = score_maps(told, true, classes=("x", "y"), image_set=tmp_path / "set.txt")
    assert (miou.n, miou.value) == (1, (0 + 0.5) / 2)
    write(tmp_path / "true", **{"scan 2": [[1, 1]]})
    write(tmp_path / "told", **{"scan 2": [[1, 1]]})
    (tmp_path / "set.txt").write_text("scan 2\nb 1\n")
    assert score_maps(told, true, classes=("x", "y"), image_set=tmp_path / "set.txt")[0].n == 2
    (tmp_path / "set.txt").write_text("b\nc\n")
    with pytest.raises(InputError, match=r"an image without a map in .*true\n  line 2: c"):
        score_maps(told, true, image_set=tmp_path / "set.txt")


def test_maps_that_are_not_sound(tmp_path):
    true = write(tmp_path / "true", a=[[0, 1]], b=[[1, 1]])

    def said(told, **options):
        with pytest.raises(InputError) as refused:
            score_maps(told, true, **options)
        return str(refused.value)

    assert "no map of an image of the truth\n  b.png" in said(write(tmp_path / "few", a=[[0, 1]]))
    more = write(tmp_path / "more", a=[[0, 1]], b=[[1, 1]], c=[[0, 0]])
    assert "a map of an image that the truth does not have\n  c.png" in said(more)
    other = write(tmp_path / "other", a=[[0, 1, 1]], b=[[1], [1]])
    assert "another size than its image (2 times)\n  a.png: 1 x 3 for 1 x 2\n  b.png: 2 x 1" in said(other)
    wrong = write(tmp_path / "wrong", a=[[0, 2]], b=[[1, 255]])
    assert "labels that are none of the 2 classes (2 times)\n  a.png: 2\n  b.png: 255" in said(wrong)
    sound = write(tmp_path / "sound", a=[[0, 1]], b=[[1, 1]])
    assert "true: labels that are none of the 1 classes (2 times)\n  a.png: 1" in said(sound, classes=("x",))
    Image.fromarray(np.zeros((1, 2, 3), np.uint8)).save(sound / "a.png")
    (sound / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    assert "a PNG that is no map of bytes\n  a.png: mode RGB" in said(sound)
    assert "a PNG that cannot be decoded\n  b.png" in said(sound)
    assert "there is no such folder" in said(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "has no PNG file in it" in said(tmp_path / "empty")
