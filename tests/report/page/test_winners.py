"""The first sentences of a page name the best model, its price, and what is not significantly worse."""

from pathlib import Path

import pytest

from cvbench.record import RunInfo
from cvbench.report.frame import Source
from cvbench.report.page.views import by_task
from cvbench.report.page.winners import winners
from cvbench.store import Run
from tests.records import bad, cell, good
from tests.report.page.runs import figure


def scored(name, accuracy, latency=None, *, spread=0.01, data="fashion", seed=0):
    measured = [figure("top1", accuracy, spread=spread)]
    if latency is not None:
        measured.append(
            figure("latency_p50", latency, unit="s", at="batch=1", direction="lower", spread=0.02)
        )
    return good(cell(name, data, seed=seed), *measured)


def sentences(*records, separate=False):
    [cells] = by_task([Source(Run(Path("r")), RunInfo(), records)]).values()
    return [f"{w.before}{w.model}{w.after}" for w in winners(cells, "top1", separate=separate)]


def test_the_best_model_has_its_interval_and_its_latency():
    [text] = sentences(scored("resnet18", 0.7, 0.01), scored("vgg16", 0.8, 0.04))
    assert text == (
        "2 models on fashion: vgg16 has the best top1, 0.800 (95 % interval 0.792 … 0.808), at a median "
        "latency of 40.0 ms (± 2.0%); significantly better."
    )


@pytest.mark.parametrize(
    ("others", "end"),
    [
        ([("resnet18", 0.79, 0.01)], "; resnet18 at 10.0 ms is not significantly worse."),
        (
            [("resnet18", 0.79, 0.01), ("alexnet", 0.78, 0.005)],
            "; 2 others are not significantly worse, the fastest of them alexnet at 5.00 ms.",
        ),
        (
            [("resnet18", 0.79, 0.1), ("alexnet", 0.78, 0.2)],
            "; 2 others are not significantly worse.",
        ),
        ([("resnet18", 0.5, 0.1), ("alexnet", 0.5, 0.2)], "; significantly better than the others."),
    ],
)
def test_models_whose_intervals_overlap_are_not_significantly_worse(others, end):
    [text] = sentences(scored("vgg16", 0.8, 0.04, spread=0.05), *(scored(*o, spread=0.05) for o in others))
    assert text.endswith(end)


def test_a_single_model_and_models_without_a_value():
    assert sentences(scored("vgg16", 0.8)) == [
        "vgg16 on fashion: top1 0.800 (95 % interval 0.792 … 0.808), at 1.81 G MACs."
    ]
    [text] = sentences(scored("vgg16", 0.8), bad(cell("alexnet")))
    assert text.startswith("1 model on fashion (1 more without a value): vgg16 has top1 0.800")
    assert sentences(bad(cell())) == []


def test_each_dataset_has_its_own_sentence():
    found = sentences(scored("vgg16", 0.8), scored("vgg16", 0.6, data="digits"))
    assert [text.partition(":")[0] for text in found] == ["vgg16 on fashion", "vgg16 on digits"]


def test_seeds_are_one_entry_with_their_deviation():
    records = [scored("vgg16", value, seed=n) for n, value in enumerate((0.7, 0.8))]
    assert "vgg16 on fashion: top1 0.750 (± 0.071 over 2 seeds)" in sentences(*records)[0]
    assert (
        "2 cells on fashion: vgg16 seed=1 has the best top1, 0.800" in sentences(*records, separate=True)[0]
    )
