"""The kernels as torch operators, so that models that contain them can be compiled and exported.

`torch.ops.cvbench.*` take float32 or float64 boxes and are not differentiable; the functions of
`cvbench.boxes` choose between them and the reference. Kernels are imported on first use.
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
    """Whether a kernel can be used: no gradients, and all tensors on one device that has kernels."""
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return False
    if is_differentiated_forward(*tensors):
        return False
    device = tensors[0].device
    return all(tensor.device == device for tensor in tensors) and _has_kernels(device.type)


def is_differentiated_forward(*tensors: Tensor) -> bool:
    """Whether a tensor has a tangent of forward-mode differentiation, as in `torch.func.jvp`.

    Operators defined in Python would silently drop it, and the derivative would be 0.
    """
    # Torch has no public API for this; outside forward mode the level is negative.
    if forward_ad._current_level < 0:  # noqa: SLF001
        return False
    unpack: Callable[[Tensor], Any] = forward_ad.unpack_dual
    return any(tensor.dtype.is_floating_point and unpack(tensor).tangent is not None for tensor in tensors)


@cache
def _has_kernels(device: str) -> bool:
    """Whether this device type has kernels; on some platforms torch comes without Triton."""
    return device in ("cpu", "meta") or (device == "cuda" and find_spec("triton") is not None)


def _overlap(measure: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The kernel of this name for the device of its arguments."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        _require_boxes(a)
        _require_boxes(b)
        if (a.dtype, a.device) != (b.dtype, b.device):
            raise TypeError(
                f"both sets need one dtype and device, not {a.dtype} {a.device}, {b.dtype} {b.device}"
            )
        faces = import_module(f"cvbench.boxes.{a.device.type}.overlap")
        matrix: Tensor = getattr(faces, measure)(a, b)
        return matrix

    return kernel


def _matrix(a: Tensor, b: Tensor) -> Tensor:
    """Output of a pairwise measure for torch.compile."""
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
    """Output of suppression for torch.compile; its length depends on the data."""
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
    # On CUDA the reference is used: its work per picked box is parallel.
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
        raise ValueError(f"crowd and ignored {sides} do not fit overlaps {tuple(overlaps.shape)}")
    if overlaps.dtype != torch.float64 or thresholds.dtype != torch.float64:
        raise TypeError(
            f"overlaps and thresholds must be float64, not {overlaps.dtype} and {thresholds.dtype}"
        )
    if thresholds.ndim != 1:
        raise ValueError(f"thresholds must have shape (t,), not {tuple(thresholds.shape)}")
    if crowd.dtype != torch.bool or ignored.dtype != torch.bool:
        raise TypeError(f"crowd and ignored must be torch.bool, not {crowd.dtype} and {ignored.dtype}")
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
    low_quality: bool,  # noqa: FBT001, operators take positional arguments
) -> tuple[Tensor, Tensor, Tensor]:
    if overlaps.ndim != 3:
        raise ValueError(f"overlaps must have shape (b, n, m), not {tuple(overlaps.shape)}")
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
    """Raise unless `boxes` has a valid shape and dtype: kernels do not check sizes."""
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have shape (n, 4), not {tuple(boxes.shape)}")
    _require_floats("boxes", boxes)


def _require_floats(name: str, tensor: Tensor) -> None:
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name} must be float32 or float64, not {tensor.dtype}")


def _require_one_each(boxes: Tensor, scores: Tensor, groups: Tensor | None) -> None:
    _require_boxes(boxes)
    if scores.shape != boxes.shape[:1]:
        raise ValueError(f"scores must have shape ({len(boxes)},), not {tuple(scores.shape)}")
    _require_floats("scores", scores)
    if groups is not None and (groups.shape != boxes.shape[:1] or groups.dtype != torch.int64):
        raise ValueError(
            f"groups must be int64 of shape ({len(boxes)},), not {groups.dtype} {tuple(groups.shape)}"
        )
