import multiprocessing
import os

import pytest
import torch

from cvbench.errors import Diverged, InputError
from cvbench.models.weights.tensors import load_weights, save_weights
from cvbench.record import Passport
from cvbench.spec.cell import ModelSpec, TrainRecipe
from cvbench.training.checkpoints import trained, training_key
from tests.training.toys import Crowded, Net, Shades, fresh, same_bits, state_of

CPU = torch.device("cpu")
SPEC = ModelSpec(name="tests.training.toys:Net", task="classification")
RECIPE = TrainRecipe(epochs=2, batch=8, lr=0.05)
PASSPORT = Passport(name="shades", split="train", images=37, classes=2, sha256="1")


def train_in(folder, net, **others):
    options = {"spec": SPEC, "seed": 0, "device": CPU, "folder": folder, **others}
    return trained(net, Shades(), options.pop("recipe", RECIPE), **options)


def key(**others):
    fields = {
        "spec": SPEC,
        "recipe": RECIPE,
        "classes": ("a", "b"),
        "passport": PASSPORT,
        "seed": 0,
        "device": CPU,
    }
    return training_key(**{**fields, **others})


def test_weights_come_back_to_the_bit(tmp_path):
    net, other = fresh(seed=0), fresh(seed=1)
    save_weights(net, tmp_path / "w.safetensors")
    load_weights(other, tmp_path / "w.safetensors")
    assert same_bits(state_of(net), state_of(other))


def test_weights_of_another_width_are_refused_and_nothing_changes(tmp_path):
    save_weights(fresh(width=8), tmp_path / "w.safetensors")
    net = fresh()
    with pytest.raises(InputError) as caught:
        load_weights(net, tmp_path / "w.safetensors")
    assert "body.0.weight is float32 [8, 3, 3, 3] in the file, and the model has float32 [4, 3, 3, 3]" in str(
        caught.value
    )
    assert same_bits(state_of(net), state_of(fresh()))


@pytest.mark.parametrize(
    "change",
    [
        {"spec": SPEC.model_copy(update={"options": {"width": 8}})},
        {"spec": ModelSpec(name="unet")},
        {"recipe": TrainRecipe(epochs=2, batch=8, lr=0.06)},
        {"classes": ("b", "a")},
        {"passport": PASSPORT.model_copy(update={"sha256": "2"})},
        {"seed": 1},
        {"device": torch.device("cuda")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_makes_other_weights_makes_another_key(change):
    assert key(**change) != key()
    assert len(key()) == 16


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": RECIPE.model_copy(update={"workers": 2})},
        {"spec": SPEC.model_copy(update={"weights": None, "task": "classification"})},
    ],
)
def test_what_makes_the_same_weights_keeps_the_key(change):
    assert key(**change) == key()
    assert key(device=torch.device("cuda", 0)) == key(device=torch.device("cuda", 1))


def test_the_code_of_a_users_own_model_is_in_the_key(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source, spec = tmp_path / "nets_of_mine.py", ModelSpec(name="nets_of_mine:net", task="classification")
    source.write_text("width = 4")
    before = key(spec=spec)
    source.write_text("width = 8")
    assert key(spec=spec) != before


def test_an_equal_training_is_not_done_twice(tmp_path):
    first, second = fresh(), fresh(seed=4)
    done = train_in(tmp_path, first)
    news = []
    again = train_in(tmp_path, second, on_progress=news.append)
    assert (done.source, again.source) == ("trained", "reused")
    assert done.curve == again.curve
    assert same_bits(state_of(first), state_of(second))
    assert not second.training
    assert not news
    assert len(list(tmp_path.iterdir())) == 1
    assert train_in(tmp_path, fresh(), seed=1).source == "trained"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupted_training_is_gone_on_from_and_its_state_removed(tmp_path):
    whole = fresh()
    train_in(tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        train_in(tmp_path / "parts", fresh(stop_after=5), save_every_s=0)
    (place,) = (tmp_path / "parts").iterdir()
    assert (place / "state.safetensors").exists()
    assert not (place / "weights.safetensors").exists()
    net, steps = fresh(seed=7), []
    assert (
        train_in(tmp_path / "parts", net, on_progress=lambda news: steps.append(news.step)).source
        == "trained"
    )
    assert steps[0] == 6
    assert same_bits(state_of(net), state_of(whole))
    assert not (place / "state.safetensors").exists()


def test_what_a_killed_process_left_half_written_is_cleared_away(tmp_path):
    train_in(tmp_path, fresh())
    (place,) = tmp_path.iterdir()
    (place / ".weights.safetensors.k3x9").write_bytes(b"torn")
    train_in(tmp_path, fresh())
    assert sorted(path.name for path in place.iterdir() if path.name != "lock") == [
        "curve.json",
        "weights.safetensors",
    ]


def test_a_training_that_diverges_leaves_no_weights(tmp_path):
    with pytest.raises(Diverged):
        train_in(tmp_path, fresh(), recipe=TrainRecipe(epochs=2, batch=8, lr=1e30))
    (place,) = tmp_path.iterdir()
    assert not list(place.glob("*.safetensors"))


def test_damaged_results_of_a_training_are_named(tmp_path):
    train_in(tmp_path, fresh())
    (place,) = tmp_path.iterdir()
    (place / "curve.json").write_text("{")
    with pytest.raises(InputError, match=r"Delete the folder .* to train again"):
        train_in(tmp_path, fresh())
    (place / "weights.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"weights\.safetensors: not a safetensors file"):
        train_in(tmp_path, fresh())


def test_skipped_samples_are_told_by_the_first_and_by_every_later_run(tmp_path):
    data = Shades(9, broken=[3])
    options = {"spec": SPEC, "seed": 0, "device": CPU, "folder": tmp_path, "undecodable": "skip"}
    first, second = (trained(fresh(), data, RECIPE, **options) for _ in range(2))
    assert (first.source, second.source) == ("trained", "reused")
    assert first.skipped == second.skipped == ("3: shades/3.png: it cannot be decoded",)


def test_objects_that_nobody_learnt_are_told_by_the_first_and_by_every_later_run(tmp_path):
    # 33 samples in batches of 8: an epoch has four full steps; the last batch would have one sample
    assert [train_in(tmp_path, Crowded()).shadowed for _ in range(2)] == [4 * RECIPE.epochs] * 2


def test_a_net_that_has_room_for_all_counts_none(tmp_path):
    assert train_in(tmp_path, fresh()).shadowed is None


@pytest.mark.full
def test_of_two_processes_one_trains_and_the_other_waits(tmp_path):
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(2) as pool:
        found = pool.map(in_another_process, [str(tmp_path)] * 2, chunksize=1)
    (pid, other_pid), sources = (f[0] for f in found), sorted(f[1] for f in found)
    assert pid != other_pid
    assert sources == ["reused", "trained"]
    assert found[0][2] == found[1][2]


def in_another_process(folder):
    """Which process, what it did, and the sum of the weights it has then."""
    from pathlib import Path

    net = Net()
    recipe = TrainRecipe(epochs=20, batch=8, lr=0.05)
    done = train_in(Path(folder), net, recipe=recipe)
    return os.getpid(), done.source, sum(t.double().sum().item() for t in net.state_dict().values())
