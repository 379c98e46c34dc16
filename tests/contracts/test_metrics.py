"""What every metric of the catalogue promises: a new Card is covered by its being there."""

import pickle
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cvbench.interfaces import Metric
from cvbench.record import Measurement
from cvbench.spec.catalogue import METRICS
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Prediction, Truth

CLASSES = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu")
IMAGES = 13
SIZE = 24

every_metric = pytest.mark.parametrize("name", METRICS)


def classified(draw: np.random.Generator) -> tuple[ClassScores, ClassScores]:
    """Probabilities in eighths, so that they tie."""
    label, scores = int(draw.integers(5)), np.round(8 * draw.dirichlet(np.ones(7))) + np.eye(7)[3]
    return ClassScores(torch.from_numpy(scores / scores.sum())), ClassScores.of(label, 7)


def detected(draw: np.random.Generator) -> tuple[Detections, Detections]:
    """Boxes that are masks too; crowds, difficult ones, ties of score; some images are empty."""
    n, m = (int(draw.choice([0, 2, 5])) for _ in range(2))
    true = objects(draw, n)
    near = torch.from_numpy(draw.integers(0, n, m)) if n else torch.zeros(0, dtype=torch.int64)
    moved = (true.boxes[near] + torch.from_numpy(draw.integers(-1, 2, (len(near), 4)))).clamp(0, SIZE)
    moved = torch.cat([moved[:, :2].minimum(moved[:, 2:]), moved[:, 2:].maximum(moved[:, :2])], dim=1)
    found = Detections(
        boxes=moved,
        labels=true.labels[near],
        scores=torch.from_numpy(np.round(draw.random(len(near)), 1)).float(),
        masks=filled(moved),
    )
    return found, true


