import multiprocessing

import pytest
import torch

from cvbench.data.datasets.subset import drawing_order
from cvbench.errors import DataError, Diverged, InputError
from cvbench.models.yolo.yolo_v1 import yolo_v1_tiny
from cvbench.models.yolo.yolo_v2 import yolo_v2
from cvbench.spec.cell import TrainRecipe
from cvbench.training.engine import train
from tests.training.toys import (
    STILL,
    Crowded,
    Finder,
    Line,
    Net,
    Regression,
    Shades,
    Squares,
    fresh,
    same_bits,
    state_of,
)

CPU = torch.device("cpu")
RECIPE = TrainRecipe(epochs=3, batch=8, lr=0.05, augment={"scale": (0.8, 1.25), "shift": 0.1})


def trained(net=None, data=None, recipe=RECIPE, *, seed=0, **others):
    """The curve, and everything that the training changed in the net."""
    net = fresh() if net is None else net
    curve = train(net, Shades() if data is None else data, recipe, seed=seed, device=CPU, **others)
    return curve, state_of(net)


def test_a_linear_problem_reaches_its_optimum():
    data = Regression()
    recipe = TrainRecipe(
        epochs=400,
        batch=32,
        lr=0.3,
        weight_decay=0.0,
        schedule="constant",
        augment=STILL,
        layout="contiguous",
    )
    _, found = trained(fresh(Line), data, recipe)
    # The least-squares solution in closed form; the last column stands for the bias.
    features = torch.cat((data.features(), torch.ones(32, 1)), 1)
    best = torch.linalg.lstsq(features, data.values).solution.flatten()
    torch.testing.assert_close(found["layer.weight"].flatten(), best[:3], atol=1e-5, rtol=0)
    torch.testing.assert_close(found["layer.bias"], best[3:], atol=1e-5, rtol=0)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_net_learns(optimizer, precision):
    recipe = TrainRecipe(epochs=8, batch=8, lr=0.01, optimizer=optimizer, precision=precision, augment=STILL)
    curve, _ = trained(recipe=recipe)
    losses = curve.terms["cross_entropy"]
    assert sum(losses[-4:]) < 0.3 * sum(losses[:4])


def test_boxes_are_learned_in_pixels_of_the_prepared_input():
    # Squares of 8 in 16 x 16 are of 16 in 32 x 32; zooming and shifting move boxes along with images.
    net, recipe = (
        fresh(Finder),
        TrainRecipe(epochs=12, batch=8, lr=0.02, optimizer="adamw", layout="contiguous"),
    )
    curve, _ = trained(net, Squares(64), recipe)
    assert curve.terms["box"][-1] < 1.0


def test_one_seed_gives_one_result_to_the_bit():
    curve, state = trained()
    again, same = trained()
    assert same_bits(state, same)
    assert curve == again
    assert not same_bits(state, trained(seed=1)[1])


@pytest.mark.full
def test_worker_processes_change_no_bit():
    curve, state = trained()
    for_two, same = trained(recipe=RECIPE.model_copy(update={"workers": 2}))
    assert same_bits(state, same)
    assert curve == for_two
    assert not multiprocessing.active_children()


def test_the_global_random_numbers_are_put_back_and_have_no_say():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    _, state = trained()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert same_bits(state, trained()[1])


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_a_net_is_left_in_its_layout_and_in_evaluation_mode(layout):
    net = fresh()
    trained(net, recipe=RECIPE.model_copy(update={"layout": layout}))
    assert not net.training
    expected = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    assert net.body[0].weight.is_contiguous(memory_format=expected)


@pytest.mark.parametrize("stop_after", [1, 4, 5, 8])  # an epoch has four steps: within one, and at its end
@pytest.mark.parametrize(
    "form",
    [
        {},
        {"optimizer": "adamw", "lr": 0.01, "clip": 0.5},
        {"momentum": 0.0, "layout": "contiguous"},
        {"precision": "bf16"},
        {"precision": "fp16"},
    ],
    ids=str,
)
def test_a_training_that_was_interrupted_is_gone_on_from_to_the_bit(tmp_path, form, stop_after):
    recipe = TrainRecipe(**{**RECIPE.model_dump(exclude_unset=True), **form})
    curve, state = trained(recipe=recipe)
    path = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained(fresh(stop_after=stop_after), recipe=recipe, checkpoint=path, save_every_s=0)
    torch.manual_seed(99)
    resumed, same = trained(fresh(seed=5), recipe=recipe, checkpoint=path)
    assert same_bits(state, same)
    assert curve == resumed


