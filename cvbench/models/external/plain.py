"""Your own network by import path, unchanged: a plain `nn.Module`, a factory, or a module object.

What a plain network lacks (`preprocessing`, `loss`, `decode`) follows its task's convention:

- classification: logits `(batch, classes)`, or a tuple, mapping or object whose first, `logits` or `out`
  entry is that tensor; softmax and cross entropy.
- segmentation: logits `(batch, classes, h, w)` at any stride, in the same forms; they are resized to the
  input bilinearly. Cross entropy per pixel; label 0 is the background.
- detection: torchvision's convention. The input is a list of images; in evaluation the output is one mapping
  per image with `boxes` (xyxy, in pixels of the input), `labels` (1 to classes; 0 is the background),
  `scores` and optionally `masks`; in training the network also takes targets and returns its losses.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.errors import InputError
from cvbench.models.classification import IMAGENET_MEAN, IMAGENET_STD, softmax_loss, softmax_scores
from cvbench.models.external.preprocessing import (
    OF_THEIR_PARTS,
    OF_WHOLE_IMAGES,
    side_of,
    with_options,
)
from cvbench.models.external.torchvision_detection import detections_of, target_of
from cvbench.models.segmentation import best_labels, pixel_loss
from cvbench.spec.cell import PreprocessingSpec, TaskName
from cvbench.values import ClassScores, Detections, LabelMap, Preprocessing

CLASS_COUNTS: Final = ("num_classes", "classes", "n_classes", "nb_classes", "num_labels", "nc")
"""Parameter names that take the number of classes."""
_DEFAULTS: Final[Mapping[TaskName, Preprocessing]] = {
    "classification": Preprocessing((224, 224), mean=IMAGENET_MEAN, std=IMAGENET_STD),
    "detection": Preprocessing((640, 640), "letterbox", fill=114),
    "segmentation": Preprocessing((512, 512), mean=IMAGENET_MEAN, std=IMAGENET_STD),
}
"""Values that `preprocessing:` changes; torchvision's detectors normalize images themselves."""


def class_argument(builder: Callable[..., Any]) -> str | None:
    """Name of the parameter for the number of classes: a usual name, else the first one if required."""
    if isinstance(builder, nn.Module):
        return None
    parameters = inspect.signature(builder).parameters
    usual = next((name for name in CLASS_COUNTS if name in parameters), None)
    if usual is not None:
        return usual
    first = next(iter(parameters.values()), None)
    required = (
        first is not None and first.default is first.empty and first.kind is first.POSITIONAL_OR_KEYWORD
    )
    return first.name if first is not None and required else None


def build(builder: Callable[..., Any], classes: int, options: Mapping[str, Any]) -> Any:
    """Call the builder, with the number of classes if it takes one; a module object is copied."""
    if isinstance(builder, nn.Module):
        return copy.deepcopy(builder)
    name = class_argument(builder)
    return builder(**({} if name is None else {name: classes}), **options)


def adapted(
    title: str, net: nn.Module, task: TaskName, classes: int, wanted: PreprocessingSpec | None
) -> PlainClassifier | PlainSegmenter | PlainDetector:
    """The network as a Model of its task, with its weights under their own names.

    Raises InputError for a preprocessing that does not suit the task.
    """
    bgr = wanted is not None and wanted.color == "bgr"
    preprocessing = _preprocessing(title, task, wanted, bgr=bgr)
    kinds: dict[TaskName, type[PlainClassifier | PlainSegmenter | PlainDetector]] = {
        "classification": PlainClassifier,
        "detection": PlainDetector,
        "segmentation": PlainSegmenter,
    }
    return kinds[task](title, net, preprocessing, classes=classes, bgr=bgr)


