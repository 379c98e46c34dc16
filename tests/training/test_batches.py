import pytest
import torch

from cvbench.errors import DataError
from cvbench.spec.cell import Augment
from cvbench.training.batches import BatchReader, StepSamples
from cvbench.values import Preprocessing
from tests.training.toys import STILL, Shades, Squares


def test_truths_are_in_pixels_of_the_prepared_input():
    batch = BatchReader(Squares(), Preprocessing((32, 64)), STILL, seed=0)(StepSamples(0, (3, 10)))
    assert batch.images.shape == (2, 3, 32, 64)
    # Squares at (3, 1) and (2, 5), 8 wide and high; 16 x 16 becomes 32 high and 64 wide.
    assert [truth.boxes.tolist() for truth in batch.truths.unpacked()] == [
        [[12, 2, 44, 18]],
        [[8, 10, 40, 26]],
    ]


def test_masks_come_along_for_those_who_need_them_only():
    for needs_masks in (False, True):
        feed = BatchReader(Squares(), Preprocessing((32, 32)), STILL, seed=0, needs_masks=needs_masks)
        (truth,) = feed(StepSamples(0, (0,))).truths.unpacked()
        assert (truth.masks is not None) == needs_masks


def test_what_happens_to_an_image_depends_on_seed_epoch_and_index_alone():
    def image(seed, epoch, indices):
        recipe = Augment(scale=(0.5, 2.0), shift=0.3)
        return BatchReader(Squares(), Preprocessing((32, 32)), recipe, seed)(
            StepSamples(epoch, indices)
        ).images[-1]

    assert torch.equal(image(0, 0, (5,)), image(0, 0, (1, 2, 5)))
    assert not torch.equal(image(0, 0, (5,)), image(0, 1, (5,)))
    assert not torch.equal(image(0, 0, (5,)), image(1, 0, (5,)))


def test_a_sample_that_cannot_be_decoded_ends_it_or_is_left_out():
    data = Shades(broken=[1])
    with pytest.raises(DataError, match=r"shades/1\.png"):
        BatchReader(data, Preprocessing((8, 8)), STILL, seed=0)(StepSamples(0, (0, 1)))
    feed = BatchReader(data, Preprocessing((8, 8)), STILL, seed=0, skip=True)
    batch = feed(StepSamples(0, (0, 1, 2)))
    assert len(batch) == len(batch.truths.unpacked()) == 2
    assert batch.skipped == ("1: shades/1.png: it cannot be decoded",)
    nothing = feed(StepSamples(0, (1,)))
    assert len(nothing) == 0
    assert nothing.truths is None


def test_a_multi_scale_training_changes_its_size_every_ten_steps():
    feed = BatchReader(Squares(), Preprocessing((32, 32)), STILL, seed=0, sides=(32, 64, 96))
    sides = [feed(StepSamples(0, (0,), step)).images.shape[-2:] for step in range(60)]
    assert all(len(set(sides[start : start + 10])) == 1 for start in range(0, 60, 10))
    assert set(sides) == {(32, 32), (64, 64), (96, 96)}
    assert [feed(StepSamples(0, (0,), step)).images.shape[-2:] for step in range(60)] == sides


def test_boxes_are_in_pixels_of_the_size_of_their_step():
    plain, double = (
        BatchReader(Squares(), Preprocessing((32, 32)), STILL, seed=0, sides=sides)(
            StepSamples(0, (3,))
        ).truths.unpacked()[0]
        for sides in ((), (64,))
    )
    torch.testing.assert_close(double.boxes, 2 * plain.boxes)
