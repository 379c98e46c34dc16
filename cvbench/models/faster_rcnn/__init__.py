"""Faster R-CNN: one net proposes regions, another one judges them, and both share their features.

Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks. Ren, He, Girshick, Sun,
2015. https://arxiv.org/abs/1506.01497

Reproduces the detector of section 3 on VGG-16 (table 3; VOC 2007 test mAP 0.699 and 0.732), and the form
with a feature pyramid (Lin et al. 2016, https://arxiv.org/abs/1612.03144) on ResNet-50 that torchvision
publishes (COCO val2017 AP 0.370): tensor for tensor and detection for detection. The form on ResNet-18
is ours: the same with fewer proposals, smaller samples and anchors half as large.

In reading order: `backbones` (maps, and the pyramid), `rpn` (anchors, the first stage, proposals),
`heads` (pooling, the second stage), `offsets` (what both regress), `targets` and `sampling` (what both
learn), `losses`, `detector`, `variants`.

Differences from the paper:
- Both stages are trained together, with no gradient through proposals: the approximate joint training
  of section 3.2, not the four steps in turn. All layers learn, the first ones too.
- The terms of a stage are sums divided by the number of its samples and weigh the same, as in the
  authors' code; the paper divides the first stage's box term by the number of cells and weighs it by 10.
- The smooth L1 of the first stage turns from a parabola into a line at 1/9, as in the authors' code; the
  paper's definition turns at 1, as the second stage does on VGG-16.
- Predicted logarithms of sides are clamped to log(1000 / 16) before the exponential: no box overflows.
- Objects are among the regions that the second stage learns from, and background is all below an IoU of
  0.5: the authors' end-to-end code. The paper's detector leaves out what is below 0.1.
- Images are letterboxed onto one canvas, and colours are RGB with ImageNet's mean and deviation; the
  paper brings the shorter side to 600 pixels and subtracts a mean from BGR.
- Boxes are half-open: no side is one pixel longer. Anchors' centres are the first corners of cells.
- Proposals of any size are kept; the paper drops those below 16 pixels.

Anchors of 64, 128 and 256 pixels and ratios 0.5, 1 and 1.5, which are named as an example now and then,
are `anchors: small`; a ratio is height over width. RoIPool is the paper's, RoIAlign an option (`pooling:
align`); the pyramid has RoIAlign alone.

Differences from torchvision:
- Labels count from 0 without the background; `coco91` leaves out the ten outputs that name nothing.
- The letterbox is in the middle of the canvas, on grey that is near 0 once normalised; torchvision
  resizes to a shorter side of 800 and a longer one of 1333 at most, and fills up at the right and below.
  An image that has the canvas's size is seen by both alike, and gets the same detections.
- Norms are frozen, as with torchvision's trained weights; `norm: batch` is what it has without them.
- At most 3,000 candidates an image enter the last suppression, the best ones.
- Samples are drawn from other random numbers; objects that are a crowd or difficult are not learnt.

A batch keeps as many proposals for each image, filled up with boxes without area. So shapes depend on no
value, and net and proposals compile into one graph; only `find`, whose detections are as many as they
are, has lengths that depend on values.

Weights: none come along. torchvision's `fasterrcnn_resnet50_fpn` load by key; they are BSD-3-Clause,
trained on COCO. The authors' Caffe files are not read.
"""

from cvbench.models.faster_rcnn.detector import FasterRcnn
from cvbench.models.faster_rcnn.variants import (
    faster_rcnn_resnet18_fpn,
    faster_rcnn_resnet50_fpn,
    faster_rcnn_vgg16,
)

__all__ = ["FasterRcnn", "faster_rcnn_resnet18_fpn", "faster_rcnn_resnet50_fpn", "faster_rcnn_vgg16"]
