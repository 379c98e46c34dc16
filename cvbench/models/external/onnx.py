"""Models from an ONNX file, run by onnxruntime: `onnx/classifier`, `onnx/detector`, `onnx/segmenter`.

The file is the model's `weights`. It does not describe its preprocessing, so the options do; by default
values are scaled to 0 to 1 and the whole image is stretched. Required outputs:

    classifier   a tensor (b, classes): logits, or probabilities with `softmax: false`
    detector     three tensors named boxes (n, 4), labels (n) and scores (n), as torchvision's detectors
                 export them: corners in pixels, one image at a time, labels counted from `first_label`
    segmenter    a tensor (b, classes, h, w) of logits

Of several outputs, the first one of that shape is used, or the one that the option `output` names. A file
with a fixed batch size gets batches of that size: the last one is padded with black images, and their
results are dropped. External data is read from the file's own folder.

The model computes in the precision of the export, and cannot be trained here. Its tensors are registered
as parameters for the parameter count and the fingerprint; onnxruntime runs the file itself. On a GPU,
onnxruntime's CUDA provider is used if it is installed; this has not been tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.errors import InputError
from cvbench.files import sha256_of_files
from cvbench.models.building import refusal
from cvbench.models.classification import softmax_scores
from cvbench.models.external.onnx_files import check_sizes, external_files, libraries, read_graph
from cvbench.models.external.preprocessing import OF_ONE_SIZE, OF_WHOLE_IMAGES, with_options
from cvbench.models.segmentation import best_labels
from cvbench.values import ClassScores, Detections, Prediction, Preprocessing

Kind: TypeAlias = Literal["classifier", "detector", "segmenter"]

_SIDE: Final = 224
_FOUND: Final = ("boxes", "labels", "scores")


class OnnxModel(nn.Module):
    """The model of an ONNX file, loaded by `open_file`; follows the protocol of its task."""

    def __init__(
        self, kind: Kind, classes: int, preprocessing: Preprocessing, *, takes_its_size: bool, **rules: Any
    ) -> None:
        super().__init__()
        self.kind, self.classes, self.preprocessing = kind, classes, preprocessing
        self.takes_its_size = takes_its_size
        self.softmax: bool = rules["softmax"]
        self.first_label: int = rules["first_label"]
        self.output: str | None = rules["output"]
        self._session: Any = None
        self._batch: int | None = None
        """The fixed batch size of the file; None if any size works."""
        self._failures: tuple[type[Exception], ...] = ()
        self._outputs: list[str] = []

    def open_file(self, path: Path) -> None:
        """Load an ONNX file; raises InputError if it cannot run here or does not fit the task."""
        onnx, runtime = libraries()
        self._failures = _failures(onnx, runtime)
        self._path = path
        model = read_graph(path)
        external = external_files(path, model)
        check_sizes(path, model)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        providers = ["CPUExecutionProvider"]
        if torch.cuda.is_available() and "CUDAExecutionProvider" in runtime.get_available_providers():
            providers.insert(0, "CUDAExecutionProvider")
        try:
            sha256 = sha256_of_files([path, *external])
            session = runtime.InferenceSession(str(path), options, providers=providers)
            onnx.external_data_helper.load_external_data_for_model(model, str(path.resolve().parent))
            self._check(path, session)
            self._keep(onnx, model.graph, bytes.fromhex(sha256))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
        except self._failures as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{path}: not an ONNX file that can be run here ({reason}).") from error
        self._session = session

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """The file's outputs, on the images' device; for a detector, one entry per image."""
        if self._session is None:
            raise InputError(f"onnx/{self.kind}: no file is loaded.\n  Set `weights:` to an ONNX file.")
        given = [self._run(part) for part in torch.split(images, self._batch or len(images) or 1)]
        if self.kind == "detector":
            return given
        return torch.cat([one[0] for one in given])

    def loss(self, outputs: Any, truths: Sequence[Any]) -> dict[str, Tensor]:  # noqa: ARG002 - the protocol's
        """Raise InputError: ONNX models cannot be trained."""
        raise InputError(
            f"onnx/{self.kind}: an ONNX file cannot be trained here.\n"
            "  Remove `train:`, and set `weights:` to a trained file."
        )

    def decode(self, outputs: Any) -> list[Any]:
        """Predictions of the task."""
        found: list[Any] = [self._detections(one) for one in outputs] if self.kind == "detector" else []
        if self.kind == "segmenter":
            found = list[Prediction](best_labels(outputs))
        elif self.kind == "classifier":
            found = (
                softmax_scores(outputs) if self.softmax else [ClassScores(row) for row in outputs.unbind()]
            )
        return found

    def _run(self, images: Tensor) -> list[Tensor]:
        """The file's outputs for at most one batch; a fixed batch is padded, and the padding cut."""
        name, count = self._session.get_inputs()[0].name, len(images)
        filling = images.new_zeros(((self._batch or count) - count, *images.shape[1:]))
        values = torch.cat([images.cpu(), filling.cpu()]).contiguous().numpy()
        try:
            given = self._session.run(self._outputs, {name: values})
        except self._failures as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"{self._path}: running images of shape {list(values.shape)} failed ({reason})."
            ) from error
        found = [torch.from_numpy(np.array(one)).to(images.device) for one in given]
        if self.kind == "detector":
            return found
        if found[0].ndim == 0 or len(found[0]) != len(values):
            raise InputError(
                f"{self._path}: {self._outputs[0]} is {list(found[0].shape)} for {len(values)} images; one "
                "row per image is needed.\n  Name another output: options: {output: NAME}."
            )
        return [found[0][:count]]

    def _detections(self, given: Sequence[Tensor]) -> Detections:
        boxes, labels, scores = given
        order = scores.argsort(descending=True, stable=True)
        labels = labels[order].long() - self.first_label
        kept = (labels >= 0) & (labels < self.classes)
        return Detections(boxes[order][kept].float(), labels[kept], scores[order][kept].float())

    def _check(self, path: Path, session: Any) -> None:
        """Check inputs and outputs against the task and the options; take over a fixed input size."""
        inputs, outputs = session.get_inputs(), session.get_outputs()
        shape = inputs[0].shape
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
            shown = ", ".join(f"{one.name}: {one.type} {one.shape}" for one in inputs)
            raise InputError(
                f"{path}: the inputs are {shown}; supported is one batch of float images (b, 3, h, w)."
            )
        fixed = (shape[2], shape[3])
        if isinstance(fixed[0], int) and isinstance(fixed[1], int):
            if self.takes_its_size and self.preprocessing.resize != "crop":
                self.preprocessing = _of_size(self.preprocessing, fixed)
            if self.preprocessing.size != fixed:
                raise InputError(
                    f"{path}: the input size is fixed at {list(fixed)}, but the options set "
                    f"{list(self.preprocessing.size)}.\n  Set size: {fixed[0]} and, for a crop, shorter."
                )
        self._batch = shape[0] if isinstance(shape[0], int) else 1 if self.kind == "detector" else None
        if self.kind == "detector" and self._batch != 1:
            raise InputError(
                f"{path}: the batch size is fixed at {self._batch}, and the boxes have no image index.\n"
                "  Export the detector with a batch of 1."
            )
        self._outputs = self._chosen(path, outputs)

    def _chosen(self, path: Path, outputs: Sequence[Any]) -> list[str]:
        """Names of the outputs to read; raises InputError if none has the task's shape."""
        names = {output.name.lower(): output.name for output in outputs}
        shown = "; ".join(f"{one.name}: {one.type} {one.shape}" for one in outputs)
        if self.kind == "detector":
            if not names.keys() >= {*_FOUND}:
                raise InputError(
                    f"{path}: a detector needs the outputs {', '.join(_FOUND)}; this file has {shown}."
                )
            return [names[name] for name in _FOUND]
        wanted = [one for one in outputs if self.output in (None, one.name)]
        fitting = sorted(filter(self._fits, wanted), key=lambda one: not isinstance(one.shape[1], int))
        if fitting:
            return [fitting[0].name]
        form = f"(b, {self.classes})" if self.kind == "classifier" else f"(b, {self.classes}, h, w)"
        raise InputError(
            f"{path}: it has no output {self.output or ''} of the shape {form} of floats, and the dataset "
            f"has {self.classes} classes. Its outputs are {shown}.\n"
            "  Name one: options: {output: NAME}. If its classes differ, set `labels` to the ones it has."
        )

    def _fits(self, output: Any) -> bool:
        """Whether an output can be the task's: its rank, its type, and its number of classes if known."""
        shape, rank = output.shape, 2 if self.kind == "classifier" else 4
        floats = output.type in ("tensor(float)", "tensor(float16)", "tensor(double)")
        return floats and len(shape) == rank and shape[1] in (self.classes, *_unknown(shape[1]))

    def _keep(self, onnx: Any, graph: Any, sha256: bytes) -> None:
        """Register the file's tensors as parameters, and its hash, which also covers the graph."""
        for number, tensor in enumerate(graph.initializer):
            values = torch.from_numpy(np.array(onnx.numpy_helper.to_array(tensor)))
            name = f"{number:04}_{tensor.name.replace('.', '_')}"
            if values.is_floating_point():
                self.register_parameter(name, nn.Parameter(values))
            else:
                self.register_buffer(name, values)
        self.register_buffer("file_sha256", torch.from_numpy(np.frombuffer(sha256, np.uint8).copy()))


