"""Kept outcomes give back the metrics' own figures, and the same resamples for every run."""

import numpy as np
import pyarrow as pa
import pytest

from cvbench.compare.changed_images import flipped
from cvbench.compare.columns import lengths
from cvbench.compare.comparison import compare
from cvbench.compare.resampling import resample
from cvbench.metrics.voc.evaluation import RULES
from cvbench.spec.catalogue import METRICS
from tests.compare.runs import Made, make_run, passport
from tests.contracts.test_metrics import CLASSES, classified, detected, labelled
from tests.records import cell

KINDS = {"detection": detected, "segmentation": labelled, "classification": classified}
RESAMPLED = ["coco", "coco-segm", "voc2007", "voc2012", "voc2007-python", "voc2012-python", "miou"]


def scored(name, seed=0, images=30, spoil=0.0):
    """A metric of the catalogue that has seen images; `spoil` is the share that is seen as another's."""
    draw = np.random.default_rng(seed)
    pairs = [KINDS[METRICS[name].task](draw) for _ in range(images)]
    mixed = np.random.default_rng(seed + 99)
    found = [pairs[mixed.integers(images)][0] if mixed.random() < spoil else own for own, _ in pairs]
    metric = METRICS.load(name)(CLASSES)
    metric.update([f"{i:04d}" for i in range(images)], found, [truth for _, truth in pairs])
    return metric


def table_of(metric):
    columns = {name: pa.array(values) for name, values in metric.outcomes().items()}
    return pa.table(columns).replace_schema_metadata({"protocol": metric.protocol})


def made_of(metric, name, **fields):
    made = Made(cell(data="fashion-scenes"), data=passport(30), **fields)
    made.tables.append(("outcomes", name, dict(metric.outcomes()), metric.protocol))
    return made.add(*metric.compute())


@pytest.mark.parametrize("name", RESAMPLED)
def test_the_plain_figures_are_the_metrics_to_the_bit(name):
    metric = scored(name)
    given = resample(metric.protocol, table_of(metric), len(CLASSES), 20)
    figures = {m.name: m for m in metric.compute() if m.value is not None}
    assert given.plain == {key: figures[key].value for key in given.plain}
    assert set(given.plain) == set(figures)
    for key, by_class in given.by_class.items():
        own = [np.nan if part.value is None else part.value for part in figures[key].parts]
        assert by_class[0] == pytest.approx(own, nan_ok=True)


@pytest.mark.full
@pytest.mark.parametrize("name", RESAMPLED)
def test_the_spread_is_that_behind_the_metrics_own_interval(name):
    metric = scored(name, images=60)
    given = resample(metric.protocol, table_of(metric), len(CLASSES), 500)
    headline = metric.compute()[0]
    length = headline.interval[1] - headline.interval[0]
    assert 2 * 1.96 * given.varied[headline.name].std() == pytest.approx(length, rel=0.25)


def test_every_protocol_of_voc_has_its_rule():
    metrics = [METRICS.load(name) for name in METRICS if name.startswith("voc")]
    assert {metric.protocol: metric.rule for metric in metrics} == RULES


def test_a_metric_that_is_not_known_here_is_not_resampled():
    assert resample("of-a-user/1", pa.table({"id": ["a"]}), 2, 10) is None


@pytest.mark.parametrize("name", ["coco", "voc2012", "miou"])
def test_a_run_against_itself_is_the_same_in_every_figure(name, tmp_path):
    metric = scored(name)
    a, b = (make_run(tmp_path / "s" / run, made_of(metric, name)) for run in "ab")
    words = {d.figure: d.verdict for _, d in compare(a, b).differences}
    assert {word for figure, word in words.items()} <= {"same", "not comparable"}
    assert words[metric.compute()[0].name] == "same"


@pytest.mark.parametrize(
    "name", ["coco", pytest.param("coco-segm", marks=pytest.mark.full), "voc2012", "miou"]
)
def test_pairs_see_what_two_intervals_do_not(name, tmp_path):
    good, worse = scored(name, images=60), scored(name, images=60, spoil=0.1)
    a, b = (make_run(tmp_path / "s" / run, made_of(m, name)) for run, m in (("a", good), ("b", worse)))
    found = next(d for _, d in compare(a, b).differences if d.primary)
    assert found.method.startswith("images in pairs")
    assert found.effect < 0
    ends = [m.compute()[0].interval for m in (good, worse)]
    apart = np.hypot(*(high - low for low, high in ends)) * 2.576 / 1.96
    assert found.interval.high - found.interval.low < apart


def test_flips_of_detections_are_the_images_that_changed(tmp_path):
    good, worse = scored("coco"), scored("coco", spoil=0.2)
    runs = [make_run(tmp_path / "s" / run, made_of(m, "coco")) for run, m in (("a", good), ("b", worse))]
    sides = tuple((run, run.records()[0]) for run in runs)
    changed = {flip.id for flip in flipped(sides).flips}
    mine, other = good.outcomes(), worse.outcomes()
    differ = {i for i, x, y in zip(mine["id"], mine["xywh"], other["xywh"], strict=True) if x != y}
    assert changed <= differ
    assert changed


def test_flips_of_label_maps_come_with_the_largest_first(tmp_path):
    good, worse = scored("miou"), scored("miou", spoil=0.3)
    runs = [make_run(tmp_path / "s" / run, made_of(m, "miou")) for run, m in (("a", good), ("b", worse))]
    flips = flipped(tuple((run, run.records()[0]) for run in runs)).flips
    sizes = [abs(flip.change) for flip in flips]
    assert sizes == sorted(sizes, reverse=True)
    assert flips[0].before.endswith("of the pixels")


def test_flips_of_classes_say_what_was_said(tmp_path):
    right = np.ones(10, bool)
    now = right.copy()
    now[3] = False
    a, b = (make_run(tmp_path / "s" / run, Made().topk(r)) for run, r in (("a", right), ("b", now)))
    (flip,) = flipped(tuple((run, run.records()[0]) for run in (a, b))).flips
    assert (flip.id, flip.change, flip.before, flip.now) == ("3", -1.0, "coat", "shoe")


def test_lists_are_read_whole_though_the_table_is_a_slice():
    table = pa.table({"label": [[1], [2, 3], []]}).slice(1)
    assert lengths(table, "label").tolist() == [2, 0]


@pytest.mark.parametrize("name", ["coco", "voc2012"])
def test_a_verdict_on_too_few_objects_carries_a_warning(name, tmp_path):
    before, now = (made_of(scored(name, images=6, spoil=spoil), name) for spoil in (0.0, 0.7))
    assert before.measurements[0].interval_missing
    a, b = make_run(tmp_path / "s/a", before), make_run(tmp_path / "s/b", now)
    warned = next(d for _, d in compare(a, b).differences if d.primary).reason
    assert warned.startswith(f"only {before.measurements[0].effective_n:.1f} objects per class")
    assert "holds for these images alone" in warned
    assert not next(d for _, d in compare(a, a).differences if d.primary).reason  # nothing is left to chance


def test_figures_with_a_withheld_interval_are_not_compared_as_independent_samples(tmp_path):
    metric = scored("coco", images=6)
    a, b = (Made(cell(data="fashion-scenes"), data=passport(6)).add(*metric.compute()) for _ in "ab")
    compared = compare(make_run(tmp_path / "s/a", a), make_run(tmp_path / "s/b", b))
    found = next(d for _, d in compared.differences if d.primary)
    assert found.verdict == "inconclusive"
    assert "too few objects for an interval" in found.reason
