"""What every architecture of the catalogue promises: a new Card is covered by its being there."""

import inspect
import subprocess
import sys
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves

from cvbench.errors import InputError
from cvbench.interfaces import Classifier, Detector, Segmenter
from cvbench.models.building import build_model
from cvbench.spec.catalogue import MODELS
from cvbench.spec.catalogue.models import task_of
from cvbench.spec.cell import ModelSpec
from cvbench.timing.cost import count_macs
from cvbench.values import VOID, ClassScores, Detections, LabelMap

CLASSES = 5
PROTOCOLS = {"classification": Classifier, "detection": Detector, "segmentation": Segmenter}
PREDICTIONS = {"classification": ClassScores, "detection": Detections, "segmentation": LabelMap}

every_model = pytest.mark.parametrize("name", MODELS)
ONE_OF_A_FAMILY = (
    *("alexnet", "vgg11", "googlenet", "resnet18", "darknet19", "unet"),
    *("faster_rcnn_resnet18_fpn", "yolo_v1_tiny", "yolo_v2", "yolo9000", "yolo_v3_tiny"),
)
"""These are run; the nets beside them share their code, and are run in full runs."""
RUN = [pytest.param(name, marks=[] if name in ONE_OF_A_FAMILY else pytest.mark.full) for name in MODELS]
every_model_run = pytest.mark.parametrize("name", RUN)
every_count = pytest.mark.parametrize(
    ("name", "classes", "parameters"),
    [(card.name, *count) for card in MODELS.values() for count in card.parameters.items()],
)


@cache
def smallest_size(name: str) -> int:
    """The first of some sizes that the builder takes; 64 and more, so that no map shrinks to one pixel."""
    for size in (64, 96, 100, 128, 224, 256, 299, 512):
        try:
            with torch.device("meta"):
                build_model(ModelSpec(name=name, options={"size": size}), CLASSES)
        except InputError:
            continue
        return size
    raise AssertionError(f"{name} takes none of the usual sizes")


def small(name: str) -> nn.Module:
    options = {"size": smallest_size(name)}
    if "width" in MODELS[name].options:
        options["width"] = 0.125
    torch.manual_seed(0)
    return build_model(ModelSpec(name=name, options=options), CLASSES)


def images(model: nn.Module, count: int = 2) -> Tensor:
    return torch.randn(count, 3, *model.preprocessing.size, generator=torch.Generator().manual_seed(1))


def truths(name: str, model: nn.Module, count: int = 2):
    height, width = model.preprocessing.size
    if MODELS[name].task == "classification":
        return [ClassScores.of(i % CLASSES, CLASSES) for i in range(count)]
    if MODELS[name].task == "segmentation":
        labels = (torch.arange(height * width) % CLASSES).reshape(height, width).to(torch.uint8)
        return [LabelMap(labels)] * count
    boxes = torch.tensor([[0.1, 0.1, 0.4, 0.6], [0.3, 0.2, 0.9, 0.9]]) * width
    return [Detections(boxes, torch.tensor([1, 4]), torch.ones(2))] * count


def nothing_to_learn(name: str, model: nn.Module, count: int = 2):
    if MODELS[name].task == "segmentation":
        return [LabelMap(torch.full(model.preprocessing.size, VOID, dtype=torch.uint8))] * count
    return [Detections.none()] * count


