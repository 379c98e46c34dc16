"""YOLO, the first version, its tiny form, and the form of the released weights.

You Only Look Once: Unified, Real-Time Object Detection. Redmon, Divvala, Girshick, Farhadi, 2015.
https://arxiv.org/abs/1506.02640

Reproduces the detector of section 2 (table 1: VOC 2007 test mAP 0.634; the fast form 0.527).

In reading order: `nets`, `output` (what the numbers of the last layer mean), `targets` (which box
learns what), `detector` (loss and decoding), `variants`.

`yolo_v1` is the paper's net: 24 convolutions, a hidden layer of 4,096, two boxes a cell.
`yolo_v1_tiny` and `yolo_v1_darknet` are those of darknet's `yolov1-tiny.cfg` and `yolov1.cfg`: the
latter has a convolution without shared kernels in place of the hidden layer, and three boxes a cell.

Differences from the paper:
- Convolutions are normalised by batch, as in all weights that the authors released; `norm: false`
  gives the paper's, with biases.
- The released tiny form has eight convolutions and one connected layer; the paper says nine and two.
- Where no box of a cell overlaps its object, the one with the smallest squared distance from it, in
  centre and sides, is responsible (darknet's rule; the paper's has a tie there).
- A cell learns the first of the objects whose centre it holds (darknet); the others are counted.
- Scores are cut to 0 … 1: the last layer is linear, and darknet reports what it says.
- darknet descends half of the paper's sum: for its learning rates halve the gradient.
- Objects marked as a crowd or as difficult are not learnt.
- Boxes are cut at the border before suppression; darknet cuts them when it draws or writes them.
- At most 3,000 candidates per image enter suppression, the ones with the highest scores.
- Batch norm adds 1e-5 to the variance; darknet's CPU code adds 1e-6 to the standard deviation.

Every class above the threshold is reported of a box, each with a suppression of its own, as the
authors' program does; `top_class_only: true` keeps the best class of each box.

Weights: none come along; the authors' `yolov1.weights` and `tiny-yolov1.weights`, in the public domain,
are read as they are by `yolo_v1_darknet` and `yolo_v1_tiny`.
"""

from cvbench.models.yolo.yolo_v1.detector import YoloV1
from cvbench.models.yolo.yolo_v1.variants import yolo_v1, yolo_v1_darknet, yolo_v1_tiny

__all__ = ["YoloV1", "yolo_v1", "yolo_v1_darknet", "yolo_v1_tiny"]
