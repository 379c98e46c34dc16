"""The box core: what every detector, every assigner and every detection metric computes with.

Pure functions on boxes `Float[Tensor, "n 4"]` as corners (x1, y1, x2, y2) in pixels, half-open.
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
