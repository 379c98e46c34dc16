"""What needs a GPU: graphs of launches, recorded by us or by torch.compile."""

import pytest
import torch

from cvbench.models.building import build_model
from cvbench.runner.inference import Inference
from cvbench.spec import ModelSpec, Runtime

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(
    "runtime",
    [
        {"cuda_graphs": True},
        {"cuda_graphs": True, "precision": "bf16"},
        {"compile": "reduce-overhead"},
        {"compile": True, "cuda_graphs": True},
    ],
)
def test_what_is_replayed_is_what_the_net_gives_and_outlives_the_next_call(runtime):
    torch.manual_seed(0)
    device = torch.device("cuda")
    model = build_model(ModelSpec(name="resnet18", options={"size": 64}), 10)
    precision = runtime.get("precision", "fp32")
    plain = Inference.of(model, Runtime(precision=precision), device)
    graphed = Inference.of(model, Runtime(**runtime), device)
    batches = [plain.place(torch.randn(size, 3, 64, 64)) for size in (1, 4, 1)]
    found = [graphed.forward(batch) for batch in batches]
    for batch, outputs in zip(batches, found, strict=True):
        torch.testing.assert_close(outputs, plain.forward(batch), rtol=1e-2, atol=1e-2)
