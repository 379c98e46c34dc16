"""Faster R-CNN: a region proposal network and a detection head that share their features.

Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks. Ren, He, Girshick, Sun,
2015. https://arxiv.org/abs/1506.01497

Reproduces the detector of section 3 on VGG-16 (table 3; VOC 2007 test mAP 0.699 and 0.732), and
torchvision's version with a feature pyramid network (FPN; Lin et al. 2016,
https://arxiv.org/abs/1612.03144) on ResNet-50 (COCO val2017 AP 0.370), with the same tensors and the same
detections. The version on ResNet-18 is cvbench's own, with fewer proposals, smaller samples and anchors
half as large.

In reading order: `backbones` (feature maps, FPN), `rpn` (anchors, first stage, proposals), `heads` (region
pooling, second stage), `targets` (box regression, matching and sampling), `detector` (losses and decoding),
`variants`.

Differences from the paper:
- Both stages are trained together, without gradient through the proposals: the approximate joint training
  of section 3.2, not the four alternating steps. All layers are trained, including the first ones.
- The terms of a stage are sums divided by its number of samples, with equal weights, as in the authors'
  code; the paper divides the first stage's box term by the number of cells and multiplies it by 10.
- The first stage's smooth L1 changes from quadratic to linear at 1/9, as in the authors' code; the paper's
  changes at 1, as the second stage's does on VGG-16.
- Predicted logarithms of box sides are clamped to log(1000 / 16) before the exponential, to avoid overflow.
- The second stage also trains on the ground truth boxes, and regions with an IoU below 0.5 are background,
  as in the authors' end-to-end code. The paper's detector ignores regions below 0.1.
- Images are letterboxed to one canvas, and colors are RGB with ImageNet's mean and standard deviation; the
  paper resizes the shorter side to 600 pixels and subtracts a mean from BGR.
- Boxes are half-open: sides are not one pixel longer. Anchor centers are the top left corners of cells.
- Proposals of any size are kept; the paper drops those below 16 pixels.

`anchors: small` is a common example: 64, 128 and 256 pixels with ratios 0.5, 1 and 1.5. A ratio is height
over width. RoIPool is the paper's; the option `pooling: align` uses RoIAlign instead. With FPN, RoIAlign is
always used.

Differences from torchvision:
- Labels count from 0 without the background; `coco91` leaves out the ten unused outputs.
- The image is centered on the canvas, with gray bars that are near 0 after normalization; torchvision
  resizes to a shorter side of 800 and a longer side of at most 1333, and pads at the right and bottom.
  For an image of the canvas's size, input and detections are equal.
- Norms are frozen, as with torchvision's trained weights; `norm: batch` is torchvision's choice without them.
- At most 3,000 candidates per image enter the last suppression, the best ones.
- Sampling uses other random numbers; crowd and difficult objects are not learned.

All images of a batch have the same number of proposals, padded with boxes without area. So shapes do not
depend on values, and network and proposals compile into one graph; only `find` returns tensors whose
lengths depend on values.

Weights: none are bundled. torchvision's `fasterrcnn_resnet50_fpn` weights load by name; they are licensed
under BSD-3-Clause and were trained on COCO. The authors' Caffe files are not supported.
"""

from cvbench.models.faster_rcnn.detector import FasterRcnn
from cvbench.models.faster_rcnn.variants import (
    faster_rcnn_resnet18_fpn,
    faster_rcnn_resnet50_fpn,
    faster_rcnn_vgg16,
)

__all__ = ["FasterRcnn", "faster_rcnn_resnet18_fpn", "faster_rcnn_resnet50_fpn", "faster_rcnn_vgg16"]
