"""A model exported with its weights to ONNX, and run by onnxruntime or OpenVINO.

The forward pass is exported in evaluation mode; decoding, with its suppression, stays in torch. One file
serves all batch sizes. Each cell exports once, and the record has the file's SHA-256: this file is scored,
and timed in every round. Both engines run it on the CPU, in fp32, on as many threads as torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from cvbench.errors import CellError
from cvbench.interfaces import Model
from cvbench.models.external.onnx_files import read_graph
from cvbench.spec.cell import Engine

EXPORTED: Final = "net.onnx"
"""The file, next to the weights of a scored cell, until its rounds are timed."""
_INPUT: Final = "images"
_EXAMPLES: Final = 2
"""Images in the example batch of the export; torch would make a batch of 1 a constant."""

Run = Callable[[Float[Tensor, "b 3 h w"]], list[Tensor]]


class OutputForm(NamedTuple):
    """The structure of a model's outputs, and which of their tensors an engine computes."""

    spec: TreeSpec
    leaves: list[Any]
    """The outputs for the example batch."""

    def is_computed(self, place: int) -> bool:
        """Whether a leaf is a tensor that is not empty."""
        leaf = self.leaves[place]
        return isinstance(leaf, Tensor) and leaf.numel() > 0

    def whole(self, computed: list[Tensor], batch: int) -> Any:
        """The outputs for a batch: computed tensors, and the constant or empty ones in their places."""
        given = iter(computed)
        leaves = [
            next(given) if self.is_computed(place) else _resized(leaf, batch)
            for place, leaf in enumerate(self.leaves)
        ]
        return tree_unflatten(leaves, self.spec)


class ExportedNet:
    """Called like the model; `content` is the ONNX file that runs."""

    def __init__(self, model: Model, engine: Engine, content: bytes | None = None) -> None:
        """Raises CellError for a model that cannot be exported, or whose images have no common size."""
        if model.preprocessing.resize == "scale":
            raise CellError(
                "runtime.engine: this model takes images of many sizes, and an exported one takes one size.\n"
                "  Set a size, such as options: {size: 512}."
            )
        assert isinstance(model, nn.Module)
        example = torch.zeros(_EXAMPLES, 3, *model.preprocessing.size)
        with torch.inference_mode():
            leaves, spec = tree_flatten(model(example))
        self._form = OutputForm(spec, leaves)
        self.content = content if content is not None else _export(model, example, self._form)
        self._run = {"onnx": _onnxruntime, "openvino": _openvino}[engine or "onnx"](self.content)

    @property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def __call__(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """Outputs in the same form as the model's."""
        return self._form.whole(self._run(images.contiguous()), len(images))


def read_exported(path: Path, sha256: str | None) -> bytes:
    """The content of the exported file; raises CellError where it is not the one that was scored."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise CellError(
            f"{path}: this is not the file that was scored ({found[:12]}, not {str(sha256)[:12]}).\n"
            "  Run the suite again with --fresh."
        )
    return content


def output_shapes(path: Path) -> dict[str, list[int | None]]:
    """Output → shape of an ONNX file's outputs, None for a size that is not fixed.

    Raises InputError where the file cannot be read, or onnx is not installed.
    """
    return {
        one.name: [size.dim_value or None for size in one.type.tensor_type.shape.dim]
        for one in read_graph(path).graph.output
    }


class _Flat(nn.Module):
    """The model with its computed outputs as one flat tuple."""

    def __init__(self, net: nn.Module, form: OutputForm) -> None:
        super().__init__()
        self.net, self.form = net, form

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        leaves = tree_flatten(self.net(images))[0]
        return tuple(leaf for place, leaf in enumerate(leaves) if self.form.is_computed(place))


def _export(net: nn.Module, example: Tensor, form: OutputForm) -> bytes:
    """The ONNX file of a model, for batches of any size; equal models give equal bytes."""
    batch = torch.export.Dim.DYNAMIC
    try:
        with torch.no_grad():
            program = torch.onnx.export(
                _Flat(net, form).eval(),
                (example,),
                input_names=[_INPUT],
                dynamic_shapes=({0: batch},),
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise CellError(f"runtime.engine: this model cannot be exported to ONNX: {reason}") from error
    assert program is not None
    proto: Any = program.model_proto
    proto.ClearField("metadata_props")
    for part in (proto.graph, *proto.functions):
        part.ClearField("metadata_props")  # paths of the source on this machine
        for node in part.node:
            node.ClearField("metadata_props")
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def _onnxruntime(content: bytes) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> list[Tensor]:
        return [torch.from_numpy(values) for values in session.run(None, {_INPUT: images.numpy()})]

    return run


def _openvino(content: bytes) -> Run:
    """Compiled at the first batch of each size, with all shapes fixed."""
    import openvino

    core = openvino.Core()
    net = core.read_model(content)
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",  # else OpenVINO uses bf16 where the processor has it
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled: dict[tuple[int, ...], Any] = {}

    def run(images: Tensor) -> list[Tensor]:
        shape = tuple(images.shape)
        if shape not in compiled:
            net.reshape(list(shape))
            compiled[shape] = core.compile_model(net, "CPU", settings)
        found = compiled[shape](images.numpy(), share_inputs=True)
        return [torch.from_numpy(found[place]) for place in range(len(found))]

    return run


def _resized(leaf: Any, batch: int) -> Any:
    if isinstance(leaf, Tensor) and leaf.ndim and leaf.shape[0] == _EXAMPLES:
        return leaf.new_empty((batch, *leaf.shape[1:]))
    return leaf
