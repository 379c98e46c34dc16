"""Scenes of garments as detection and segmentation sets."""

import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from cvbench.data.datasets.fashion_scenes import FashionScenes, fashion_scenes
from cvbench.errors import DataError

GOLDEN = {
    "train": "18199c0e46c8beb9407bfad3c74778d147ab24c76999911e21a82772fba860a7",
    "test": "decb40b332179ef078edc7abcdc6481c4f22b487999cabfa2016a60188ed7044",
}
PRINT_HASHES = """
import hashlib
from cvbench.data.datasets.fashion_scenes import fashion_scenes
for split in ("train", "test"):
    found = hashlib.sha256()
    for task in ("detection", "segmentation"):
        dataset = fashion_scenes(task=task, split=split)
        for index in range(8):
            sample = dataset[index]
            found.update(sample.image.numpy().tobytes())
            if task == "detection":
                truth = sample.truth
                for tensor in (truth.boxes, truth.labels, truth.masks, truth.areas):
                    found.update(tensor.numpy().tobytes())
            else:
                found.update(sample.truth.labels.numpy().tobytes())
    print(split, found.hexdigest())
"""


def content(dataset: FashionScenes, indices) -> list[bytes]:
    """Everything that the samples hold, as bytes."""
    found = []
    for index in indices:
        sample, truth = dataset[index], dataset[index].truth
        tensors = [sample.image]
        if dataset.task == "segmentation":
            tensors += [truth.labels]
        else:
            tensors += [truth.boxes, truth.labels, truth.masks, truth.areas]
        found.append(b"".join(tensor.numpy().tobytes() for tensor in tensors))
    return found


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_first_scenes_never_change(split):
    found = hashlib.sha256()
    for task in ("detection", "segmentation"):
        for scene in content(fashion_scenes(task=task, split=split), range(8)):
            found.update(scene)

    assert found.hexdigest() == GOLDEN[split]


@pytest.mark.full
def test_another_process_composes_the_same_bytes():
    command = [sys.executable, "-c", PRINT_HASHES]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert told.split() == ["train", GOLDEN["train"], "test", GOLDEN["test"]]


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_the_order_in_which_scenes_are_looked_at_does_not_matter(task):
    forth, back = (fashion_scenes(task=task, split="test", test=12) for _ in range(2))
    expected = content(forth, range(12))

    assert expected == content(back, reversed(range(12)))[::-1]
    assert expected == content(back, range(12))  # kept ones are equal too
    assert expected == content(pickle.loads(pickle.dumps(back)), range(12))


def test_what_is_done_to_a_sample_does_not_reach_the_data_set():
    dataset = fashion_scenes(task="detection", split="test", test=2)
    expected = content(dataset, [0])
    sample = dataset[0]
    for tensor in (sample.image, sample.truth.boxes, sample.truth.labels, sample.truth.masks):
        tensor.zero_()

    assert expected == content(dataset, [0])


def test_a_longer_data_set_begins_with_the_scenes_of_a_shorter_one():
    short = fashion_scenes(task="detection", split="train", train=5)
    long = fashion_scenes(task="detection", split="train", train=9)

    assert content(short, range(5)) == content(long, range(5))
    assert short.passport.sha256 != long.passport.sha256


def test_both_tasks_see_the_same_scenes():
    objects = fashion_scenes(task="detection", split="test", test=20)
    areas = fashion_scenes(task="segmentation", split="test", test=20)

    for one, other in zip(objects, areas, strict=True):
        expected = torch.zeros(128, 128, dtype=torch.uint8)
        for mask, label in zip(one.truth.masks, one.truth.labels, strict=True):
            expected[mask] = label.to(torch.uint8) + 1
        assert torch.equal(one.image, other.image)
        assert torch.equal(expected, other.truth.labels)
        assert one.id == other.id


def test_no_pixel_belongs_to_two_garments():
    for sample in fashion_scenes(task="detection", split="test", test=20):
        assert sample.truth.masks.sum(0).max() == 1


