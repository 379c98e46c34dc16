import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvbench.data.images.augmentation import augment, displacements, elastic, elastic_truth, seeded_generator
from cvbench.spec.cell import Augment
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Preprocessing

SIZE = (24, 40)
H, W = SIZE


def noise(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def shifted(down, right):
    """A field that is the same everywhere."""
    return torch.tensor([down, right], dtype=torch.float32)[:, None, None].expand(2, H, W)


def rectangle(x1, y1, x2, y2):
    mask = torch.zeros(H, W, dtype=torch.bool)
    mask[y1:y2, x1:x2] = True
    return mask


def objects(*corners, **others):
    boxes = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
    masks = torch.stack([rectangle(*corner) for corner in corners]) if corners else None
    return Detections(boxes, torch.arange(len(corners)), torch.ones(len(corners)), masks, **others)


def cubic(t):
    """Keys 1981, with a = -0.75."""
    t, a = abs(t), -0.75
    if t < 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def test_between_the_coarse_places_runs_the_cubic_convolution():
    coarse = torch.randn(2, 3, 3, generator=seeded_generator("test", 3)) * 10
    field = displacements(SIZE, deviation=10.0, generator=seeded_generator("test", 3))
    for y, x in [(0, 0), (H - 1, W - 1), (5, 7), (11, 20), (23, 3)]:
        v, u = 2 * y / (H - 1), 2 * x / (W - 1)  # the canvas's pixels in steps of the coarse grid
        for part in (0, 1):
            expected = sum(
                cubic(v - i) * cubic(u - j) * coarse[part, min(max(i, 0), 2), min(max(j, 0), 2)].item()
                for i in range(math.floor(v) - 1, math.floor(v) + 3)
                for j in range(math.floor(u) - 1, math.floor(u) + 3)
            )
            assert field[part, y, x].item() == pytest.approx(expected, abs=1e-3)


def test_displacements_have_the_deviation_asked_for_and_no_direction():
    fields = [
        displacements((3, 3), deviation=10.0, generator=seeded_generator("test", n)) for n in range(500)
    ]
    drawn = torch.stack(fields).flatten()  # on 3 x 3 pixels the field is the coarse grid: 9000 draws
    assert drawn.std().item() == pytest.approx(10, abs=0.3)
    assert drawn.mean().item() == pytest.approx(0, abs=0.4)


def test_a_field_of_nothing_changes_nothing():
    truth = objects([3, 2, 9, 8])
    assert torch.equal(elastic(noise(3, *SIZE), shifted(0, 0), 9), noise(3, *SIZE))
    same = elastic_truth(truth, shifted(0, 0), least=0.25)
    assert torch.equal(same.boxes, truth.boxes)
    assert torch.equal(same.masks, truth.masks)
    labels = noise(*SIZE)
    assert torch.equal(elastic_truth(LabelMap(labels), shifted(0, 0), least=0.25).labels, labels)
    assert elastic_truth(ClassScores.of(0, 2), shifted(0, 0), least=0.25).scores.tolist() == [1, 0]


def test_a_pixel_takes_what_lies_where_it_is_sent():
    # two down and three to the right: the image comes up by two rows and left by three columns
    image, labels = noise(3, *SIZE), noise(*SIZE)
    seen = elastic(image, shifted(2, 3), 9)
    assert torch.equal(seen[:, : H - 2, : W - 3], image[:, 2:, 3:])
    assert (seen[:, H - 2 :] == 9).all()
    assert (seen[:, :, W - 3 :] == 9).all()
    moved = elastic_truth(LabelMap(labels), shifted(2, 3), least=0.25).labels
    assert torch.equal(moved[: H - 2, : W - 3], labels[2:, 3:])
    assert (moved[H - 2 :] == VOID).all()
    found = elastic_truth(objects([13, 12, 20, 18]), shifted(2, 3), least=0.25)
    assert found.boxes.tolist() == [[10, 10, 17, 16]]
    assert torch.equal(found.masks[0], rectangle(10, 10, 17, 16))


def test_between_two_pixels_lies_their_mean():
    image = torch.zeros(3, *SIZE, dtype=torch.uint8)
    image[:, :, 10:] = 100
    seen = elastic(image, shifted(0, 0.5), 9)
    assert seen[0, 0, 8:12].tolist() == [0, 50, 100, 100]


def bent_one_by_one(image, field, fill):
    """Every pixel by itself."""
    seen = torch.full_like(image, fill)
    for y in range(H):
        for x in range(W):
            v, u = y + field[0, y, x].item(), x + field[1, y, x].item()
            if not (-0.5 <= v < H - 0.5 and -0.5 <= u < W - 0.5):
                continue
            v, u = min(max(v, 0), H - 1), min(max(u, 0), W - 1)
            top, left = math.floor(v), math.floor(u)
            total = torch.zeros(3)
            for i, p in ((top, 1 - v + top), (top + 1, v - top)):
                for j, q in ((left, 1 - u + left), (left + 1, u - left)):
                    total += p * q * image[:, min(i, H - 1), min(j, W - 1)]
            seen[:, y, x] = total.round()
    return seen


@pytest.mark.full
@given(st.integers(0, 1000))
def test_a_bent_image_is_what_one_pixel_after_the_other_gives(seed):
    field = displacements(SIZE, deviation=4.0, generator=seeded_generator("test", seed))
    image = noise(3, *SIZE)
    apart = (elastic(image, field, 9).int() - bent_one_by_one(image, field, 9).int()).abs()
    assert apart.max() <= 1  # halves are rounded either way


@given(st.integers(0, 1000))
def test_a_box_holds_what_its_object_became_and_nothing_beside(seed):
    field = displacements(SIZE, deviation=3.0, generator=seeded_generator("test", seed))
    found = elastic_truth(objects([10, 6, 30, 18], [2, 3, 12, 20]), field, least=0.25)
    for (x1, y1, x2, y2), mask in zip(found.boxes.int().tolist(), found.masks, strict=True):
        rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
        around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert [x1, y1, x2, y2] == [int(edge) for edge in around]


@given(st.integers(0, 1000))
def test_what_is_void_is_filled_and_no_object(seed):
    field = displacements(SIZE, deviation=6.0, generator=seeded_generator("test", seed))
    image = elastic(torch.full((3, *SIZE), 200, dtype=torch.uint8), field, 9)
    labels = elastic_truth(LabelMap(torch.ones(SIZE, dtype=torch.uint8)), field, least=0.25).labels
    assert torch.equal(image[0] == 9, labels == VOID)
    masks = elastic_truth(objects([0, 0, W, H]), field, least=0.0).masks
    assert torch.equal(masks[0], labels == 1)


def test_an_object_that_was_bent_out_of_sight_is_dropped_and_the_others_keep_their_flags():
    truth = objects(
        *([0, 0, 8, 8], [0, 0, 8, 10], [20, 8, 30, 20]),
        crowd=torch.tensor([False, True, True]),
        difficult=torch.tensor([True, True, False]),
        areas=torch.tensor([64.0, 80.0, 120.0]),
    )
    kept = elastic_truth(truth, shifted(7, 0), least=0.25)  # one row of eight, three of ten, all
    assert kept.labels.tolist() == [1, 2]
    assert kept.boxes.tolist() == [[0, 0, 8, 3], [20, 1, 30, 13]]
    assert kept.crowd.tolist() == [True, True]
    assert kept.difficult.tolist() == [True, False]
    assert kept.areas is None


def test_no_object_is_no_error():
    none = elastic_truth(Detections.none(), shifted(1, 1), least=0.25)
    assert none.boxes.shape == (0, 4)


def test_a_bent_picture_depends_on_its_draws_alone():
    image, plain = noise(3, 32, 32), Preprocessing((32, 32), fill=9)
    recipe = Augment(mirror=False, elastic=3.0)
    truth = ClassScores.of(0, 2)

    def seen(index, **others):
        one = recipe.model_copy(update=others)
        return augment(image, truth, one, plain, seeded_generator("test", index)).image

    assert torch.equal(seen(1), seen(1))
    assert not torch.equal(seen(1), seen(2))
    assert torch.equal(seen(1), seen(1, mirror=True)) or torch.equal(seen(1).flip(-1), seen(1, mirror=True))
    lighter = seen(1, elastic=None, lighting=0.1).int() - image.int()
    assert lighter.float().std() < 12  # of one shift for all pixels, cut at 0 and 255


def test_the_other_draws_stay_as_they_were():
    truth = Detections(torch.tensor([[12.0, 12, 20, 20]]), torch.tensor([0]), torch.ones(1))
    plain = Preprocessing((32, 32))
    for index in range(20):
        places = [
            augment(noise(3, 32, 32), truth, recipe, plain, seeded_generator("test", index)).truth.boxes[0]
            for recipe in (Augment(shift=0.2), Augment(shift=0.2, elastic=1e-6))
        ]
        torch.testing.assert_close(*places, atol=1.0, rtol=0)