def _preprocessing(
    title: str, task: TaskName, wanted: PreprocessingSpec | None, *, bgr: bool
) -> Preprocessing:
    own = _DEFAULTS[task]
    if wanted is None:
        return own
    given = {name: value for name, value in wanted if name != "color" and value is not None}
    size = given.pop("size", None)
    if size is not None:
        both = (size, size) if isinstance(size, int) else size
        own = Preprocessing(both, own.resize, own.mean, own.std, own.fill)
        side_of(title, both[0])
    for name in ("mean", "std"):
        if name in given:
            given[name] = list(given[name])[:: -1 if bgr else 1]
    ways = OF_WHOLE_IMAGES if task == "classification" else OF_THEIR_PARTS
    return with_options(title, own, given, ways=ways)


class _Plain(nn.Module):
    """Shares weights, buffers and children with the user's network, so that their names do not change."""

    _net: Any

    def __init__(
        self, title: str, net: nn.Module, preprocessing: Preprocessing, *, classes: int, bgr: bool
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        self.title, self.classes, self.bgr = title, classes, bgr
        object.__setattr__(self, "_net", net)
        for shared in ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"):
            object.__setattr__(self, shared, getattr(net, shared))

    def train(self, mode: bool = True) -> Any:  # noqa: FBT001, FBT002 - as nn.Module has it
        """Set the mode of the network by its own `train` method."""
        self.training = mode
        self._net.train(mode)
        return self

    def _given(self, images: Tensor) -> Tensor:
        return images[:, [2, 1, 0]] if self.bgr else images

    def _wrong(self, what: str, wanted: str) -> InputError:
        return InputError(f"{self.title}: forward returned {what}; expected {wanted}.\n  {ADAPTER}")


class PlainClassifier(_Plain):
    """A network that returns logits; softmax and cross entropy."""

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        """The logits, unwrapped."""
        found = self._net(self._given(images))
        logits = _logits(found)
        wanted = f"logits of shape ({len(images)}, {self.classes})"
        if logits is None:
            raise self._wrong(_described(found), wanted)
        flat = logits.flatten(1) if logits.ndim == 4 and logits.shape[2:] == (1, 1) else logits
        if flat.shape != (len(images), self.classes):
            raise self._wrong(_described(logits), f"{wanted}: images, classes of the dataset")
        return flat

    def loss(self, outputs: Float[Tensor, "b classes"], truths: Sequence[ClassScores]) -> dict[str, Tensor]:
        """Cross entropy of the softmax."""
        return softmax_loss(outputs, truths)

    def decode(self, outputs: Float[Tensor, "b classes"]) -> list[ClassScores]:
        """The softmax of each image's logits."""
        return softmax_scores(outputs)


class PlainSegmenter(_Plain):
    """A network that returns logits per pixel at any stride."""

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes h w"]:
        """The logits at the input's size."""
        found = self._net(self._given(images))
        logits = _logits(found)
        wanted = f"logits of shape ({len(images)}, {self.classes}, h, w), the background counted as label 0"
        if logits is None:
            raise self._wrong(_described(found), wanted)
        if logits.ndim != 4 or logits.shape[:2] != (len(images), self.classes):
            raise self._wrong(_described(logits), wanted)
        if logits.shape[2:] == images.shape[2:]:
            return logits
        return F.interpolate(logits, size=images.shape[2:], mode="bilinear", align_corners=False)

    def loss(self, outputs: Float[Tensor, "b classes h w"], truths: Sequence[LabelMap]) -> dict[str, Tensor]:
        """Cross entropy per pixel, without void pixels."""
        labels = torch.stack([truth.labels for truth in truths]).to(outputs.device, torch.int64)
        return {"cross_entropy": pixel_loss(outputs.float(), labels)}

    def decode(self, outputs: Float[Tensor, "b classes h w"]) -> list[LabelMap]:
        """Each pixel's class with the highest logit."""
        return best_labels(outputs)


class PlainDetector(_Plain):
    """A detector of torchvision's convention; boxes and labels are checked."""

    needs_masks = False

    def __init__(self, *given: Any, classes: int, bgr: bool) -> None:
        super().__init__(*given, classes=classes, bgr=bgr)
        self._number = torch.arange(1, classes + 1)
        self._of_number = torch.arange(-1, classes)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """In training the images themselves, for the loss; in evaluation the network's detections."""
        if self.training:
            return images
        found = self._net(list(self._given(images)))
        if not isinstance(found, Sequence) or len(found) != len(images):
            raise self._wrong(_described(found), f"a list of {len(images)} mappings, one per image: {_KEYS}")
        for one in found:
            self._check(one)
        return found

    def loss(self, outputs: Float[Tensor, "b 3 h w"], truths: Sequence[Detections]) -> dict[str, Tensor]:
        """The network's own losses, under its own names."""
        targets = [target_of(truth, self._number) for truth in truths]
        found = self._net(list(self._given(outputs)), targets)
        if not isinstance(found, Mapping):
            raise self._wrong(_described(found), "a mapping of losses in training: forward(images, targets)")
        return dict(found)

    def decode(self, outputs: Sequence[Mapping[str, Tensor]]) -> list[Detections]:
        """The detections, best score first."""
        return [detections_of(found, self._of_number) for found in outputs]

    def _check(self, found: Any) -> None:
        if not isinstance(found, Mapping) or not {"boxes", "labels", "scores"} <= found.keys():
            what = f"keys {', '.join(found)}" if isinstance(found, Mapping) else _described(found)
            raise self._wrong(f"{what} for an image", _KEYS)
        boxes, labels = found["boxes"], found["labels"]
        if boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) != len(labels) or labels.is_floating_point():
            shapes = tuple(boxes.shape), tuple(labels.shape)
            what = f"boxes of shape {shapes[0]} and labels of shape {shapes[1]}, {labels.dtype}"
            raise self._wrong(what, "boxes (n, 4) and integer labels (n,)")
        if not len(boxes):
            return
        if (boxes[:, 2:] < boxes[:, :2]).any():
            raise self._wrong(
                "boxes whose right or lower side is left of or above the other", "xyxy, not xywh"
            )
        if boxes.max() <= 1 and boxes.max() > 0:
            raise self._wrong("boxes within 0 to 1", "pixels of the input; multiply by its width and height")
        low, high = int(labels.min()), int(labels.max())
        if low < 1 or high > self.classes:
            raise self._wrong(
                f"labels from {low} to {high}", f"labels from 1 to {self.classes}; 0 is the background"
            )


