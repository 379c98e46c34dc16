"""The network, decoding and suppression of a detector compile into one graph."""

import subprocess
import sys

import pytest

from cvbench.spec.catalogue.yolo import YOLO

# In a process of its own: the compiler cannot look through the shape checks of the tests.
COMPILING = """
import sys, torch
from torch import nn
from cvbench.models.building import build_model
from cvbench.spec.cell import ModelSpec

torch._dynamo.config.capture_dynamic_output_shape_ops = True
torch.manual_seed(0)
options = {"size": 64, "width": 0.125, "score_threshold": 0.001}
model = build_model(ModelSpec(name=sys.argv[1], options=options), 5).eval()
images = torch.rand(2, 3, 64, 64)
with torch.no_grad():
    last = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))][-1]
    last.weight.mul_(int(sys.argv[2]))  # so that there is something to find
    plain = model.find(model(images))
    compiled = torch.compile(lambda x: model.find(model(x)), fullgraph=True, backend="eager")(images)
assert len(plain.scores) > 0
for a, b in zip(plain, compiled, strict=True):
    torch.testing.assert_close(a, b)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", [card.name for card in YOLO])
def test_a_detector_compiles_into_one_graph_up_to_and_including_suppression(name):
    command = [sys.executable, "-c", COMPILING, name, "1000" if name == "yolo_v1_darknet" else "30"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
