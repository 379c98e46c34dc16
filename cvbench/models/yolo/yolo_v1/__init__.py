"""YOLO, the first version, its tiny version, and the version of the released weights.

You Only Look Once: Unified, Real-Time Object Detection. Redmon, Divvala, Girshick, Farhadi, 2015.
https://arxiv.org/abs/1506.02640

Reproduces the detector of section 2 (table 1: VOC 2007 test mAP 0.634; the fast version 0.527).

In reading order: `nets` (networks), `detector` (output layout, assignment of objects, loss, decoding),
`variants`.

`yolo_v1` is the paper's network: 24 convolutions, a hidden layer of 4,096, two boxes per cell.
`yolo_v1_tiny` and `yolo_v1_darknet` follow darknet's `yolov1-tiny.cfg` and `yolov1.cfg`: the latter has a
locally connected layer (kernels are not shared) instead of the hidden layer, and three boxes per cell.

Differences from the paper:
- Convolutions have batch normalization, as in all weights that the authors released; `norm: false` gives the
  paper's, with biases.
- The released tiny version has eight convolutions and one fully connected layer; the paper says nine and two.
- If no box of a cell overlaps its object, the box with the smallest squared distance to it, in center and
  sides, is responsible (darknet's rule; the paper's rule has a tie).
- A cell learns the first object whose center it contains (darknet); the others are counted, but not learned.
- Scores are clipped to 0 … 1: the last layer is linear, and darknet reports its values unclipped.
- darknet's loss is half the paper's sum: to use its learning rates, halve the gradient.
- Crowd and difficult objects are not learned.
- Boxes are clipped to the input before suppression; darknet clips them when it draws or writes them.
- At most 3,000 candidates per image enter suppression, the ones with the highest scores.
- Batch norm adds 1e-5 to the variance; darknet's CPU code adds 1e-6 to the standard deviation.

Every class above the threshold is reported for a box, with suppression per class, as in darknet;
`top_class_only: true` keeps only the best class of each box.

Weights: none are bundled; the authors' `yolov1.weights` and `tiny-yolov1.weights`, in the public domain,
load unchanged into `yolo_v1_darknet` and `yolo_v1_tiny`.
"""

from cvbench.models.yolo.yolo_v1.detector import YoloV1
from cvbench.models.yolo.yolo_v1.variants import yolo_v1, yolo_v1_darknet, yolo_v1_tiny

__all__ = ["YoloV1", "yolo_v1", "yolo_v1_darknet", "yolo_v1_tiny"]