def objects(draw: np.random.Generator, n: int) -> Detections:
    corner = draw.integers(0, SIZE // 2, (n, 2))
    boxes = torch.from_numpy(
        np.concatenate([corner, corner + draw.integers(1, SIZE // 2, (n, 2))], 1)
    ).float()
    return Detections(
        boxes=boxes,
        labels=torch.from_numpy(draw.integers(0, 3, n)),
        scores=torch.ones(n),
        masks=filled(boxes),
        crowd=torch.from_numpy(draw.random(n) < 0.1),
        difficult=torch.from_numpy(draw.random(n) < 0.1),
        areas=torch.from_numpy(draw.choice([100.0, 1024.0, 5000.0, 9216.0, 20_000.0], n)),
    )


def filled(boxes: torch.Tensor) -> torch.Tensor:
    masks = torch.zeros(len(boxes), SIZE, SIZE, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = True
    return masks


def labelled(draw: np.random.Generator) -> tuple[LabelMap, LabelMap]:
    """Mostly right; a tenth of the truth is void."""
    true = draw.integers(0, 5, (SIZE, SIZE))
    seen = np.where(draw.random((SIZE, SIZE)) < 0.7, true, draw.integers(0, 6, (SIZE, SIZE)))
    true = np.where(draw.random((SIZE, SIZE)) < 0.1, VOID, true)
    return LabelMap(torch.from_numpy(seen.astype(np.uint8))), LabelMap(
        torch.from_numpy(true.astype(np.uint8))
    )


PAIRS = {"classification": classified, "detection": detected, "segmentation": labelled}
"""Task → a maker of one prediction and its truth. A metric of another task has to bring its own."""


@cache
def scene(task: str) -> tuple[tuple[str, Prediction, Truth], ...]:
    """Images with their ids: numbers of several lengths, not in order."""
    draw = np.random.default_rng(0)
    ids = [str(number) for number in draw.choice(2000, IMAGES, replace=False)]
    return tuple((image, *PAIRS[task](draw)) for image in ids)


def scored(name: str, *batches) -> Metric:
    metric = METRICS.load(name)(CLASSES)
    for batch in batches:
        metric.update([i for i, _, _ in batch], [p for _, p, _ in batch], [t for _, _, t in batch])
    return metric


@cache
def at_once(name: str) -> tuple[Measurement, ...]:
    return tuple(scored(name, scene(METRICS[name].task)).compute())


def assert_is(expected: tuple[Measurement, ...], measured: list[Measurement]) -> None:
    """Equal to the last bit: values, intervals, parts and reasons."""
    assert [m.model_dump_json() for m in expected] == [m.model_dump_json() for m in measured]


@every_metric
def test_it_keeps_the_protocol_of_metrics(name):
    assert isinstance(METRICS.load(name)(CLASSES), Metric)


@every_metric
def test_its_figures_are_those_on_its_card_under_the_cards_protocol(name):
    card = METRICS[name]
    assert [m.name for m in at_once(name)] == list(card.figures)
    assert {m.protocol for m in at_once(name)} == {card.protocol}
    assert METRICS.load(name)(CLASSES).protocol == card.protocol


@every_metric
def test_every_figure_has_an_n_and_an_interval_around_it_or_a_reason(name):
    assert at_once(name)[0].value is not None, "the headline is missing: the scene tests nothing"
    for figure in at_once(name):
        assert_stands_alone(figure)


def assert_stands_alone(figure: Measurement) -> None:
    assert figure.n == IMAGES, figure.name
    assert (figure.missing is None) == (figure.value is not None), figure.name
    if figure.value is not None:
        withheld = figure.interval_missing is not None
        assert (figure.interval is None) == withheld, f"{figure.name} has a value, no interval, and no reason"
        assert withheld or figure.interval[0] <= figure.value <= figure.interval[1], figure.name


def test_a_figure_without_an_interval_is_noticed():
    figure = at_once("topk")[0]
    assert_stands_alone(figure)
    with pytest.raises(AssertionError, match="top1 has a value, no interval, and no reason"):
        assert_stands_alone(figure.model_copy(update={"interval": None}))


@every_metric
@pytest.mark.parametrize("size", [1, 4])
def test_the_batch_size_changes_nothing(name, size):
    images = scene(METRICS[name].task)
    batches = [images[first : first + size] for first in range(0, IMAGES, size)]
    assert_is(at_once(name), scored(name, *batches).compute())


@every_metric
def test_the_order_of_the_images_changes_nothing(name):
    images = scene(METRICS[name].task)
    shuffled = [images[i] for i in np.random.default_rng(1).permutation(IMAGES)]
    assert_is(at_once(name), scored(name, shuffled[:5], shuffled[5:]).compute())


@every_metric
def test_how_the_set_was_split_and_merged_changes_nothing(name):
    images, draw = scene(METRICS[name].task), np.random.default_rng(2)
    split = draw.integers(0, 4, IMAGES)
    split[split == 2] = 3  # one part has no images
    parts = [scored(name, [images[i] for i in np.flatnonzero(split == part)]) for part in range(4)]
    first, *others = (pickle.loads(pickle.dumps(parts[i])) for i in draw.permutation(4))
    for other in others:
        first.merge(other)
    assert_is(at_once(name), first.compute())


@every_metric
def test_the_number_of_threads_changes_nothing(name):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        measured = scored(name, scene(METRICS[name].task)).compute()
    finally:
        torch.set_num_threads(threads)
    assert_is(at_once(name), measured)


@every_metric
def test_looking_at_the_figures_changes_nothing_and_more_images_may_follow(name):
    images = scene(METRICS[name].task)
    metric = scored(name, images[:6])
    metric.compute()
    rest = scored(name, images[6:])
    metric.merge(rest)
    assert_is(at_once(name), metric.compute())
    assert sorted(rest.outcomes()["id"]) == sorted(i for i, _, _ in images[6:])


@every_metric
def test_without_images_every_figure_is_missing_and_says_so(name):
    for figure in METRICS.load(name)(CLASSES).compute():
        assert (figure.value, figure.missing, figure.n, figure.interval) == (None, "no images", 0, None)


@every_metric
def test_an_image_that_comes_twice_is_refused_however_it_comes(name):
    images = scene(METRICS[name].task)
    metric = scored(name, images[:3])
    with pytest.raises(ValueError, match="was added twice"):
        metric.update([images[2][0]], [images[3][1]], [images[3][2]])
    with pytest.raises(ValueError, match="was added twice"):
        metric.merge(scored(name, images[2:4]))
    assert len(metric.outcomes()["id"]) == 3


@every_metric
def test_only_its_own_kind_over_the_same_classes_is_merged(name):
    metric = METRICS.load(name)
    with pytest.raises(TypeError, match="with the same classes can be merged"):
        metric(CLASSES).merge(metric(CLASSES[:-1]))
    other = METRICS.load("miou" if name != "miou" else "topk")
    with pytest.raises(TypeError, match="with the same classes can be merged"):
        metric(CLASSES).merge(other(CLASSES))


@every_metric
def test_its_outcomes_have_one_row_an_image(name):
    outcomes = scored(name, scene(METRICS[name].task)).outcomes()
    assert {len(column) for column in outcomes.values()} == {IMAGES}
    assert sorted(outcomes["id"]) == sorted(i for i, _, _ in scene(METRICS[name].task))


@every_metric
def test_predictions_of_another_kind_are_refused(name):
    wrong = {"classification": detected, "detection": labelled, "segmentation": classified}
    prediction, truth = wrong[METRICS[name].task](np.random.default_rng(0))
    with pytest.raises(TypeError, match="metrics take"):
        METRICS.load(name)(CLASSES).update(["1"], [prediction], [truth])


def test_a_metric_of_a_task_without_a_scene_is_noticed():
    listed = SimpleNamespace(task="depth")
    with pytest.raises(KeyError, match="depth"):
        scene(listed.task)
