from cvbench.compare.invariance import FACTORS, invariance_suite
from cvbench.compare.invariance.variants import PREDICTIONS
from cvbench.spec.expectations import Expectations
from cvbench.spec.suite import parse_suite

SUITE = parse_suite(
    """
    schema: 1
    data: fashion
    train: {epochs: 1}
    models: [resnet18, {name: alexnet, options: {size: 64}}]
    runtime: {precision: [fp32, bf16], layout: channels_last, batch: 16}
    expect: {resnet18: {top1: 0.8}}
    """,
    path="small.yaml",
)


def settings(**options):
    _, variants = invariance_suite(SUITE, **{"factors": FACTORS, "batch": 8, "has_gpu": False, **options})
    return [one.setting for one in variants if one.reference.model.name == "resnet18"]


def test_each_variant_changes_one_thing_of_its_reference():
    whole, variants = invariance_suite(SUITE, factors=FACTORS, batch=8, has_gpu=False)
    for one in variants:
        ours, theirs = (
            {**cell.runtime.model_dump(), "workers": cell.data.workers} for cell in (one.reference, one.cell)
        )
        [changed] = [name for name in ours if ours[name] != theirs[name]]
        assert one.setting.startswith(f"{changed}=")
        assert one.reference.key != one.cell.key
        assert {*one.reference.metrics} == {*one.cell.metrics}
        for same in ("model", "train", "seed", "time"):
            assert getattr(one.reference, same) == getattr(one.cell, same)
    assert {cell.key for cell in whole.cells} == {
        cell.key for one in variants for cell in (one.reference, one.cell)
    }


def test_the_suites_own_variants_of_a_model_are_one_reference():
    _, variants = invariance_suite(SUITE, factors=["batch"], batch=8, has_gpu=False)
    assert [one.reference.model.name for one in variants] == ["resnet18", "alexnet"]
    assert {one.reference.runtime.batch for one in variants} == {1}


def test_precisions_are_those_that_the_device_has():
    assert settings(factors=["precision"]) == ["precision=bf16"]
    gpu = settings(factors=["precision"], has_gpu=True)
    assert gpu == ["precision=tf32", "precision=bf16", "precision=fp16"]


def test_nothing_is_timed_expected_or_mixed_with_the_suites_own_results():
    whole, _ = invariance_suite(SUITE, factors=FACTORS, batch=8, has_gpu=False)
    assert whole.name == "small-invariance"
    assert all(cell.time is None for cell in whole.cells)
    assert whole.expectations == Expectations()


def test_a_suite_without_metrics_keeps_predictions_alone():
    suite = parse_suite(
        "schema: 1\ndata: fashion\ntrain: {epochs: 1}\nmodels: [resnet18]\nmetrics: []\n", path="none.yaml"
    )
    _, variants = invariance_suite(suite, factors=["batch", "workers"], batch=8, has_gpu=False)
    assert {one.reference.metrics for one in variants} == {(PREDICTIONS,)}
    assert len({one.reference.key for one in variants} | {one.cell.key for one in variants}) == 3
