import multiprocessing
from contextlib import closing
from itertools import islice

import pytest
import torch

from cvbench.data.images.geometry import fit
from cvbench.data.images.loader import batches
from cvbench.errors import DataError
from cvbench.values import ClassScores, Preprocessing, Sample
from tests.data.images.gated import Faulty, Gate, Gated
from tests.data.images.pictures import Pictures

SQUARE = Preprocessing((24, 24), "letterbox")


def test_an_id_of_bytes_that_are_no_utf_8_is_escaped_for_records():
    class Latin:
        classes = ("a",)

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return Sample(torch.zeros(3, 4, 4, dtype=torch.uint8), ClassScores.of(0, 1), "caf\udce9.png")

    [batch] = batches(Latin(), Preprocessing((4, 4)), batch=1)
    assert batch.ids == ("caf\\udce9.png",)


def test_each_sample_comes_once_and_in_order():
    data = Pictures(10)
    seen = list(batches(data, SQUARE, batch=4))
    assert [len(batch) for batch in seen] == [4, 4, 2]
    assert [name for batch in seen for name in batch.ids] == [f"picture {k}" for k in range(10)]
    for batch, first in zip(seen, (0, 4, 8), strict=True):
        for k in range(len(batch)):
            sample, fitted = data[first + k], fit(data[first + k].image, None, SQUARE)
            assert torch.equal(batch.images[k], fitted.image)
            assert batch.placements[k] == fitted.placement
            assert torch.equal(batch.truths[k].boxes, sample.truth.boxes)


def test_truths_are_those_of_the_images_as_they_were_read():
    (batch,) = batches(Pictures(4), SQUARE, batch=4, needs_masks=True)
    assert batch.truths[3].masks.shape == (3, 20, 29)


def test_masks_that_nobody_needs_are_left_out_and_their_areas_kept():
    (batch,) = batches(Pictures(4), SQUARE, batch=4)
    assert batch.truths[3].masks is None
    assert batch.truths[3].areas.tolist() == [20.0] * 3


@pytest.mark.full
def test_workers_change_nothing_and_draw_nothing():
    random_state = torch.get_rng_state()
    data = Pictures(23, broken=[0, 1, 2, 11])
    here = list(batches(data, SQUARE, batch=3, undecodable="skip", needs_masks=True))
    there = list(batches(data, SQUARE, batch=3, undecodable="skip", needs_masks=True, workers=2))
    assert len(here) == len(there)
    for ours, theirs in zip(here, there, strict=True):
        assert torch.equal(ours.images, theirs.images)
        assert (ours.ids, ours.placements, ours.skipped) == (theirs.ids, theirs.placements, theirs.skipped)
        for a, b in zip(ours.truths, theirs.truths, strict=True):
            assert torch.equal(a.boxes, b.boxes)
            assert torch.equal(a.masks, b.masks)
    assert torch.equal(random_state, torch.get_rng_state())
    assert not multiprocessing.active_children()


@pytest.mark.full
def test_workers_start_side_by_side_however_large_the_data_set_is(tmp_path):
    data = Gated(4, Gate(tmp_path, 2))
    seen = list(batches(data, SQUARE, batch=2, workers=2))
    assert {name for batch in seen for name in batch.ids} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.full)])
def test_without_end_it_begins_again_where_it_ends(workers):
    with closing(batches(Pictures(5), SQUARE, batch=2, workers=workers, endless=True)) as endless:
        seen = list(islice(endless, 8))
    names = [tuple(int(name.removeprefix("picture ")) for name in batch.ids) for batch in seen]
    assert names == [*([(0, 1), (2, 3), (4,)] * 2), (0, 1), (2, 3)]
    assert not multiprocessing.active_children()


@pytest.mark.full
def test_a_fault_in_what_nobody_asked_for_is_not_raised():
    with closing(batches(Faulty(8, sound=4), SQUARE, batch=2, workers=1)) as loader:
        assert next(loader).ids == ("picture 0", "picture 1")
    assert not multiprocessing.active_children()


@pytest.mark.full
def test_a_fault_of_the_program_leaves_no_process_behind():
    with pytest.raises(ValueError, match="picture 4") as caught:
        list(batches(Faulty(8, sound=4), SQUARE, batch=2, workers=2))
    assert not multiprocessing.active_children(), caught  # which still holds the frames


@pytest.mark.full
def test_without_end_the_processes_stay():
    with closing(batches(Gated(2), SQUARE, batch=2, workers=1, endless=True)) as endless:
        assert len({name for batch in islice(endless, 5) for name in batch.ids}) == 1


def test_without_end_a_data_set_of_which_nothing_can_be_decoded_is_an_error():
    with pytest.raises(DataError, match="all 2 samples are corrupt"):
        next(batches(Pictures(2, broken=[0, 1]), SQUARE, batch=1, undecodable="skip", endless=True))


@pytest.mark.full
@pytest.mark.parametrize("workers", [0, 1])
def test_a_sample_that_cannot_be_decoded_is_named(workers):
    with pytest.raises(DataError) as caught:
        list(batches(Pictures(6, broken=[4]), SQUARE, batch=2, workers=workers))
    assert str(caught.value) == "pictures/4.jpg: it cannot be decoded"
    assert not multiprocessing.active_children()


def test_skipped_samples_are_told_and_no_batch_is_empty():
    data = Pictures(12, broken=[0, 1, 2, 4, 6, 7, 8])
    seen = list(batches(data, SQUARE, batch=3, undecodable="skip"))
    assert [batch.ids for batch in seen] == [
        ("picture 3", "picture 5"),
        ("picture 9", "picture 10", "picture 11"),
    ]
    told = [text for batch in seen for text in batch.skipped]
    assert told == [f"{k}: pictures/{k}.jpg: it cannot be decoded" for k in (0, 1, 2, 4, 6, 7, 8)]


def test_samples_skipped_at_the_end_are_told_too():
    (batch,) = batches(Pictures(4, broken=[2, 3]), SQUARE, batch=2, undecodable="skip")
    assert len(batch.skipped) == 2


def test_a_data_set_of_which_nothing_can_be_decoded_is_an_error():
    with pytest.raises(DataError, match="all 2 samples are corrupt") as caught:
        list(batches(Pictures(2, broken=[0, 1]), SQUARE, batch=1, undecodable="skip"))
    assert "pictures/0.jpg" in str(caught.value)


def test_an_empty_data_set_is_an_error():
    with pytest.raises(DataError, match="pictures: test: the dataset is empty"):
        list(batches(Pictures(0), SQUARE, batch=1))


def test_images_with_sizes_of_their_own_come_with_those_of_their_size():
    scaled = Preprocessing((24, 32), "scale", shorter=24)
    data = Pictures(10)
    seen = list(batches(data, scaled, batch=10))
    assert sorted(name for batch in seen for name in batch.ids) == sorted(f"picture {k}" for k in range(10))
    assert len({batch.images.shape[-2:] for batch in seen}) == len(seen) > 1
    for batch in seen:
        for image, name, truth, place in zip(
            batch.images, batch.ids, batch.truths, batch.placements, strict=True
        ):
            sample = data[int(name.removeprefix("picture "))]
            fitted = fit(sample.image, None, scaled)
            assert torch.equal(image, fitted.image)
            assert torch.equal(truth.boxes, sample.truth.boxes)
            assert place == fitted.placement
