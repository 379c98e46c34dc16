"""Pictures show each object at its place, in the color of its class."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cvbench.report.drawing import LONGEST, SIDE, contact_sheet, draw
from cvbench.report.palette import color
from cvbench.values import VOID, ClassScores, Detections, LabelMap

CLASSES = ("hat", "glove", "scarf")


def black(height: int, width: int) -> torch.Tensor:
    return torch.zeros(3, height, width, dtype=torch.uint8)


def found(boxes: list[list[float]], labels: list[int], **more) -> Detections:
    scores = more.pop("scores", torch.ones(len(labels)))
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(labels, dtype=torch.int64),
        scores,
        **more,
    )


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture)


def shows(picture: Image.Image, rgb: tuple[int, int, int]) -> np.ndarray:
    """Where a picture has exactly this color."""
    return (pixels(picture) == rgb).all(-1)


@given(height=st.integers(1, 400), width=st.integers(1, 400))
def test_a_small_image_is_enlarged_by_the_least_whole_factor(height, width):
    picture = draw(black(height, width), found([], []), CLASSES)

    factor = picture.width // width
    assert picture.size == (factor * width, factor * height)
    assert factor == 1 or max(picture.size) <= LONGEST
    assert factor == 1 or min(height, width) * (factor - 1) < SIDE
    assert min(picture.size) >= SIDE or max(height, width) * (factor + 1) > LONGEST


def test_enlarging_repeats_pixels():
    image = torch.randint(0, 256, (3, 80, 100), generator=torch.manual_seed(0)).to(torch.uint8)

    picture = pixels(draw(image, found([], []), CLASSES))

    assert np.array_equal(picture[::4, ::4], image.permute(1, 2, 0).numpy())
    assert np.array_equal(picture[3::4, 3::4], image.permute(1, 2, 0).numpy())


def test_a_box_is_drawn_along_the_inner_edge_of_its_pixels():
    picture = draw(black(400, 400), found([[50, 100, 150, 180]], [1]), CLASSES)

    rows, columns = np.nonzero(shows(picture, color(1))[100:])  # above lies the caption
    assert (columns.min(), columns.max()) == (50, 149)
    assert (rows.min() + 100, rows.max() + 100) == (100, 179)
    assert shows(picture, (0, 0, 0))[102:178, 52:148].all()


def test_a_box_of_less_than_a_pixel_or_beyond_the_image_is_no_error():
    picture = draw(
        black(320, 320), found([[5, 5, 5, 5], [-9, -9, 400, 0.2], [300, 300, 500, 500]], [0, 1, 2]), CLASSES
    )

    assert picture.size == (320, 320)


def test_a_mask_is_tinted_inside_and_drawn_at_its_outline():
    mask = torch.zeros(1, 320, 320, dtype=torch.bool)
    mask[0, 100:200, 100:200] = True
    truth = found([[0, 0, 320, 320]], [2], masks=mask)

    picture = pixels(draw(black(320, 320), truth, CLASSES))

    tint = (np.array(color(2)) * 0.35).round()
    assert (picture[110:190, 110:190] == tint).all()
    assert (picture[100, 100:200] == color(2)).all()
    assert (picture[150, 99] == 0).all()


def test_later_masks_lie_above_earlier_ones():
    masks = torch.ones(2, 320, 320, dtype=torch.bool)
    truth = found([[0, 0, 320, 320]] * 2, [0, 1], masks=masks)

    picture = pixels(draw(black(320, 320), truth, CLASSES))

    middle = np.array(color(0)) * 0.35 * 0.65 + np.array(color(1)) * 0.35
    assert np.abs(picture[160, 160] - middle).max() <= 1


def test_captions_of_one_place_do_not_cover_one_another():
    truth = found([[100, 100, 200, 200]] * 3, [0, 1, 2])

    picture = draw(black(320, 320), truth, CLASSES)

    # a caption is a plate of its class's color, 17 pixels high, where a box has lines of 2
    for label in range(3):
        assert shows(picture, color(label)).sum() > 200


def test_scores_are_written_for_predictions_only():
    box = [[50.0, 100, 150, 180]]
    truth = draw(black(320, 320), found(box, [0]), CLASSES)
    sure, unsure = (
        draw(black(320, 320), found(box, [0], scores=torch.tensor([score])), CLASSES) for score in (0.9, 0.4)
    )

    assert shows(truth, color(0)).sum() < shows(sure, color(0)).sum()
    assert pixels(sure).tobytes() != pixels(unsure).tobytes()


@pytest.mark.parametrize("mark", ["crowd", "difficult"])
def test_what_does_not_count_is_said(mark):
    box = [[50.0, 100, 150, 180]]
    plain = draw(black(320, 320), found(box, [0]), CLASSES)
    marked, unmarked = (
        draw(black(320, 320), found(box, [0], **{mark: torch.tensor([there])}), CLASSES)
        for there in (True, False)
    )

    assert pixels(plain).tobytes() == pixels(unmarked).tobytes()
    assert shows(marked, color(0)).sum() > shows(plain, color(0)).sum()


def test_a_label_map_leaves_the_background_and_has_the_colours_of_the_objects():
    labels = torch.zeros(320, 320, dtype=torch.uint8)
    labels[100:200, 100:200] = 3
    labels[250:300, 250:300] = VOID

    picture = draw(black(320, 320), LabelMap(labels), ("background", *CLASSES))

    tinted = pixels(picture)[:320]
    assert (tinted[150, 150] == (np.array(color(2)) * 0.35).round()).all()
    assert (tinted[:90] == 0).all()
    assert len(set(tinted[275, 275].tolist())) == 1  # void is gray
    assert tinted[275, 275, 0] > 0


def test_the_classes_of_a_label_map_stand_below_it_in_as_many_lines_as_they_need():
    few, many = torch.zeros(320, 320, dtype=torch.uint8), torch.zeros(320, 320, dtype=torch.uint8)
    few[0, 0] = 1
    many[0, :30] = torch.arange(1, 31)
    classes = ("background", *(f"class number {label}" for label in range(30)))

    one_line, lines = (draw(black(320, 320), LabelMap(labels), classes) for labels in (few, many))

    assert one_line.width == lines.width == 320
    assert 320 < one_line.height < 360
    assert lines.height > 400


def test_an_image_of_a_class_has_its_name_below_and_its_pixels_untouched():
    image = torch.full((3, 320, 320), 77, dtype=torch.uint8)

    truth = draw(image, ClassScores.of(1, 3), CLASSES)
    prediction = draw(image, ClassScores(torch.tensor([0.2, 0.7, 0.1])), CLASSES)

    assert (pixels(truth)[:320] == 77).all()
    assert shows(truth, color(1))[320:].any()
    assert pixels(truth).tobytes() != pixels(prediction).tobytes()  # which also has its score, 0.70


def test_a_sheet_has_its_images_in_rows():
    greys = [Image.new("RGB", (10 + at, 20), (at, at, at)) for at in range(5)]

    sheet = pixels(contact_sheet(greys, 3))

    # columns as wide as 13, 14 and 12 pixels, with 8 between them and around
    assert sheet.shape == (8 + 28 + 28, 8 + 21 + 22 + 20, 3)
    assert (sheet[8:28, 8:18] == 0).all()
    assert (sheet[8:28, 29:40] == 1).all()
    assert (sheet[8:28, 51:63] == 2).all()
    assert (sheet[36:56, 8:21] == 3).all()
    assert (sheet[36:56, 29:43] == 4).all()
    assert (sheet[36:56, 51:] == 255).all()


def test_a_sheet_is_no_wider_than_its_images():
    assert contact_sheet([Image.new("RGB", (10, 10))], 4).size == (26, 26)


@pytest.mark.parametrize(("images", "columns"), [(0, 3), (2, 0)])
def test_a_sheet_of_nothing_is_a_mistake_of_the_program(images, columns):
    with pytest.raises(ValueError, match=f"{images} images in {columns} columns"):
        contact_sheet([Image.new("RGB", (10, 10))] * images, columns)
