"""What needs a GPU: graphs of launches, recorded by us or by torch.compile."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.gpu

# In a process of its own: the compiler cannot look through the shape checks of the tests.
REPLAYING = """
import json, sys, torch
from cvbench.models.building import build_model
from cvbench.runner.inference import Inference
from cvbench.spec.cell import ModelSpec, Runtime

torch.manual_seed(0)
runtime, device = json.loads(sys.argv[1]), torch.device("cuda")
model = build_model(ModelSpec(name="resnet18", options={"size": 64}), 10)
plain = Inference.of(model, Runtime(precision=runtime.get("precision", "fp32")), device)
graphed = Inference.of(model, Runtime(**runtime), device)
batches = [plain.place(torch.randn(size, 3, 64, 64)) for size in (1, 4, 1)]
found = [graphed.forward(batch) for batch in batches]
for batch, outputs in zip(batches, found, strict=True):
    torch.testing.assert_close(outputs, plain.forward(batch), rtol=1e-2, atol=1e-2)
"""


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
    command = [sys.executable, "-c", REPLAYING, json.dumps(runtime)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
