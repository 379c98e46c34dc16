"""Box operations, shared by all detectors, assigners, metrics, comparisons and plots.

Pure functions on boxes `Float[Tensor, "n 4"]` as corners (x1, y1, x2, y2) in pixels, half-open. No other
package intersects, suppresses or matches boxes; `tests/boxes/test_one_core.py` checks this.

The names below are public API, including names that cvbench does not use itself (`giou`, `diou`, `ciou`,
`match_voc` with `voc_iou`, formats). A function has up to three implementations: a reference in torch
(any device), a CPU kernel, and a CUDA kernel. The device and whether gradients are required select one; all
give bit-identical results.

- `iou`, `crowd_iou`, `voc_iou`, `nms`, `survives_nms`, `match_coco`: all three. Only the reference
  is differentiable.
- `soft_nms`, `assign`: no CUDA kernel; the torch reference is parallel there.
- `roi_align`: a CPU kernel with its gradient.
- Formats, pairs, `match_voc`, `grid_anchors`: torch only. They are a few tensor operations without a loop,
  which `torch.compile` fuses on any device.
- `kmeans_priors`: torch only; it runs once per dataset.

Modules for the rest of the package, without torch:

- `boxes.cpu.coco_overlap`, `coco_matching`, `voc_matching`: matching of whole datasets. They visit only
  the objects that a detection overlaps, instead of a full matrix. `protocol_matching` combines the rules of
  both protocols.
- `boxes.masks`: boxes and masks of whole datasets as flat arrays.
- `boxes.arrays`: a few boxes as NumPy arrays, without compilation, for comparisons and reports.

Each kind of code has one implementation of the intersection: `overlap.py` for torch, `cpu/intersection.py`
and `cuda/overlap.py` for kernels, `arrays.py` for NumPy. Tests check that all are bit-identical.

Without a GPU, the CUDA kernels are tested with Triton's interpreter; see `docs/gpu.md` for measurements on
a GPU.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cvbench.boxes.anchors import Priors, grid_anchors, kmeans_priors
    from cvbench.boxes.assigning import Assignment, assign
    from cvbench.boxes.formats import area, clip, cxcywh_to_xyxy, xywh_to_xyxy, xyxy_to_cxcywh, xyxy_to_xywh
    from cvbench.boxes.matching import NOBODY, CocoMatches, VocMatches, match_coco, match_voc
    from cvbench.boxes.overlap import crowd_iou, iou, iou_of_shapes, voc_iou
    from cvbench.boxes.pairs import ciou, diou, giou, iou_of_pairs
    from cvbench.boxes.pooling import roi_align
    from cvbench.boxes.suppression import SoftKept, nms, soft_nms, survives_nms

__all__ = [
    "NOBODY",
    "Assignment",
    "CocoMatches",
    "Priors",
    "SoftKept",
    "VocMatches",
    "area",
    "assign",
    "ciou",
    "clip",
    "crowd_iou",
    "cxcywh_to_xyxy",
    "diou",
    "giou",
    "grid_anchors",
    "iou",
    "iou_of_pairs",
    "iou_of_shapes",
    "kmeans_priors",
    "match_coco",
    "match_voc",
    "nms",
    "roi_align",
    "soft_nms",
    "survives_nms",
    "voc_iou",
    "xywh_to_xyxy",
    "xyxy_to_cxcywh",
    "xyxy_to_xywh",
]

_HOMES = {
    "Assignment": "assigning",
    "CocoMatches": "matching",
    "NOBODY": "matching",
    "Priors": "anchors",
    "SoftKept": "suppression",
    "VocMatches": "matching",
    "area": "formats",
    "assign": "assigning",
    "ciou": "pairs",
    "clip": "formats",
    "crowd_iou": "overlap",
    "cxcywh_to_xyxy": "formats",
    "diou": "pairs",
    "giou": "pairs",
    "grid_anchors": "anchors",
    "iou": "overlap",
    "iou_of_pairs": "pairs",
    "iou_of_shapes": "overlap",
    "kmeans_priors": "anchors",
    "match_coco": "matching",
    "match_voc": "matching",
    "nms": "suppression",
    "roi_align": "pooling",
    "soft_nms": "suppression",
    "survives_nms": "suppression",
    "voc_iou": "overlap",
    "xywh_to_xyxy": "formats",
    "xyxy_to_cxcywh": "formats",
    "xyxy_to_xywh": "formats",
}
"""The module of each name, imported on first use: kernels on NumPy arrays do not need torch."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cvbench.boxes' has no attribute {name!r}")
    found = getattr(import_module(f"cvbench.boxes.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


class _BoxCore(ModuleType):
    """Keeps importing a submodule from replacing the function of the same name.

    0.1 has modules named `iou` and `nms`; 0.2 removes them.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _BoxCore
