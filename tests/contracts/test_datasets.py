"""What every data set of the catalogue promises, checked for each by its being there."""

import pickle

import pytest
import torch

from cvbench.data.datasets import open_dataset
from cvbench.interfaces import Dataset
from cvbench.spec.catalogue import DATASETS, DatasetCard
from cvbench.spec.cell import DataSpec, Option, TaskName
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Sample

LOOKED_AT = 40
"""Samples of each split that are looked at one by one: the first ones, and the last."""
TRUTHS = {"classification": ClassScores, "detection": Detections, "segmentation": LabelMap}
COME_ALONG = [card for card in DATASETS.values() if not card.needs_root]
EVERY = [
    pytest.param(card, task, split, id=f"{card.name}-{task}-{split}")
    for card in COME_ALONG
    for task in card.tasks
    for split in card.splits
]


def opened(card: DatasetCard, task: TaskName, split: str, **options: Option) -> Dataset:
    return open_dataset(DataSpec(name=card.name, options=options), task=task, split=split)


def looked_at(dataset: Dataset) -> list[Sample]:
    return [dataset[index] for index in (*range(min(LOOKED_AT, len(dataset))), len(dataset) - 1)]


def tensors(sample: Sample) -> list[torch.Tensor]:
    return [sample.image, *(field for field in vars(sample.truth).values() if field is not None)]


def equal(one: Sample, other: Sample) -> bool:
    pairs = zip(tensors(one), tensors(other), strict=True)
    return one.id == other.id and all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(("card", "task", "split"), EVERY)
def test_it_is_what_its_card_says(card, task, split):
    dataset = opened(card, task, split)

    assert isinstance(dataset, Dataset)
    assert dataset.task == task
    assert len(dataset) == dataset.passport.images == card.splits[split]
    assert dataset.passport.name == card.name
    assert dataset.passport.split == split
    assert len(dataset.classes) == dataset.passport.classes == card.classes + (task == "segmentation")
    assert len(set(dataset.classes)) == len(dataset.classes)
    assert (dataset.classes[0] == "background") == (task == "segmentation")


@pytest.mark.parametrize(("card", "task", "split"), EVERY)
def test_its_samples_are_whole(card, task, split):
    dataset = opened(card, task, split)
    samples = looked_at(dataset)

    for sample in samples:
        assert sample.image.dtype == torch.uint8
        assert sample.image.shape[0] == 3
        assert sample.image.is_contiguous()
        assert isinstance(sample.truth, TRUTHS[task])
        check(sample.truth, dataset.classes, *sample.image.shape[1:])
    assert len({sample.id for sample in samples}) == len(samples)


def check(
    truth: ClassScores | Detections | LabelMap, classes: tuple[str, ...], height: int, width: int
) -> None:
    """Raise AssertionError for a truth that cannot be one of such an image."""
    match truth:
        case ClassScores():
            assert truth.scores.shape == (len(classes),)
            assert truth.scores.sort().values.tolist() == [0.0] * (len(classes) - 1) + [1.0]
        case LabelMap():
            assert truth.labels.shape == (height, width)
            assert (truth.labels[truth.labels != VOID] < len(classes)).all()
        case Detections():
            left, top, right, bottom = truth.boxes.unbind(1)
            assert (left >= 0).all()
            assert (top >= 0).all()
            assert (right <= width).all()
            assert (bottom <= height).all()
            assert (right > left).all()
            assert (bottom > top).all()
            assert (truth.labels >= 0).all()
            assert (truth.labels < len(classes)).all()
            assert (truth.scores == 1).all()
            check_masks(truth, height, width)


def check_masks(truth: Detections, height: int, width: int) -> None:
    if truth.masks is None:
        return
    assert truth.masks.shape == (len(truth), height, width)
    assert truth.masks.any(2).any(1).all()
    for mask, (left, top, right, bottom) in zip(truth.masks, truth.boxes.ceil().int().tolist(), strict=True):
        assert mask.sum() == mask[max(top - 1, 0) : bottom, max(left - 1, 0) : right].sum()


@pytest.mark.parametrize(
    "truth",
    [
        ClassScores(torch.tensor([0.5, 0.5])),
        LabelMap(torch.full((4, 4), 2, dtype=torch.uint8)),
        Detections(torch.tensor([[0.0, 0, 5, 4]]), torch.tensor([0]), torch.ones(1)),
        Detections(torch.tensor([[2.0, 0, 2, 4]]), torch.tensor([0]), torch.ones(1)),
        Detections(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([2]), torch.ones(1)),
        Detections(
            torch.tensor([[0.0, 0, 1, 1]]),
            torch.tensor([0]),
            torch.ones(1),
            torch.ones(1, 4, 4, dtype=torch.bool),
        ),
    ],
)
def test_the_check_of_samples_finds_what_is_wrong(truth):
    with pytest.raises(AssertionError):
        check(truth, ("one", "other"), 4, 4)


@pytest.mark.parametrize(("card", "task", "split"), EVERY)
def test_no_two_samples_have_one_id(card, task, split):
    dataset = opened(card, task, split)

    assert len({dataset[index].id for index in range(0, len(dataset), 7)}) == len(range(0, len(dataset), 7))


@pytest.mark.parametrize(("card", "task", "split"), EVERY)
def test_opened_again_it_is_the_same(card, task, split):
    one, other = opened(card, task, split), opened(card, task, split)
    indices = [*range(10), len(one) - 1]
    expected = [one[index] for index in indices]

    assert one.passport == other.passport
    for index, sample in zip(reversed(indices), reversed(expected), strict=True):
        assert equal(sample, other[index])
        assert equal(sample, one[index])


@pytest.mark.parametrize(("card", "task", "split"), EVERY)
def test_a_worker_process_gets_the_same(card, task, split):
    dataset = opened(card, task, split)
    there = pickle.loads(pickle.dumps(dataset))

    assert there.passport == dataset.passport
    assert all(equal(dataset[index], there[index]) for index in (3, 0))


@pytest.mark.parametrize(("card", "task", "split"), EVERY)
def test_it_ends(card, task, split):
    dataset = opened(card, task, split)

    with pytest.raises(IndexError):
        dataset[len(dataset)]


@pytest.mark.parametrize("card", COME_ALONG, ids=[card.name for card in COME_ALONG])
def test_splits_and_tasks_have_passports_of_their_own(card):
    hashes = [opened(card, task, split).passport.sha256 for task in card.tasks for split in card.splits]

    assert len(set(hashes)) == len(card.tasks) * len(card.splits)


@pytest.mark.parametrize("card", COME_ALONG, ids=[card.name for card in COME_ALONG])
def test_every_option_may_be_given_as_its_default(card):
    defaults = {name: choice.default for name, choice in card.options.items() if choice.default is not None}
    split, task = next(iter(card.splits)), card.tasks[0]

    assert opened(card, task, split, **defaults).passport == opened(card, task, split).passport