def assert_trainable(model: nn.Module, terms: dict[str, Tensor]) -> None:
    for name, term in terms.items():
        assert term.shape == (), name
        assert term.isfinite(), name
        assert term >= 0, name
    sum(terms.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def assert_same_map(a: Tensor, b: Tensor) -> None:
    """Equal but for the order of additions, whose rounding grows with the depth of the net."""
    torch.testing.assert_close(a, b, rtol=0, atol=1e-4 * a.abs().max().item() if a.numel() else 0)


def test_no_family_is_left_out():
    def files(names):
        return {MODELS[name].address.partition(":")[0] for name in names}

    assert files(ONE_OF_A_FAMILY) == files(MODELS)


@every_count
def test_it_has_exactly_the_parameters_on_its_card(name, classes, parameters):
    with torch.device("meta"):
        model = build_model(ModelSpec(name=name), classes)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == parameters


@pytest.mark.parametrize("name", [one for one in RUN if MODELS[one.values[0]].macs is not None])
def test_it_costs_the_multiply_accumulates_on_its_card(name):
    card = MODELS[name]
    with torch.device("meta"), torch.inference_mode():
        model = build_model(ModelSpec(name=name), next(iter(card.parameters))).eval()
        assert count_macs(lambda: model(torch.zeros(1, 3, *model.preprocessing.size))) == card.macs


@every_model
def test_its_cards_options_are_its_builders_keywords_with_the_same_defaults(name):
    keywords = list(inspect.signature(MODELS.load(name)).parameters.values())[1:]
    assert all(keyword.kind is keyword.KEYWORD_ONLY for keyword in keywords)
    on_card = {option: choice.default for option, choice in MODELS[name].options.items()}
    assert {keyword.name: keyword.default for keyword in keywords} == on_card


@every_model_run
def test_it_keeps_its_tasks_protocol(name):
    model = small(name)
    assert isinstance(model, nn.Module)
    assert isinstance(model, PROTOCOLS[MODELS[name].task])
    assert task_of(ModelSpec(name=name)) == MODELS[name].task


@every_model_run
def test_a_training_step_moves_every_parameter(name):
    model = small(name).train()
    assert_trainable(model, model.loss(model(images(model)), truths(name, model)))


@every_model_run
def test_a_training_step_in_bfloat16_is_finite(name):
    model = small(name).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = model(images(model))
    assert_trainable(model, model.loss(outputs, truths(name, model)))


@pytest.mark.parametrize("name", [one for one in RUN if MODELS[one.values[0]].task != "classification"])
def test_images_without_anything_to_learn_have_a_finite_loss(name):
    model = small(name).train()
    assert_trainable(model, model.loss(model(images(model)), nothing_to_learn(name, model)))


@every_model_run
@pytest.mark.parametrize("count", [1, 3])
def test_it_gives_one_prediction_of_its_tasks_kind_an_image(name, count):
    model = small(name).eval()
    with torch.inference_mode():
        predictions = model.decode(model(images(model, count)))
    assert [type(prediction) for prediction in predictions] == [PREDICTIONS[MODELS[name].task]] * count


@every_model_run
def test_its_predictions_make_sense(name):
    model = small(name).eval()
    height, width = model.preprocessing.size
    with torch.inference_mode():
        prediction = model.decode(model(images(model, 1)))[0]
    match prediction:
        case ClassScores(scores=scores):
            assert scores.shape == (CLASSES,)
            torch.testing.assert_close(scores.sum(), torch.tensor(1.0))
        case Detections(boxes=boxes, labels=labels, scores=scores):
            assert (boxes[:, :2] >= 0).all()
            assert (boxes[:, 2:] <= torch.tensor([width, height])).all()
            assert ((labels >= 0) & (labels < CLASSES)).all()
            assert ((scores > 0) & (scores <= 1)).all()
            assert scores.tolist() == sorted(scores.tolist(), reverse=True)
        case LabelMap(labels=labels):
            assert labels.shape == (height, width)
            assert labels.max() < CLASSES


@every_model_run
def test_training_and_evaluation_have_outputs_of_one_form(name):
    # what only the loss reads may be empty in evaluation, and what only the decoding reads in training
    model = small(name)
    with torch.inference_mode():
        (training, form), (evaluation, same) = (
            tree_flatten(model.train(mode)(images(model))) for mode in (True, False)
        )
    assert form == same
    assert training[0].shape == evaluation[0].shape
    for a, b in zip(training, evaluation, strict=True):
        assert a.shape == b.shape or (a.ndim == b.ndim and 0 in (a.numel(), b.numel()))


@every_model_run
def test_an_image_is_seen_the_same_alone_and_in_company(name):
    model = small(name).eval()
    with torch.inference_mode():
        together = tree_leaves(model(images(model, 3)))
        alone = tree_leaves(model(images(model, 3)[1:2]))
    for one, three in zip(alone, together, strict=True):
        assert_same_map(one[0], three[1])


@every_model_run
def test_the_memory_layout_changes_nothing(name):
    model = small(name).eval()
    with torch.inference_mode():
        contiguous = tree_leaves(model(images(model)))
        model.to(memory_format=torch.channels_last)
        last = tree_leaves(model(images(model).contiguous(memory_format=torch.channels_last)))
    for a, b in zip(contiguous, last, strict=True):
        assert_same_map(a, b)


@every_model_run
def test_the_same_seed_gives_the_same_weights(name):
    first, second = small(name).state_dict(), small(name).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@every_model
@pytest.mark.parametrize("width", [0.0, -1.0, float("inf"), float("nan")])
def test_a_width_that_is_no_positive_number_is_refused(name, width):
    with pytest.raises(InputError, match=f"{name}: width=.* above 0"):
        MODELS.load(name)(CLASSES, width=width)


@every_model
def test_a_size_without_room_for_the_net_is_refused(name):
    with pytest.raises(InputError, match=f"{name}: size=17 cannot be used"):
        MODELS.load(name)(CLASSES, size=17)


COMPILING = """
import sys, torch
from torch.utils._pytree import tree_leaves
from cvbench.models.building import build_model
from cvbench.spec.cell import ModelSpec

name, size = sys.argv[1], int(sys.argv[2])
model = build_model(ModelSpec(name=name, options={"size": size, "width": 0.125}), 5).eval()
images = torch.randn(2, 3, size, size)
with torch.inference_mode():
    plain, compiled = model(images), torch.compile(model, fullgraph=True, backend="aot_eager")(images)
for a, b in zip(tree_leaves(plain), tree_leaves(compiled), strict=True):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-4 * a.abs().max().item() if a.numel() else 0)
"""


@pytest.mark.slow
@every_model
def test_its_forward_pass_compiles_into_one_graph(name):
    # in a process of its own: the compiler cannot look through the shape checks of the tests
    command = [sys.executable, "-c", COMPILING, name, str(smallest_size(name))]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
