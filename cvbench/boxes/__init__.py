"""The box core: what every detector, assigner, metric, comparison and picture of boxes computes with.

Pure functions on boxes `Float[Tensor, "n 4"]` as corners (x1, y1, x2, y2) in pixels, half-open. Nothing
outside of this package intersects, suppresses or matches boxes; `tests/boxes/test_one_core.py` holds that.

The names below are public API, also those that no other module of cvbench calls (`giou`, `diou`, `ciou`,
`match_voc` with `voc_iou`, formats). A function has up to three implementations: the reference in torch
(for any device), a kernel for the CPU, one for CUDA. A call chooses by device and by whether gradients
are asked for; all give the same bits.

- `iou`, `crowd_iou`, `voc_iou`, `nms`, `survives_nms`, `match_coco`: all three. Only the reference
  carries gradients.
- `soft_nms`, `assign`: no kernel for CUDA, where torch does in parallel what a pick lowers, or all of it.
- `roi_align`: a kernel for the CPU, with its gradient.
- Formats, pairs, `match_voc`, `grid_anchors`: torch alone. They are a few operations on whole tensors,
  without a loop, which `torch.compile` fuses on any device.
- `kmeans_priors`: torch alone; it runs once for a data set.

For the rest of the package there are, without torch:

- `boxes.cpu.coco_overlap`, `coco_matching`, `voc_matching`: whole data sets that come from files. They
  look at the few objects that a detection overlaps, not at a matrix of all. `protocol_matching` mixes
  the rules of both.
- `boxes.regions`, `boxes.masks`: boxes and masks of whole data sets as flat arrays.
- `boxes.arrays`: a few boxes on NumPy arrays, without a compiler, for comparisons and reports.

What two boxes share is computed once per kind of code, and tests hold the results together bit by bit:
`overlap.py` for torch, `cpu/intersection.py` and `cuda/overlap.py` for kernels, `arrays.py` for NumPy.

Without a GPU the kernels for CUDA are tested with Triton's interpreter; `docs/gpu.md` has what was
measured on one.
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
"""The module of each name: kernels on NumPy arrays need no torch, and whoever imports them waits for none."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cvbench.boxes' has no attribute {name!r}")
    found = getattr(import_module(f"cvbench.boxes.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


class _BoxCore(ModuleType):
    """Its functions keep their names: in 0.1 modules were called `iou` and `nms` too, and 0.2 drops these."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _BoxCore
