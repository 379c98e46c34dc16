"""How well one image was done, and which are kept as the worst."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from cvbench.data.images.loader import Batch
from cvbench.record import Passport
from cvbench.runner.worst_images import SIDE, Worst, picture_table, quality
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Sample


def boxes(*items):
    """(class, score, x1, y1, x2, y2) each."""
    rows = torch.tensor(items, dtype=torch.float32).reshape(-1, 6)
    return Detections(rows[:, 2:], rows[:, 0].long(), rows[:, 1])


def batch(start, truths):
    n = len(truths)
    positions = tuple(range(start, start + n))
    return Batch(
        torch.zeros(n, 3, 4, 4, dtype=torch.uint8),
        tuple(truths),
        (),
        tuple(f"i{p}" for p in positions),
        positions,
        (),
    )


def test_a_class_is_as_well_done_as_the_right_one_is_believed():
    truth = ClassScores.of(1, 3)
    assert quality(ClassScores(torch.tensor([0.5, 0.25, 0.25])), truth) == 0.25
    assert quality(ClassScores(torch.tensor([0.5, float("nan"), 0.5])), truth) == 0.0


def test_detections_are_as_good_as_the_images_own_average_precision():
    truth = boxes((0, 1, 0, 0, 10, 10), (1, 1, 50, 50, 60, 60))
    # Found at rank 1 (precision 1), a false one at rank 2, found at rank 3 (2/3), over two objects.
    found = boxes((1, 0.9, 50, 50, 60, 60), (1, 0.8, 0, 0, 10, 10), (0, 0.7, 0, 0, 10, 9))
    assert quality(found, truth) == pytest.approx((1 + 2 / 3) / 2)
    assert quality(Detections.none(), truth) == 0.0


def test_an_image_without_objects_is_as_good_as_its_loudest_false_alarm_is_quiet():
    assert quality(Detections.none(), Detections.none()) == 1.0
    assert quality(boxes((0, 0.75, 0, 0, 5, 5)), Detections.none()) == 0.25


def test_a_label_map_is_as_good_as_its_mean_overlap_and_void_does_not_count():
    true = LabelMap(torch.tensor([[0, 0, 1, VOID]], dtype=torch.uint8))
    seen = LabelMap(torch.tensor([[0, 1, 1, 1]], dtype=torch.uint8))
    assert quality(seen, true) == pytest.approx(0.5)  # class 0: 1 of 2; class 1: 1 of 2


def test_the_worst_of_all_batches_are_kept_the_worst_first_and_the_earlier_among_equals():
    worst = Worst(keep=3)
    for start, shares in ((0, [0.5, 0.1, 0.9]), (3, [0.1, 0.3, 0.2])):
        worst.see(
            batch(start, [ClassScores.of(0, 2)] * 3), [ClassScores(torch.tensor([s, 1 - s])) for s in shares]
        )
    assert [bad.position for bad in worst.images()] == [1, 3, 5]


class Data:
    """Large grey images with a black left half."""

    classes = ("a", "b", "c")
    task = "detection"
    passport = Passport(name="grey", split="test", images=9, classes=3, sha256="0")

    def __len__(self):
        return 9

    def __getitem__(self, index):
        image = torch.full((3, 300, 600), 128, dtype=torch.uint8)
        image[:, :, :300] = 0
        return Sample(image, Detections.none(), str(index))


def test_a_kept_image_is_small_and_boxes_stay_in_pixels_of_the_image_as_read():
    worst = Worst()
    worst.see(batch(7, [boxes((2, 1, 0, 0, 300, 300))]), [boxes((1, 0.5, 10, 20, 300, 280))])
    [row] = picture_table(worst.images(), Data()).to_pylist()
    assert (row["id"], row["width"], row["height"]) == ("i7", 600, 300)
    assert (row["true_label"], row["true_corners"]) == ([2], [0, 0, 300, 300])
    assert (row["label"], row["score"], row["corners"]) == ([1], [0.5], [10, 20, 300, 280])
    picture = Image.open(io.BytesIO(row["picture"]))
    assert picture.size == (SIDE, SIDE // 2)
    assert np.asarray(picture)[50, [20, 200], 0].astype(int) - [0, 128] == pytest.approx(0, abs=2)


def test_label_maps_are_kept_as_they_are_drawn_without_new_labels():
    true, seen = (LabelMap(torch.full((300, 600), k, dtype=torch.uint8)) for k in (3, VOID))
    true.labels[:, ::2] = 5
    worst = Worst()
    worst.see(batch(0, [true]), [seen])
    [row] = picture_table(worst.images(), Data()).to_pylist()
    assert set(np.unique(np.asarray(Image.open(io.BytesIO(row["true_map"]))))) <= {3, 5}
    assert np.unique(np.asarray(Image.open(io.BytesIO(row["map"])))).tolist() == [VOID]


def test_without_images_the_table_is_empty_and_has_its_columns():
    assert picture_table([], Data()).num_rows == 0