def build(
    kind: str,
    classes: int,
    *,
    size: object = None,
    softmax: bool = True,
    first_label: int = 1,
    output: str | None = None,
    **given: Any,
) -> OnnxModel:
    """The model of this kind, before its file is loaded; `given` are preprocessing options."""
    title = f"onnx/{kind}"
    sides = size if isinstance(size, tuple) else (size, size)
    if size is not None and not (len(sides) == 2 and all(type(side) is int and side > 0 for side in sides)):
        raise refusal(title, "size", size, wanted="a number of pixels, or [height, width]")
    own = Preprocessing((_SIDE, _SIDE) if size is None else sides)
    return OnnxModel(
        kind,  # type: ignore[arg-type]
        classes,
        with_options(title, own, given, ways=OF_WHOLE_IMAGES if kind == "classifier" else OF_ONE_SIZE),
        takes_its_size=size is None,
        softmax=softmax,
        first_label=first_label,
        output=output,
    )


def _unknown(side: object) -> tuple[object, ...]:
    """The dimension itself if the file leaves it symbolic."""
    return () if isinstance(side, int) else (side,)


def _of_size(preprocessing: Preprocessing, size: tuple[int, int]) -> Preprocessing:
    return replace(preprocessing, size=size)


def _failures(onnx: Any, runtime: Any) -> tuple[type[Exception], ...]:
    """Exceptions that onnx and onnxruntime raise for unusable files."""
    from google.protobuf.message import DecodeError

    states = runtime.capi.onnxruntime_pybind11_state
    known = ("InvalidGraph", "InvalidProtobuf", "Fail", "NotImplemented", "InvalidArgument", "NoSuchFile")
    return (
        RuntimeError,
        ValueError,
        DecodeError,
        onnx.checker.ValidationError,
        *(getattr(states, name) for name in known),
    )
