"""The box core: what every detector, every assigner and every detection metric computes with.

Pure functions on boxes `Float[Tensor, "n 4"]` as corners (x1, y1, x2, y2) in pixels, half-open.

What there are of forms: torch alone (for any device), a kernel for the CPU, one for CUDA. One call chooses
by device and by whether gradients are asked for; all give the same bits.

- `iou`, `crowd_iou`, `voc_iou`, `nms`, `survives_nms`, `match_coco`: all three. Only torch alone carries
  gradients.
- `soft_nms`, `assign`: no kernel for CUDA, where torch does in parallel what a pick lowers, or all of it.
- Formats, pairs, `match_voc`, `grid_anchors`: torch alone. They are a few operations on whole tensors,
  without a loop, which `torch.compile` fuses on any device.
- `bipartite`, `kmeans_priors`: torch alone; they run once for an image, or once for a data set.

Whole data sets that come from files are matched by kernels of their own, for the CPU (`coco_matching` and
`voc_evaluation` in `cvbench.metrics`): these look at the few objects that a detection overlaps, not at a
matrix of all.

No kernel for CUDA has been run on a GPU yet: Triton's interpreter is what they are tested with.
"""

from cvbench.boxes.anchors import grid_anchors
from cvbench.boxes.assigning import Assignment, assign, bipartite
from cvbench.boxes.formats import (
    area,
    clip,
    cxcywh_to_xyxy,
    xywh_to_xyxy,
    xyxy_to_cxcywh,
    xyxy_to_xywh,
)
from cvbench.boxes.iou import crowd_iou, iou, iou_of_shapes, voc_iou
from cvbench.boxes.matching import NOBODY, CocoMatches, VocMatches, match_coco, match_voc
from cvbench.boxes.nms import SoftKept, nms, soft_nms, survives_nms
from cvbench.boxes.pairs import ciou, diou, giou, iou_of_pairs
from cvbench.boxes.priors import Priors, kmeans_priors

__all__ = [
    "NOBODY",
    "Assignment",
    "CocoMatches",
    "Priors",
    "SoftKept",
    "VocMatches",
    "area",
    "assign",
    "bipartite",
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
    "soft_nms",
    "survives_nms",
    "voc_iou",
    "xywh_to_xyxy",
    "xyxy_to_cxcywh",
    "xyxy_to_xywh",
]