_KEYS: Final = "boxes (n, 4), labels (n,), scores (n,)"
ADAPTER: Final = (
    "If yours differs, write an adapter and name it in the suite:\n"
    "    class Adapter(my_models.MyNet):\n"
    "        def forward(self, images):\n"
    '            return super().forward(images)["prediction"]  # whatever holds it'
)
"""Remedy for a network with another output."""


def _logits(found: Any) -> Tensor | None:
    """The logits in a network's output: the output itself, `logits`, `out`, or the first of a tuple."""
    if isinstance(found, Tensor):
        return found
    entries = found if isinstance(found, Mapping) else getattr(found, "__dict__", {})
    for name in ("logits", "out"):
        inner = entries.get(name, getattr(found, name, None))
        if isinstance(inner, Tensor):
            return inner
    if isinstance(found, tuple | list) and found and isinstance(found[0], Tensor):
        return found[0]
    return None


def _described(found: Any) -> str:
    """Describes an object in a message.

    >>> _described(torch.zeros(2, 5)), _described({"loss": 1}), _described(None)
    ('a tensor of shape (2, 5)', 'a dict with the keys loss', 'None')
    """
    if isinstance(found, Tensor):
        return f"a tensor of shape {tuple(found.shape)}"
    if isinstance(found, Mapping):
        return f"a {type(found).__name__} with the keys {', '.join(map(str, found))}"
    if isinstance(found, tuple | list):
        return (
            f"a {type(found).__name__} of {len(found)}: {', '.join(type(one).__name__ for one in found[:5])}"
        )
    return "None" if found is None else f"a {type(found).__name__}"
