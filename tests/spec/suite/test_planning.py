"""Why a cell would be skipped on this machine."""

from dataclasses import replace

import pytest

from cvbench.spec.catalogue import DATASETS
from cvbench.spec.catalogue.datasets import ROOT_VARIABLE
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, Runtime, TimingPlan, TrainRecipe, TrainStepPlan
from cvbench.spec.suite import parse_suite, plan, plan_cell


def cell(runtime=None, train=None, **parts):
    return Cell(
        model=ModelSpec(name="resnet18", weights=parts.get("weights")),
        data=DataSpec(name="fashion", root=parts.get("root")),
        train=TrainRecipe(**train) if train else None,
        runtime=Runtime(**(runtime or {})),
    )


@pytest.mark.parametrize(
    ("runtime", "has_gpu", "reason"),
    [
        ({"device": "cuda"}, False, "no GPU found; the suite asks for cuda"),
        ({"device": "cuda:1"}, False, "no GPU found; the suite asks for cuda:1"),
        ({"device": "cuda"}, True, None),
        ({"device": "auto"}, False, None),
        ({"device": "cpu"}, False, None),
        ({"precision": "bf16"}, False, None),
        ({"precision": "fp16"}, False, "running in fp16 needs a GPU; bf16 runs on a CPU"),
        ({"precision": "fp16"}, True, None),
        ({"precision": "fp16", "device": "cpu"}, True, "running in fp16 needs a GPU; bf16 runs on a CPU"),
        ({"precision": "tf32"}, False, "running in tf32 needs a GPU; a CPU runs fp32"),
        ({"precision": "tf32"}, True, None),
    ],
)
def test_a_device_or_a_precision_may_not_be_had(runtime, has_gpu, reason):
    assert plan_cell(cell(runtime), has_gpu=has_gpu).skip == reason


ENGINE = {"engine": "onnx", "device": "cpu"}


@pytest.mark.parametrize(
    ("runtime", "has_gpu", "reason"),
    [
        ({"cuda_graphs": True}, False, "CUDA graphs need a GPU"),
        ({"cuda_graphs": True}, True, None),
        (
            {"cuda_graphs": True, "compile": "reduce-overhead"},
            True,
            "torch.compile in the mode reduce-overhead already uses CUDA graphs: remove cuda_graphs",
        ),
        ({"engine": "onnx"}, True, "onnxruntime runs on the CPU here: set runtime.device: cpu"),
        ({**ENGINE, "precision": "bf16"}, False, "onnxruntime runs the exported model in fp32, not in bf16"),
        (
            {**ENGINE, "compile": True},
            False,
            "onnxruntime runs the model without torch: remove compile and cuda_graphs",
        ),
    ],
)
def test_ways_to_run_a_net_may_not_go_together(runtime, has_gpu, reason):
    assert plan_cell(cell(runtime), has_gpu=has_gpu).skip == reason


def test_an_engine_that_is_not_installed_is_a_reason(monkeypatch):
    monkeypatch.setattr(
        "cvbench.spec.suite.planning.find_spec", lambda name: None if name == "openvino" else name
    )
    assert plan_cell(cell(ENGINE), has_gpu=False).skip is None
    reason = plan_cell(cell({**ENGINE, "engine": "openvino"}), has_gpu=False).skip
    assert reason == "openvino is not installed: pip install 'cvbench[openvino]'"


def test_an_engine_does_not_train_and_an_onnx_file_cannot_be_trained():
    steps = TimingPlan(train_step=TrainStepPlan())
    engine = cell(ENGINE).model_copy(update={"time": steps})
    assert plan_cell(engine, has_gpu=False).skip == "onnxruntime does not train: remove time.train_step"
    file = engine.model_copy(update={"model": ModelSpec(name="onnx/classifier"), "runtime": Runtime()})
    reason = plan_cell(file, has_gpu=False).skip
    assert reason == "an ONNX file cannot be trained: remove time.train_step"


def test_a_training_may_not_be_had_either():
    trained = cell(train={"precision": "fp16"})
    assert plan_cell(trained, has_gpu=False).skip == "training in fp16 needs a GPU; bf16 runs on a CPU"
    assert plan_cell(trained, has_gpu=True).skip is None


def test_data_that_is_not_there_is_a_reason(tmp_path):
    assert plan_cell(cell(root=str(tmp_path)), has_gpu=False).skip is None
    gone = tmp_path / "gone"
    assert plan_cell(cell(root=str(gone)), has_gpu=False).skip == f"no data: there is no folder {gone}"


@pytest.fixture
def set_of_ones_own(monkeypatch):
    """A data set, `own`, that does not come along."""
    card = replace(DATASETS["fashion"], name="own", needs_root=True)
    monkeypatch.setitem(DATASETS._cards, "own", card)
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)


@pytest.mark.usefixtures("set_of_ones_own")
def test_data_that_do_not_come_along_must_lie_somewhere(tmp_path, monkeypatch):
    own = Cell(model=ModelSpec(name="resnet18"), data=DataSpec(name="own"))
    reason = "no data: set data.root to the folder of own, or put it at $CVBENCH_DATA/own"
    assert plan_cell(own, has_gpu=False).skip == reason
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    assert plan_cell(own, has_gpu=False).skip == reason
    (tmp_path / "own").mkdir()
    assert plan_cell(own, has_gpu=False).skip is None


def test_weights_that_are_not_there_are_a_reason(tmp_path):
    file = tmp_path / "a.safetensors"
    assert plan_cell(cell(weights=str(file)), has_gpu=False).skip == f"no weights: there is no file {file}"
    file.touch()
    assert plan_cell(cell(weights=str(file)), has_gpu=False).skip is None


def test_a_plan_has_every_cell_in_order_with_its_reason():
    suite = parse_suite(
        "{schema: 1, data: fashion, train: {}, models: [resnet18], runtime: {precision: [fp32, fp16]}}",
        path="a.yaml",
    )
    planned = plan(suite, has_gpu=False)
    assert [one.cell for one in planned] == list(suite.cells)
    assert [one.skip is None for one in planned] == [True, False]