def test_a_training_can_be_interrupted_many_times(tmp_path):
    curve, state = trained()
    path = tmp_path / "state.safetensors"
    for _ in range(11):
        with pytest.raises(KeyboardInterrupt):
            trained(fresh(stop_after=1), checkpoint=path, save_every_s=0)
    resumed, same = trained(checkpoint=path)
    assert same_bits(state, same)
    assert curve == resumed


def test_what_takes_long_to_save_is_saved_seldom(tmp_path):
    path = tmp_path / "state.safetensors"
    trained(checkpoint=path, save_every_s=3600)
    assert not path.exists()


@pytest.mark.parametrize("other", [{"lr": 0.06}, {"epochs": 4}, {"batch": 4}])
def test_the_state_of_another_training_is_not_gone_on_from(tmp_path, other):
    path = tmp_path / "state.safetensors"
    trained(checkpoint=path, save_every_s=0)
    with pytest.raises(InputError, match="state of another training"):
        trained(checkpoint=path, recipe=RECIPE.model_copy(update=other))
    with pytest.raises(InputError, match="state of another training"):
        trained(checkpoint=path, seed=1)
    with pytest.raises(InputError, match="another architecture"):
        trained(fresh(width=8), checkpoint=path)


def test_a_training_that_diverges_names_the_step_and_keeps_no_bad_state(tmp_path):
    path = tmp_path / "state.safetensors"
    with pytest.raises(Diverged, match=r"became NaN or infinite at step 2 of 12 \(epoch 1 of 3\)") as caught:
        trained(recipe=RECIPE.model_copy(update={"lr": 1e30}), checkpoint=path, save_every_s=0)
    assert "train.lr (it is 1e+30)" in str(caught.value)
    assert path.exists()  # of the first step, whose loss was sound


def test_a_last_step_that_spoils_the_weights_is_noticed():
    recipe = RECIPE.model_copy(update={"lr": 1e38, "epochs": 1, "batch": 64})
    with pytest.raises(Diverged, match=r"body.0.weight .* after the last step, number 1"):
        trained(Spoiled(), recipe=recipe)


def test_clipping_bounds_how_far_a_step_goes():
    recipe = TrainRecipe(
        epochs=1,
        batch=64,
        lr=1.0,
        momentum=0.0,
        weight_decay=0.0,
        clip=0.01,
        schedule="constant",
        augment=STILL,
    )
    net = fresh()
    before = [parameter.detach().clone() for parameter in net.parameters()]
    trained(net, recipe=recipe)
    moved = [(new - old).flatten() for new, old in zip(net.parameters(), before, strict=True)]
    torch.testing.assert_close(torch.cat(moved).norm().item(), 0.01, atol=1e-5, rtol=0)


def test_only_the_drawn_images_are_looked_at_where_there_is_a_limit():
    data = Shades(33, broken=drawing_order(33, seed=0)[20:].tolist())
    curve, _ = trained(data=data, recipe=RECIPE.model_copy(update={"limit": 20}))
    assert curve.step[-1] == 3 * 3


def test_a_curve_tells_rates_and_epochs():
    curve, _ = trained(recipe=RECIPE.model_copy(update={"warmup": 0.5}))
    assert len(curve.step) == 3 * 4  # 33 images in batches of 8; the one that is left over is left out
    assert curve.epoch[-1] == 3
    assert curve.lr[0] == pytest.approx(0.05 * 0.5 / 12 / 0.5)  # the middle of the first of twelve steps
    assert max(curve.lr) < 0.05


def test_news_come_in_order_and_end_with_the_end():
    news = []
    trained(on_progress=news.append)
    assert [one.step for one in news] == sorted(one.step for one in news)
    last = news[-1]
    assert (last.step, last.steps, last.epoch, last.epochs, last.eta_s) == (12, 12, 3, 3, 0)
    assert last.loss > 0
    assert last.images_per_s > 0


def test_a_sample_that_cannot_be_decoded_ends_the_training():
    with pytest.raises(DataError, match=r"shades/7\.png: it cannot be decoded"):
        trained(data=Shades(broken=[7]))


