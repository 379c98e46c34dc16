"""A net in an ONNX file, run by onnxruntime: `onnx/classifier`, `onnx/detector` and `onnx/segmenter`.

The file is the model's `weights`. It says nothing of how images become its input, so the options do; the
defaults are values of 0 to 1 and the whole image stretched. What it has to give:

    classifier   one tensor (b, classes): logits, or probabilities with `softmax: false`
    detector     three tensors named boxes (n, 4), labels (n) and scores (n), as torchvision's detectors
                 export them: corners in pixels, image by image, labels counted from `first_label`
    segmenter    one tensor (b, classes, h, w) of logits

It computes in the precision that it was exported in, and cannot be trained here. Its tensors stand among
the parameters, for the count and the fingerprint; what is run is the file. On a GPU onnxruntime's CUDA
provider is taken where it is installed; that has not been run yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.errors import InputError
from cvbench.models.building import refusal
from cvbench.models.classification import softmax_scores
from cvbench.models.external.preprocessing import OF_ONE_SIZE, OF_WHOLE_IMAGES, with_options
from cvbench.models.segmentation import best_labels
from cvbench.values import ClassScores, Detections, Prediction, Preprocessing

Kind: TypeAlias = Literal["classifier", "detector", "segmenter"]

_SIDE: Final = 224
_FOUND: Final = ("boxes", "labels", "scores")


class OnnxModel(nn.Module):
    """The net of a file, once one has been opened; keeps the protocol of its task."""

    def __init__(
        self, kind: Kind, classes: int, preprocessing: Preprocessing, *, takes_its_size: bool, **rules: Any
    ) -> None:
        super().__init__()
        self.kind, self.classes, self.preprocessing = kind, classes, preprocessing
        self.takes_its_size = takes_its_size
        self.softmax: bool = rules["softmax"]
        self.first_label: int = rules["first_label"]
        self._session: Any = None
        self._one_by_one = kind == "detector"

    def open_file(self, path: Path) -> None:
        """Take the net of an ONNX file; raises InputError for one that cannot be run or does not fit."""
        onnx, runtime = _libraries()
        failures = _failures(onnx, runtime)
        try:
            content = path.read_bytes()
            graph = onnx.load_model_from_string(content).graph
            options = runtime.SessionOptions()
            options.intra_op_num_threads = torch.get_num_threads()
            providers = ["CPUExecutionProvider"]
            if torch.cuda.is_available() and "CUDAExecutionProvider" in runtime.get_available_providers():
                providers.insert(0, "CUDAExecutionProvider")
            session = runtime.InferenceSession(content, options, providers=providers)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
        except failures as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{path}: this is no ONNX file that can be run here ({reason}).") from error
        self._check(path, session)
        self._session = session
        self._keep(onnx, graph, hashlib.sha256(content).digest())

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """What the file gives, on the images' device; of a detector one entry an image."""
        if self._session is None:
            raise InputError(f"onnx/{self.kind}: no file has been opened; name one as `weights`.")
        parts = [image[None] for image in images] if self._one_by_one else [images]
        given = [self._run(part) for part in parts]
        if self.kind == "detector":
            return given
        return torch.cat([one[0] for one in given])

    def loss(self, outputs: Any, truths: Sequence[Any]) -> dict[str, Tensor]:  # noqa: ARG002 - the protocol's
        """Raise InputError: there is nothing to learn with."""
        raise InputError(f"onnx/{self.kind}: an ONNX file cannot be trained here; name one as `weights`.")

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
        name = self._session.get_inputs()[0].name
        given = self._session.run(self._outputs, {name: images.contiguous().cpu().numpy()})
        return [torch.from_numpy(np.array(values)).to(images.device) for values in given]

    @property
    def _outputs(self) -> list[str]:
        names = {output.name.lower(): output.name for output in self._session.get_outputs()}
        return [names[name] for name in _FOUND] if self.kind == "detector" else [*names.values()][:1]

    def _detections(self, given: Sequence[Tensor]) -> Detections:
        boxes, labels, scores = given
        order = scores.argsort(descending=True, stable=True)
        labels = labels[order].long() - self.first_label
        kept = (labels >= 0) & (labels < self.classes)
        return Detections(boxes[order][kept].float(), labels[kept], scores[order][kept].float())

    def _check(self, path: Path, session: Any) -> None:
        """That inputs and outputs are what the task and the options say; a fixed size may be the file's."""
        inputs, outputs = session.get_inputs(), session.get_outputs()
        shape = inputs[0].shape
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] != 3:
            told = ", ".join(f"{one.name}: {one.type} {one.shape}" for one in inputs)
            raise InputError(f"{path}: it takes {told}; one batch of float images (b, 3, h, w) is supported.")
        fixed = (shape[2], shape[3])
        if isinstance(fixed[0], int) and isinstance(fixed[1], int):
            if self.takes_its_size and self.preprocessing.resize != "crop":
                self.preprocessing = _of_size(self.preprocessing, fixed)
            if self.preprocessing.size != fixed:
                raise InputError(
                    f"{path}: it takes images of {list(fixed)}, and the options say "
                    f"{list(self.preprocessing.size)}.\n  Set size: {fixed[0]} and, for a crop, shorter."
                )
        self._one_by_one = self.kind == "detector" or shape[0] == 1
        names = {output.name.lower() for output in outputs}
        if self.kind == "detector" and not names.issuperset(_FOUND):
            raise InputError(f"{path}: a detector gives {', '.join(_FOUND)}; this gives {', '.join(names)}.")
        given = outputs[0].shape[1] if self.kind != "detector" and len(outputs[0].shape) > 1 else self.classes
        if isinstance(given, int) and given != self.classes:
            raise InputError(
                f"{path}: it tells {given} classes apart, and the data set has {self.classes}.\n"
                "  Say with `labels` which classes they are, if the data set's are among them."
            )

    def _keep(self, onnx: Any, graph: Any, sha256: bytes) -> None:
        """The file's tensors as parameters, and its hash, which also covers the graph."""
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
    **said: Any,
) -> OnnxModel:
    """The model of this kind, whose file is still to be opened; `said` tells how images come in."""
    title = f"onnx/{kind}"
    sides = size if isinstance(size, tuple) else (size, size)
    if size is not None and not (len(sides) == 2 and all(type(side) is int and side > 0 for side in sides)):
        raise refusal(title, "size", size, wanted="a number of pixels, or [height, width]")
    own = Preprocessing((_SIDE, _SIDE) if size is None else sides)
    return OnnxModel(
        kind,  # type: ignore[arg-type]
        classes,
        with_options(title, own, said, ways=OF_WHOLE_IMAGES if kind == "classifier" else OF_ONE_SIZE),
        takes_its_size=size is None,
        softmax=softmax,
        first_label=first_label,
    )


def _of_size(preprocessing: Preprocessing, size: tuple[int, int]) -> Preprocessing:
    return replace(preprocessing, size=size)


def _libraries() -> tuple[Any, Any]:
    try:
        import onnx
        import onnx.numpy_helper
        import onnxruntime
    except ModuleNotFoundError as error:
        raise InputError(
            f"ONNX files need {error.name}, which is not installed.\n  pip install 'cvbench[onnx]'"
        ) from error
    return onnx, onnxruntime


def _failures(onnx: Any, runtime: Any) -> tuple[type[Exception], ...]:
    """What the two libraries raise for files that they cannot use."""
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
