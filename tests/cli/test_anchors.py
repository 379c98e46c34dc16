"""`cvbench data anchors`: shapes for a detector to start from."""

import re

import numpy as np
import pytest
from PIL import Image

SMALL = ("--option", "size=64", "--option", "train=6")


def anchors_in(text):
    pairs = re.findall(r"\[([\d.]+), ([\d.]+)\]", text)
    return [(float(w), float(h)) for w, h in pairs]


def test_priors_are_printed_with_how_well_they_fit_and_drawn(cvbench, tmp_path):
    file = tmp_path / "shapes.png"

    done = cvbench("data", "anchors", "fashion-scenes", "-k", 3, "-o", file, *SMALL)

    assert done.code == 0
    pairs = anchors_in(done.stdout)
    areas = [w * h for w, h in pairs]
    assert len(pairs) == 3
    assert areas == sorted(areas)
    (quality,) = re.findall(r"mean IoU\s+(0\.\d{4}) of \d+ boxes", done.stdout)
    assert 0.6 < float(quality) < 1
    assert len(np.unique(np.asarray(Image.open(file)).reshape(-1, 3), axis=0)) > 5


def test_an_inputs_size_scales_the_shapes(cvbench):
    plain, double = (
        anchors_in(cvbench("data", "anchors", "fashion-scenes", "-k", 2, *SMALL, *size).stdout)
        for size in ((), ("--size", 128))
    )
    assert np.array(double) == pytest.approx(2 * np.array(plain), abs=0.15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fashion"], "fashion has no truth for detection"),
        (["fashion-scenes", "-o", "p.jpg"], "p.jpg: pictures are PNG"),
        (["fashion-scenes", "-k", "99", "--limit", "1", *SMALL], "too few for 99 anchors"),
    ],
)
def test_a_mistake_is_said_without_a_traceback(cvbench, arguments, message):
    done = cvbench("data", "anchors", *arguments)

    assert done.code == 2
    assert message in done.stderr
