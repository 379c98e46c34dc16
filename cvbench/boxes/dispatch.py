"""The compiled faces as operators of torch, so that models that contain them compile and export.

`torch.ops.cvbench.*` take boxes in float32 or float64 and carry no gradients; the functions of
`cvbench.boxes` choose between them and the reference. Kernels are imported at their first call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

_SCHEMAS = {
    "iou": "(Tensor a, Tensor b) -> Tensor",
    "crowd_iou": "(Tensor a, Tensor b) -> Tensor",
    "voc_iou": "(Tensor a, Tensor b) -> Tensor",
    "nms": "(Tensor boxes, Tensor scores, float threshold, Tensor? groups) -> Tensor",
    "survives_nms": "(Tensor boxes, Tensor scores, float threshold, Tensor? groups) -> Tensor",
    "soft_nms": "(Tensor boxes, Tensor scores, str method, float strength, float least, Tensor? groups)"
    " -> (Tensor, Tensor)",
    "match_coco": "(Tensor overlaps, Tensor thresholds, Tensor crowd, Tensor ignored) -> Tensor",
    "assign": "(Tensor overlaps, float positive, float negative, bool low_quality)"
    " -> (Tensor, Tensor, Tensor)",
}
for _name, _schema in _SCHEMAS.items():
    torch.library.define(f"cvbench::{_name}", _schema)


def is_compiled_for(*tensors: Tensor) -> bool:
    """Whether a kernel may take these: no gradient is asked for, and their one device has kernels."""
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return False
    if is_differentiated_forward(*tensors):
        return False
    device = tensors[0].device
    return all(tensor.device == device for tensor in tensors) and _has_kernels(device.type)


def is_differentiated_forward(*tensors: Tensor) -> bool:
    """Whether one of these has a tangent of forward-mode differentiation, as in `torch.func.jvp`.

    Operators that are defined in Python would drop it without an error, and the derivative be 0.
    """
    # Torch has no public question for this; outside of forward mode nothing else is looked at.
    if forward_ad._current_level < 0:  # noqa: SLF001
        return False
    unpack: Callable[[Tensor], Any] = forward_ad.unpack_dual
    return any(tensor.dtype.is_floating_point and unpack(tensor).tangent is not None for tensor in tensors)


@cache
def _has_kernels(device: str) -> bool:
    """Whether this kind of device has kernels; torch comes without Triton on some platforms."""
    return device in ("cpu", "meta") or (device == "cuda" and find_spec("triton") is not None)


def _overlap(measure: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The kernel of this name for the device of its arguments."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        _require_boxes(a)
        _require_boxes(b)
        if (a.dtype, a.device) != (b.dtype, b.device):
            raise TypeError(f"{a.dtype} on {a.device} cannot be compared with {b.dtype} on {b.device}")
        faces = import_module(f"cvbench.boxes.{a.device.type}.overlap")
        matrix: Tensor = getattr(faces, measure)(a, b)
        return matrix

    return kernel


def _matrix(a: Tensor, b: Tensor) -> Tensor:
    """What the compiler has to know of a pairwise measure."""
    return a.new_empty(a.shape[0], b.shape[0])


for _name in ("iou", "crowd_iou", "voc_iou"):
    torch.library.impl(f"cvbench::{_name}", ("cpu", "cuda"), _overlap(_name))
    torch.library.register_fake(f"cvbench::{_name}", _matrix)


def _nms(boxes: Tensor, scores: Tensor, threshold: float, groups: Tensor | None) -> Tensor:
    _require_one_each(boxes, scores, groups)
    face = import_module(f"cvbench.boxes.{boxes.device.type}.suppression")
    kept: Tensor = face.nms(boxes, scores, threshold, groups)
    return kept


def _indices(boxes: Tensor, *_: Any) -> Tensor:
    """What the compiler has to know of suppression: that nobody knows yet how many boxes stay."""
    return boxes.new_empty(torch.library.get_ctx().new_dynamic_size(), dtype=torch.int64)


torch.library.impl("cvbench::nms", ("cpu", "cuda"), _nms)
torch.library.register_fake("cvbench::nms", _indices)


def _survives_nms(boxes: Tensor, scores: Tensor, threshold: float, groups: Tensor | None) -> Tensor:
    stays = torch.zeros_like(scores, dtype=torch.bool)
    return stays.index_fill_(0, _nms(boxes, scores, threshold, groups), True)


def _one_each(boxes: Tensor, *_: Any) -> Tensor:
    return boxes.new_empty(len(boxes), dtype=torch.bool)


torch.library.impl("cvbench::survives_nms", ("cpu", "cuda"), _survives_nms)
torch.library.register_fake("cvbench::survives_nms", _one_each)


def _soft_nms(
    boxes: Tensor, scores: Tensor, method: str, strength: float, least: float, groups: Tensor | None
) -> tuple[Tensor, Tensor]:
    _require_one_each(boxes, scores, groups)
    # On CUDA the reference serves: what it does for a box that is picked is done in parallel.
    face = import_module("cvbench.boxes.reference" if boxes.is_cuda else "cvbench.boxes.cpu.soft_nms")
    indices, lowered = face.soft_nms(boxes, scores, method, strength, least, groups)
    return indices, lowered


def _indices_and_scores(boxes: Tensor, scores: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    count = torch.library.get_ctx().new_dynamic_size()
    return boxes.new_empty(count, dtype=torch.int64), scores.new_empty(count)


torch.library.impl("cvbench::soft_nms", ("cpu", "cuda"), _soft_nms)
torch.library.register_fake("cvbench::soft_nms", _indices_and_scores)


def _match_coco(overlaps: Tensor, thresholds: Tensor, crowd: Tensor, ignored: Tensor) -> Tensor:
    pairs, _, truths = overlaps.shape
    if crowd.shape != (pairs, truths) or ignored.shape != (pairs, ignored.shape[1], truths):
        sides = f"{tuple(crowd.shape)} and {tuple(ignored.shape)}"
        raise ValueError(f"overlaps {tuple(overlaps.shape)} cannot have crowd and ignored {sides}")
    if overlaps.dtype != torch.float64 or thresholds.dtype != torch.float64:
        raise TypeError(f"overlaps {overlaps.dtype} and thresholds {thresholds.dtype} are not both doubles")
    if thresholds.ndim != 1:
        raise ValueError(f"thresholds have the shape (t,), not {tuple(thresholds.shape)}")
    if crowd.dtype != torch.bool or ignored.dtype != torch.bool:
        raise TypeError(f"crowd {crowd.dtype} and ignored {ignored.dtype} are not both torch.bool")
    face = import_module(f"cvbench.boxes.{overlaps.device.type}.matching")
    partner: Tensor = face.match_coco(overlaps, thresholds, crowd, ignored)
    return partner


def _settings(overlaps: Tensor, thresholds: Tensor, crowd: Tensor, ignored: Tensor) -> Tensor:  # noqa: ARG001
    shape = overlaps.shape[0], ignored.shape[1], thresholds.shape[0], overlaps.shape[1]
    return overlaps.new_empty(shape, dtype=torch.int64)


torch.library.impl("cvbench::match_coco", ("cpu", "cuda"), _match_coco)
torch.library.register_fake("cvbench::match_coco", _settings)


def _assign(
    overlaps: Tensor,
    positive: float,
    negative: float,
    low_quality: bool,  # noqa: FBT001, operators take arguments by place
) -> tuple[Tensor, Tensor, Tensor]:
    if overlaps.ndim != 3:
        raise ValueError(f"overlaps have the shape (b, n, m), not {tuple(overlaps.shape)}")
    _require_floats("overlaps", overlaps)
    face = import_module("cvbench.boxes.cpu.assigning")
    truth, is_positive, is_negative = face.assign(overlaps, positive, negative, low_quality)
    return truth, is_positive, is_negative


def _assigned(overlaps: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    truth = overlaps.new_empty(overlaps.shape[:2], dtype=torch.int64)
    return truth, torch.empty_like(truth, dtype=torch.bool), torch.empty_like(truth, dtype=torch.bool)


torch.library.impl("cvbench::assign", "cpu", _assign)
torch.library.register_fake("cvbench::assign", _assigned)


def _require_boxes(boxes: Tensor) -> None:
    """Kernels look at no sizes again: what passes here is read without a check."""
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes have the shape (n, 4), not {tuple(boxes.shape)}")
    _require_floats("boxes", boxes)


def _require_floats(name: str, tensor: Tensor) -> None:
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name} are float32 or float64 here, not {tensor.dtype}")


def _require_one_each(boxes: Tensor, scores: Tensor, groups: Tensor | None) -> None:
    _require_boxes(boxes)
    if scores.shape != boxes.shape[:1]:
        raise ValueError(f"{len(boxes)} boxes cannot have scores of the shape {tuple(scores.shape)}")
    _require_floats("scores", scores)
    if groups is not None and (groups.shape != boxes.shape[:1] or groups.dtype != torch.int64):
        raise ValueError(f"{len(boxes)} boxes cannot have groups {groups.dtype} {tuple(groups.shape)}")
