from statistics import mean

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from cvbench.data.images.augmentation import augment, seeded_generator
from cvbench.data.images.geometry import crop
from cvbench.spec.cell import Augment
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Preprocessing

sides = st.tuples(*[st.integers(20, 400)] * 2)


def part(place):
    """Height and width of what the canvas shows, in pixels of the image."""
    return tuple(s * c / z for s, c, z in zip(place.source, place.canvas, place.size, strict=True))


def drawn(count, source=(300, 400), canvas=(224, 224), area=(0.08, 1.0), aspect=4 / 3):
    return [
        crop(source, canvas, area=area, aspect=aspect, generator=seeded_generator("test", index))
        for index in range(count)
    ]


@given(sides, sides, st.sampled_from([(0.08, 1.0), (0.5, 0.5), (1.0, 1.0)]), st.sampled_from([1.0, 4 / 3]))
def test_a_part_fills_the_canvas_and_lies_within_the_image(source, canvas, area, aspect):
    (place,) = drawn(1, source, canvas, area, aspect)
    assert place.canvas == canvas
    for size, corner, length in zip(place.size, place.corner, canvas, strict=True):
        assert corner <= 0
        assert corner + size >= length


def test_a_square_of_a_quarter_of_the_area_has_half_of_each_side():
    # of 100 x 100 pixels, 50 x 50 become 40 x 40, so the image becomes 80 x 80
    for place in drawn(20, (100, 100), (40, 40), (0.25, 0.25), 1.0):
        assert place.size == (80, 80)
        assert all(-40 <= corner <= 0 for corner in place.corner)


def test_the_whole_of_an_image_of_the_canvas_s_form_is_the_image():
    for place in drawn(20, (100, 100), (40, 40), (1.0, 1.0), 1.0):
        assert (place.size, place.corner) == ((40, 40), (0, 0))


def test_a_whole_image_of_another_form_is_cut_in_the_middle():
    # 400 x 100 on a square, stretched by at most 2: 200 of its columns, 100 of either side hidden
    (place,) = drawn(1, (100, 400), (50, 50), (1.0, 1.0), 2.0)
    assert part(place) == (100, 200)
    assert place.corner == (0, -25)


def test_areas_are_as_torchvision_draws_them():
    ours = [torch.tensor(part(place)).prod().item() / 120_000 for place in drawn(3000)]
    torch.manual_seed(0)
    crop, image = torchvision.transforms.RandomResizedCrop(224), torch.zeros(3, 300, 400)
    theirs = [crop.get_params(image, (0.08, 1.0), (3 / 4, 4 / 3)) for _ in range(3000)]
    areas = [h * w / 120_000 for _, _, h, w in theirs]
    # means of 3000 draws, of a standard deviation of a quarter, differ by 0.007 at random
    assert mean(ours) == pytest.approx(mean(areas), abs=0.02)
    assert min(ours) == pytest.approx(0.08, abs=0.005)


def test_sides_are_stretched_as_far_as_asked_and_either_way_alike():
    ratios = [width / height for height, width in map(part, drawn(2000, area=(0.08, 0.5)))]
    assert min(ratios) == pytest.approx(3 / 4, abs=0.02)
    assert max(ratios) == pytest.approx(4 / 3, abs=0.02)
    assert mean(ratio > 1 for ratio in ratios) == pytest.approx(0.5, abs=0.05)


def test_every_place_is_as_likely():
    places = drawn(2000, (100, 100), (40, 40), (0.25, 0.25), 1.0)
    for axis in (0, 1):
        corners = torch.tensor([-place.corner[axis] for place in places], dtype=torch.float64)
        assert corners.mean().item() == pytest.approx(20, abs=1)  # of 0 … 40; the mean's deviation is 0.26
        assert corners.std().item() == pytest.approx(40 / 12**0.5, abs=1)


def test_boxes_masks_and_maps_come_along():
    # a part of exactly a quarter: what lies at (x, y) of 32 x 32 is found at 2 x - left
    image = torch.arange(32, dtype=torch.uint8).expand(3, 32, 32).contiguous() * 8
    mask = torch.zeros(1, 32, 32, dtype=torch.bool)
    mask[:, 12:20, 12:20] = True
    objects = Detections(torch.tensor([[12.0, 12, 20, 20]]), torch.tensor([0]), torch.ones(1), mask)
    labels = LabelMap(mask[0].to(torch.uint8))
    recipe, plain = Augment(mirror=False, area=(0.25, 0.25)), Preprocessing((32, 32))
    place = crop(
        (32, 32), (32, 32), area=(0.25, 0.25), aspect=1.0,
        generator=seeded_generator("cutting", seeded_generator("test", 5).initial_seed()),
    )  # fmt: skip
    top, left = place.corner
    for truth in (objects, labels, ClassScores.of(0, 2)):
        moved = augment(image, truth, recipe, plain, seeded_generator("test", 5)).truth
        y, x = slice(max(0, 24 + top), 40 + top), slice(max(0, 24 + left), 40 + left)
        expected = torch.zeros(32, 32, dtype=torch.bool)
        expected[y, x] = True
        if isinstance(moved, Detections):
            assert torch.equal(moved.masks[0], expected)
            assert moved.boxes.tolist() == [
                [max(0, 24 + left), max(0, 24 + top), min(32, 40 + left), min(32, 40 + top)]
            ]
        elif isinstance(moved, LabelMap):
            assert torch.equal(moved.labels.bool(), expected)
            assert not (moved.labels == VOID).any()  # nothing is moved in


def test_cutting_leaves_the_other_draws_alone():
    recipe, plain = Augment(), Preprocessing((8, 8))
    image = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8).expand(3, 8, 8).contiguous()
    for index in range(20):
        whole = recipe.model_copy(update={"area": (1.0, 1.0)})
        seen = [
            augment(image, ClassScores.of(0, 2), one, plain, seeded_generator("test", index)).image
            for one in (recipe, whole)
        ]
        assert torch.equal(*seen)  # mirrored both times, or not at all
