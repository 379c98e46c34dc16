"""What an engine runs is the net with its weights, for any batch; what cannot be exported is told."""

import hashlib
import json
import subprocess
import sys
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from cvbench.errors import CellError
from cvbench.record import Record
from cvbench.runner.exported import ExportedNet, read_exported
from cvbench.runner.inference import Inference
from cvbench.spec.cell import Runtime
from cvbench.values import ClassScores, Preprocessing
from tests.runner.launching import SUITE, cvbench, toy

ENGINES = ["onnx", "openvino"]
CPU = torch.device("cpu")


def needs(engine):
    pytest.importorskip("onnxscript")
    pytest.importorskip({"onnx": "onnxruntime"}.get(engine, engine))


class Outputs(NamedTuple):
    """All kinds of things that a net may give."""

    maps: dict[str, Tensor]
    unused: Tensor
    stride: int


class Net(nn.Module):
    """Gives a dictionary in a tuple, an empty tensor and a number."""

    preprocessing = Preprocessing((8, 12))

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, images):
        x = self.norm(self.conv(images)).relu()
        return Outputs({"map": x, "mean": x.mean((2, 3))}, images.new_empty(len(images), 0, 4), 2)

    def loss(self, outputs, truths):
        raise NotImplementedError

    def decode(self, outputs):
        return [ClassScores(row) for row in outputs.maps["mean"].softmax(1)]


class Undecided(Net):
    """Looks at its values to choose its way."""

    def forward(self, images):
        return images.mean((2, 3)) if images.sum() > 0 else images.amax((2, 3))


EXPORTING = """
import sys
from pathlib import Path
from cvbench.runner.exported import ExportedNet
from tests.runner import test_exported

net = getattr(test_exported, sys.argv[1])().eval()
if len(sys.argv) > 3:
    net.conv.weight.data.zero_()
Path(sys.argv[2]).write_bytes(ExportedNet(net, "onnx").content)
"""


def export(path, name="Net", *more):
    """The file of a net, made in a process of its own: the exporter cannot look through shape checks."""
    needs("onnx")
    command = [sys.executable, "-c", EXPORTING, name, str(path), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else path.read_bytes()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The net, and its file, which takes long to make."""
    content = export(tmp_path_factory.mktemp("exported") / "net.onnx")
    assert isinstance(content, bytes), content
    return Net().eval(), content


@pytest.mark.parametrize("engine", ["onnx", pytest.param("openvino", marks=pytest.mark.full)])
def test_an_engine_gives_what_the_net_gives_for_any_batch(exported, engine):
    needs(engine)
    net, content = exported
    inference = Inference.of(net, Runtime(engine=engine), CPU, exported=content)
    for batch in (1, 2, 5):
        images = torch.randn(batch, 3, 8, 12)
        with torch.inference_mode():
            expected = net(images)
        found = inference.forward(inference.place(images))
        assert isinstance(found, Outputs)
        torch.testing.assert_close(found.maps, expected.maps)
        assert (found.unused.shape, found.stride) == ((batch, 0, 4), 2)
        decoded = torch.stack([one.scores for one in inference(images)])
        torch.testing.assert_close(decoded, expected.maps["mean"].softmax(1))


@pytest.mark.full
@pytest.mark.parametrize("engine", ENGINES)
def test_the_outputs_of_one_call_outlive_the_next(exported, engine):
    needs(engine)
    run = ExportedNet(exported[0], engine, exported[1])
    first = run(torch.zeros(1, 3, 8, 12)).maps["mean"]
    kept = first.clone()
    run(torch.ones(1, 3, 8, 12))
    assert torch.equal(first, kept)


@pytest.mark.slow
def test_equal_weights_give_the_same_file_and_other_weights_another(exported, tmp_path):
    assert export(tmp_path / "again.onnx") == exported[1]
    assert export(tmp_path / "other.onnx", "Net", "with other weights") != exported[1]


@pytest.mark.full
def test_the_file_tells_nothing_of_where_the_source_lies(exported):
    assert str(__file__).encode() not in exported[1]
    assert b"stack_trace" not in exported[1]


@pytest.mark.slow
def test_a_net_that_cannot_be_exported_says_so(tmp_path):
    said = export(tmp_path / "net.onnx", "Undecided")
    assert "CellError: runtime.engine: this model cannot be exported to ONNX: Could not guard on data" in said


def test_images_of_many_sizes_are_refused():
    net = Net()
    net.preprocessing = Preprocessing((8, 12), "scale", shorter=8)
    with pytest.raises(CellError, match="takes images of many sizes, and an exported one takes one size"):
        ExportedNet(net, "onnx")


def test_an_engine_is_refused_a_gpu_and_cuda_graphs_the_cpu():
    with pytest.raises(CellError, match=r"engine onnx runs on the CPU here: set runtime\.device: cpu"):
        Inference.of(Net(), Runtime(engine="onnx"), torch.device("meta"))
    with pytest.raises(CellError, match=r"cuda_graphs needs a GPU, and this runs on the CPU: leave it out"):
        Inference.of(Net(), Runtime(cuda_graphs=True), CPU)


def test_another_file_than_the_one_that_was_scored_is_not_timed(tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b"net")
    assert read_exported(file, hashlib.sha256(b"net").hexdigest()) == b"net"
    with pytest.raises(CellError, match="this is not the file that was scored"):
        read_exported(file, hashlib.sha256(b"another").hexdigest())


REAL = """
import sys, torch
from torch.utils._pytree import tree_leaves
from cvbench.models.building import build_model
from cvbench.runner.exported import ExportedNet
from cvbench.spec.cell import ModelSpec

name, options, engine = sys.argv[1], eval(sys.argv[2]), sys.argv[3]
torch.manual_seed(0)
model = build_model(ModelSpec(name=name, options=options), 5).eval()
images = torch.randn(3, 3, *model.preprocessing.size)
with torch.inference_mode():
    plain, run = model(images), ExportedNet(model, engine)(images)
    model.decode(run)
for a, b in zip(tree_leaves(plain), tree_leaves(run), strict=True):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-4 * a.abs().max().item() if a.numel() else 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet18", {"size": 64}),
        ("unet", {"size": 64, "width": 0.125}),
        ("yolo_v3_tiny", {"size": 64, "width": 0.125}),
        ("timm/mobilenetv3_small_050", {}),
        ("torchvision/lraspp_mobilenet_v3_large", {"size": 64}),
    ],
)
def test_nets_of_every_task_are_exported(engine, name, options):
    # in a process of its own: the exporter cannot look through the shape checks of the tests
    needs(engine)
    command = [sys.executable, "-c", REAL, name, repr(options), engine]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_suite_scores_and_times_the_same_file_by_every_engine(tmp_path):
    for engine in ENGINES:
        needs(engine)
    path = tmp_path / "toys.yaml"
    path.write_text(SUITE.format(models=toy("linear"), more="runtime: {engine: [torch, onnx, openvino]}"))
    ended = cvbench("run", path, "time.rounds=1", "--out", tmp_path / "results", "--json")
    records = [Record.model_validate(record) for record in json.loads(ended.stdout)["records"]]
    assert [record.outcome for record in records] == ["ok"] * 3, ended.stderr
    torchs, onnx, openvino = records
    assert torchs.artifact.exported is None
    assert onnx.artifact.exported == openvino.artifact.exported
    assert torchs.artifact.sha256 == onnx.artifact.sha256 == openvino.artifact.sha256
    for record in records:
        assert record.measurement("top1").value == torchs.measurement("top1").value
        assert record.measurement("latency_p50").value > 0
