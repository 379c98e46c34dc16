from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import tensor

from cvbench.data.images.augmentation import augment, mirrored, seeded_generator, within
from cvbench.data.images.geometry import Placement, fit
from cvbench.spec.cell import Augment
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Preprocessing

SIZE = 32
PLAIN = Preprocessing((SIZE, SIZE), fill=9)
quarters = st.integers(0, 4 * SIZE).map(lambda n: n / 4)  # exact in float32, and so are their mirrors
boxes = st.lists(st.tuples(quarters, quarters, quarters, quarters), max_size=5)
recipes = st.builds(
    Augment,
    mirror=st.booleans(),
    scale=st.sampled_from([(1.0, 1.0), (0.5, 2.0), (2.0, 3.0), (0.3, 0.6)]),
    shift=st.sampled_from([0.0, 0.2, 1.0]),
    aspect=st.sampled_from([None, 1.5]),
)


def noise(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def detections(corners, **others):
    corners = torch.tensor(corners, dtype=torch.float32).reshape(-1, 2, 2).sort(1).values.flatten(1)
    n = len(corners)
    return Detections(corners, torch.arange(n), torch.ones(n), **others)


def rectangles(corners):
    """Masks that fill boxes with whole corners."""
    masks = torch.zeros(len(corners), SIZE, SIZE, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, corners.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = True
    return masks


def extents(masks):
    """The boxes around masks that are not empty."""
    rows, columns = masks.any(2), masks.any(1)
    return torch.tensor(
        [
            [c.nonzero().min(), r.nonzero().min(), c.nonzero().max() + 1, r.nonzero().max() + 1]
            for r, c in zip(rows, columns, strict=True)
        ],
        dtype=torch.float32,
    ).reshape(-1, 4)


def test_a_mirrored_box_lies_as_far_from_the_other_side():
    # width 10: (1, 2, 4, 6) -> (10 - 4, 2, 10 - 1, 6)
    image, truth = mirrored(noise(3, 8, 10), detections([1, 2, 4, 6]))
    assert truth.boxes.tolist() == [[6, 2, 9, 6]]
    assert torch.equal(image[:, :, 0], noise(3, 8, 10)[:, :, 9])


def test_a_mirrored_class_is_the_same_class():
    truth = ClassScores.of(1, 3)
    assert mirrored(noise(3, 4, 4), truth).truth is truth


@given(boxes)
def test_mirroring_twice_changes_nothing(corners):
    image, truth = noise(3, SIZE, SIZE), detections(corners, masks=noise(len(corners), SIZE, SIZE) > 99)
    twice = mirrored(*mirrored(image, truth))
    assert torch.equal(twice.image, image)
    assert torch.equal(twice.truth.boxes, truth.boxes)
    assert torch.equal(twice.truth.masks, truth.masks)
    labels = LabelMap(noise(SIZE, SIZE))
    assert torch.equal(mirrored(*mirrored(image, labels)).truth.labels, labels.labels)


@given(
    st.lists(st.tuples(*[st.integers(0, SIZE // 2 - 1)] * 2, *[st.integers(SIZE // 2, SIZE)] * 2), max_size=5)
)
def test_the_boxes_of_mirrored_masks_are_the_mirrored_boxes(corners):
    truth = detections(corners)
    moved = mirrored(noise(3, SIZE, SIZE), replace(truth, masks=rectangles(truth.boxes))).truth
    assert torch.equal(extents(moved.masks), moved.boxes)


def test_zooming_in_twice_shows_the_middle():
    # An image of 8 x 8 at 16 x 16, cut to the middle: 2..6 becomes 0..8.
    place = Placement((8, 8), (16, 16), (-4, -4), (8, 8))
    truth = within(place.truth(detections([[2, 2, 6, 6], [3, 3, 4, 5]])), place.canvas)
    assert truth.boxes.tolist() == [[0, 0, 8, 8], [2, 2, 4, 6]]


def test_an_object_of_which_less_than_a_quarter_remains_is_dropped():
    truth = detections([[-12, 0, 4, 8], [-13, 0, 4, 8], [-8, 0, 0, 8], [1, 1, 2, 2]], areas=torch.ones(4))
    kept = within(truth, (SIZE, SIZE))
    assert kept.boxes.tolist() == [[0, 0, 4, 8], [1, 1, 2, 2]]  # 4 of 16 columns are a quarter, 4 of 17 less
    assert kept.labels.tolist() == [0, 3]
    assert kept.areas is None


def test_objects_keep_their_flags_when_others_are_dropped():
    flags = {"crowd": tensor([True, False, True]), "difficult": tensor([False, True, True])}
    kept = within(detections([[-9, 0, -1, 8], [0, 0, 8, 8], [4, 4, 8, 8]], **flags), (SIZE, SIZE))
    assert kept.crowd.tolist() == [False, True]
    assert kept.difficult.tolist() == [True, True]


def test_a_recipe_that_asks_for_nothing_hands_the_image_on():
    image, truth = noise(3, SIZE, SIZE), detections([[-3, 0, 4, 4]])
    same = augment(image, truth, Augment(mirror=False), PLAIN, seeded_generator("test", 1))
    assert same.image is image
    assert same.truth is truth


def test_half_of_the_images_are_mirrored():
    image = noise(3, 4, 4)
    plain = Preprocessing((4, 4))
    draws = (seeded_generator("test", index) for index in range(1000))
    kept = sum(
        torch.equal(augment(image, ClassScores.of(0, 2), Augment(), plain, d).image, image) for d in draws
    )
    assert 450 < kept < 550  # three standard deviations are 47


def test_factors_are_drawn_evenly_by_their_logarithm():
    # A factor below 1 is as likely as one above it; then some of the canvas is bare.
    image, truth = torch.full((3, SIZE, SIZE), 200, dtype=torch.uint8), ClassScores.of(0, 2)
    recipe = Augment(mirror=False, scale=(0.25, 4.0))
    bare = sum(
        bool((augment(image, truth, recipe, PLAIN, seeded_generator("test", index)).image == 9).any())
        for index in range(500)
    )
    assert 200 < bare < 300


def test_what_is_moved_in_is_filled_and_does_not_count():
    image, truth = (
        torch.full((3, SIZE, SIZE), 200, dtype=torch.uint8),
        LabelMap(torch.ones(SIZE, SIZE, dtype=torch.uint8)),
    )
    for index in range(20):
        recipe = Augment(scale=(0.4, 0.8), shift=0.5)
        image_seen, truth_seen = augment(image, truth, recipe, PLAIN, seeded_generator("test", index))
        assert torch.equal(image_seen[0] == 9, truth_seen.labels == VOID)
        assert torch.equal(image_seen[0] == 200, truth_seen.labels == 1)


@given(recipes, boxes, st.integers(0, 1000))
def test_boxes_stay_on_the_canvas_and_follow_no_masks(recipe, corners, index):
    truth = detections(corners, masks=noise(len(corners), SIZE, SIZE) > 99)
    with_masks = augment(noise(3, SIZE, SIZE), truth, recipe, PLAIN, seeded_generator("test", index))
    without = augment(
        noise(3, SIZE, SIZE), replace(truth, masks=None), recipe, PLAIN, seeded_generator("test", index)
    )
    assert torch.equal(with_masks.truth.boxes, without.truth.boxes)
    assert torch.equal(with_masks.image, without.image)
    assert with_masks.truth.masks.shape == (len(without.truth), SIZE, SIZE)
    assert with_masks.image.shape == (3, SIZE, SIZE)
    assert ((without.truth.boxes >= 0) & (without.truth.boxes <= SIZE)).all()


@given(recipes, st.tuples(*[st.integers(0, SIZE - 1)] * 2), st.integers(0, 1000))
def test_boxes_lie_around_their_masks_to_the_pixel(recipe, corner, index):
    (x, y), side = corner, 8
    truth = detections([x, y, min(x + side, SIZE), min(y + side, SIZE)])
    truth = replace(truth, masks=rectangles(truth.boxes))
    moved = augment(noise(3, SIZE, SIZE), truth, recipe, PLAIN, seeded_generator("test", index)).truth
    seen = moved.masks.flatten(1).any(1)
    # A pixel is an object's when its centre is, so a mask's edge is the box's within half a pixel.
    torch.testing.assert_close(extents(moved.masks[seen]), moved.boxes[seen], atol=0.5 + 1e-4, rtol=0)


def test_a_photograph_is_resampled_once():
    # One placement for both steps: at factor 2 the middle half of 128 is shown at 32 x 32.
    photograph = noise(3, 128, 128)
    recipe = Augment(mirror=False, scale=(2.0, 2.0))
    seen = augment(photograph, ClassScores.of(0, 2), recipe, PLAIN, seeded_generator("test", 1)).image
    expected = fit(photograph, None, Preprocessing((64, 64))).image[:, 16:48, 16:48]
    assert torch.equal(seen, expected)


def test_a_stretched_image_keeps_its_area():
    # A square in the middle of 32 pixels: its sides become 16 / r and 16 r, r being at most the root of 4.
    truth = detections([8, 8, 24, 24])
    ratios = []
    for index in range(50):
        recipe = Augment(aspect=4.0)
        moved = augment(noise(3, SIZE, SIZE), truth, recipe, PLAIN, seeded_generator("test", index)).truth
        x1, y1, x2, y2 = moved.boxes[0].tolist()
        assert (x2 - x1) * (y2 - y1) == pytest.approx(256, rel=0.05)  # sides are whole pixels
        ratios.append((x2 - x1) / (y2 - y1))
    assert min(ratios) < 0.5
    assert max(ratios) > 2
    assert all(1 / 4.2 < ratio < 4.2 for ratio in ratios)


def test_the_truth_of_a_recoloured_image_is_the_same():
    truth = detections([1, 1, 5, 5])
    recipe = Augment(mirror=False, hue=0.1, saturation=1.5, exposure=1.5, lighting=0.1)
    seen = augment(noise(3, SIZE, SIZE), truth, recipe, PLAIN, seeded_generator("test", 1))
    assert seen.truth is truth
    assert not torch.equal(seen.image, noise(3, SIZE, SIZE))


@pytest.mark.parametrize("other", [{"scale": (0.9, 1.1)}, {"shift": 0.1}, {"hue": 0.1}, {"aspect": 1.2}])
def test_whether_an_image_is_mirrored_does_not_depend_on_the_rest_of_the_recipe(other):
    # An object in the left quarter is in the right half exactly if the image was mirrored.
    truth = detections([7, 15, 9, 17])
    for index in range(20):
        found = [
            augment(noise(3, SIZE, SIZE), truth, recipe, PLAIN, seeded_generator("test", index)).truth.boxes[
                0, 0
            ]
            for recipe in (Augment(), Augment(**other))
        ]
        assert (found[0] > SIZE / 2) == (found[1] > SIZE / 2)