def test_segmentation_has_the_background_as_its_first_class():
    objects = fashion_scenes(task="detection", split="test")
    areas = fashion_scenes(task="segmentation", split="test")

    assert areas.classes == ("background", *objects.classes)
    assert len(objects.classes) == objects.passport.classes == 10
    assert areas.passport.classes == 11


def test_train_scenes_show_training_photographs_and_test_scenes_test_photographs(embedded):
    for split in ("train", "test"):
        own = {image.tobytes() for image in embedded[split].images}
        cutouts = fashion_scenes(task="detection", split=split).cutouts
        for image, solid in zip(embedded[split].images, cutouts.solid, strict=True):
            assert image.tobytes() in own
            assert solid.any()
        assert np.array_equal(cutouts.grey, embedded[split].images * cutouts.solid)


def test_scenes_of_official_files_are_composed_of_their_garments(official, embedded):
    dataset = fashion_scenes(task="detection", split="train", root=str(official()), train=30)

    labels = {int(label) for sample in dataset for label in sample.truth.labels}

    assert labels <= set(embedded["train"].labels[:20].tolist())
    assert (
        dataset.passport.sha256 != fashion_scenes(task="detection", split="train", train=30).passport.sha256
    )


def test_every_option_and_the_task_are_in_the_passport():
    variants = [
        {},
        {"size": 96},
        {"seed": 1},
        {"test": 499},
        {"occlusion": 0.3},
        {"task": "segmentation"},
        {"split": "train", "train": 500},
    ]
    plain = {"task": "detection", "split": "test"}

    hashes = [fashion_scenes(**{**plain, **variant}).passport.sha256 for variant in variants]

    assert len(set(hashes)) == len(variants)
    assert hashes[0] == fashion_scenes(**plain, occlusion=0.4, train=7).passport.sha256


def test_a_seed_gives_scenes_of_its_own():
    one, other = (fashion_scenes(task="detection", split="test", seed=seed) for seed in (0, 1))

    assert content(one, range(4)) != content(other, range(4))


def test_garments_grow_with_the_canvas():
    areas = {}
    for size in (64, 128, 256):
        dataset = fashion_scenes(task="detection", split="test", test=50, size=size)
        areas[size] = np.median(np.concatenate([sample.truth.areas.numpy() for sample in dataset]))

    assert areas[128] == pytest.approx(4 * areas[64], rel=0.25)
    assert areas[256] == pytest.approx(4 * areas[128], rel=0.25)


def test_a_large_canvas_is_composed_anew_where_keeping_it_would_cost_too_much(monkeypatch):
    monkeypatch.setattr("cvbench.data.datasets.fashion_scenes._KEPT_BYTES", 2 * 2 * 128**2)
    dataset = fashion_scenes(task="detection", split="test", test=5)
    expected = content(dataset, range(5))

    assert len(dataset._kept) == 2
    assert expected == content(dataset, range(5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 32}, "size: 32 is not between 64 and 4096 pixels"),
        ({"train": 0}, "train: 0 is too small"),
        ({"test": -1}, "test: -1 is too small"),
        ({"occlusion": 1.0}, "occlusion: 1.0 is not at least 0 and below 1"),
        ({"occlusion": -0.1}, "occlusion: -0.1 is not at least 0"),
    ],
)
def test_an_option_out_of_its_range_is_refused(options, message):
    with pytest.raises(DataError, match=message):
        fashion_scenes(task="detection", split="test", **options)


def test_black_photographs_are_refused(tmp_path, write_idx):
    write_idx(tmp_path, "train", np.zeros((5, 28, 28), np.uint8), np.zeros(5, np.uint8), packed=False)

    with pytest.raises(DataError, match="all train photographs are black"):
        fashion_scenes(task="detection", split="train", root=str(tmp_path))


def test_beyond_the_last_scene_there_is_none():
    dataset = fashion_scenes(task="detection", split="test", test=3)

    assert dataset[-1].id == "test/00002"
    with pytest.raises(IndexError):
        dataset[3]


def test_classification_is_a_mistake_of_the_program():
    with pytest.raises(ValueError, match="no truth for classification"):
        fashion_scenes(task="classification", split="test")
