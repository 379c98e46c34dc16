"""The box core: what every detector, every assigner and every detection metric computes with.

Pure functions on boxes `Float[Tensor, "n 4"]` as corners (x1, y1, x2, y2) in pixels, half-open.

What there are of forms: torch alone (for any device), a kernel for the CPU, one for CUDA. One call chooses
by device and by whether gradients are asked for; all give the same bits.

- `iou`, `crowd_iou`, `voc_iou`, `nms`, `survives_nms`: all three. Only torch alone carries gradients.
- `soft_nms`: no kernel for CUDA, where torch lowers in parallel what one pick lowers.
- Formats, pairs, `assign`, `grid_anchors`: torch alone. They are a few operations on whole tensors, which
  `torch.compile` fuses on any device.
- `match_coco`, `match_voc`: the rule in plain form, for one image. Kernels for the CPU match whole data sets
  (`coco_matching`, `cvbench.metrics.voc_evaluation`). None for CUDA: each detection waits for the one
  before, and what is to be matched comes from files or is on its way into them.
- `bipartite`, `kmeans_priors`: torch alone; they run once for an image, or once for a data set.

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