def test_skipped_samples_are_told_once_also_after_an_interruption(tmp_path):
    # Enough that some batches have one sample or none: they are skipped.
    data, path, whole, resumed = Shades(12, broken=range(1, 6)), tmp_path / "state.safetensors", [], []
    recipe = RECIPE.model_copy(update={"batch": 3})
    curve, state = trained(data=data, recipe=recipe, on_skip=whole.append)
    assert sorted(whole) == [f"{k}: shades/{k}.png: it cannot be decoded" for k in range(1, 6)]
    with pytest.raises(KeyboardInterrupt):
        trained(fresh(stop_after=1), data, recipe, checkpoint=path, save_every_s=0, on_skip=[].append)
    again, same = trained(data=data, recipe=recipe, checkpoint=path, on_skip=resumed.append)
    assert sorted(resumed) == sorted(whole)
    assert same_bits(state, same)
    assert curve == again


def test_objects_that_nobody_learnt_are_counted_on_after_an_interruption(tmp_path):
    path, nets = tmp_path / "state.safetensors", [Crowded(stop_after=7), Crowded()]
    with pytest.raises(KeyboardInterrupt):
        trained(nets[0], checkpoint=path, save_every_s=0)
    trained(nets[1], checkpoint=path)
    assert nets[1].shadowed == 4 * RECIPE.epochs


def test_a_data_set_of_which_nothing_can_be_decoded_is_an_error():
    with pytest.raises(DataError, match="too few of its 4 samples could be decoded"):
        trained(data=Shades(4, broken=range(4)), on_skip=[].append)


def test_an_empty_data_set_is_an_error():
    with pytest.raises(DataError, match="there is nothing to train on"):
        trained(data=Shades(0))


def test_what_is_no_module_is_a_mistake():
    class Impostor:
        preprocessing, forward, loss, decode = Net.preprocessing, Net.forward, Net.loss, Net.decode

    with pytest.raises(TypeError, match="Impostor is not"):
        train(Impostor(), Shades(), RECIPE, seed=0, device=CPU)


@pytest.mark.parametrize("needs_masks", [False, True])
def test_a_model_gets_masks_if_it_says_so(needs_masks):
    net = fresh(Finder, needs_masks=needs_masks)
    trained(net, Squares(), RECIPE)
    assert all((truth.masks is not None) == needs_masks for truth in net.seen)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "fp16"])
def test_a_training_on_a_gpu_can_be_interrupted(tmp_path, precision):
    recipe = RECIPE.model_copy(update={"precision": precision, "epochs": 20})
    path, gpu = tmp_path / "state.safetensors", torch.device("cuda")
    whole, first, second = fresh(), fresh(stop_after=33), fresh(seed=3)
    curve = train(whole, Shades(), recipe, seed=0, device=gpu)
    with pytest.raises(KeyboardInterrupt):
        train(first, Shades(), recipe, seed=0, device=gpu, checkpoint=path, save_every_s=0)
    resumed = train(second, Shades(), recipe, seed=0, device=gpu, checkpoint=path)
    assert curve.terms["cross_entropy"][-1] < 0.5 * curve.terms["cross_entropy"][0]
    assert curve.step == resumed.step
    # cuDNN sums in an order of its own choice: equal to rounding, not to the bit.
    for name, tensor in state_of(whole).items():
        torch.testing.assert_close(state_of(second)[name], tensor, atol=2e-2, rtol=2e-2)


class Spoiled(Net):
    """A loss that is sound, with a gradient that is not."""

    def loss(self, outputs, truths):
        weight = self.body[0].weight
        return {"loss": outputs.sum() * 0 + (weight - weight.detach()).abs().sqrt().sum()}


@pytest.mark.parametrize(
    ("build", "sizes", "message"),
    [
        (yolo_v1_tiny, (64, 128), "train.sizes: YoloV1 supports only one input size"),
        (yolo_v2, (33, 63), "there is no multiple of 32 from 33 to 63"),
    ],
    ids=["one size", "no multiple"],
)
def test_sizes_that_a_model_does_not_take_are_refused(build, sizes, message):
    recipe = TrainRecipe(epochs=1, batch=2, sizes=sizes)
    with pytest.raises(InputError, match=message):
        train(build(2, size=64, width=0.125), Squares(), recipe, seed=0, device=CPU)


def test_a_detector_is_trained_at_several_sizes():
    model = yolo_v2(2, size=64, width=0.0625)
    recipe = TrainRecipe(epochs=6, batch=4, limit=8, lr=1e-3, sizes=(32, 64), augment=STILL)
    curve = train(model, Squares(), recipe, seed=0, device=CPU)
    assert model.seen == 48
    assert set(curve.terms) == {"box", "objectness", "class", "prior"}
