"""YOLOv3, and its tiny form.

YOLOv3: An Incremental Improvement. Redmon, Farhadi, 2018.
https://arxiv.org/abs/1804.02767

Reproduces the detector of section 2 on Darknet-53 (table 1; COCO test-dev AP50 of figure 3: 0.515,
0.553 and 0.579 at 320, 416 and 608 pixels), and on the small backbone that the authors released as
yolov3-tiny, which the paper's tables do not hold.

In reading order: `nets` (blocks, backbone, detection layers), `grid` (where predictors sit and what
their numbers mean), `targets` (which one learns what), `detector` (loss and decoding), `variants`.

Where the paper is silent the authors' code, darknet, decides: an object is learnt by one predictor of
all layers; box terms weigh 2 - w h, so that small objects count up to twice; every class above the
threshold is reported, each with a suppression of its own.

Differences from the paper:
- Batch norm's running statistics follow with 0.1 a step, not 0.01, so that a training of a few
  hundred steps is evaluated with statistics of its last ones.
- Detection layers start near zero, with the objectness of every predictor at 0.01. darknet's start at
  0.5, and the first steps of a training do little but lower it.
- Objects marked as a crowd or as difficult are not learnt.
- Boxes are cut at the border of the input before suppression; darknet cuts them afterwards.
- At most 3,000 candidates an image enter suppression, the best ones; a trained net has fewer.
- Priors made for 416 pixels are scaled along with `size`, and inputs keep one size while training.

Weights: none come along.
"""

from cvbench.models.yolo_v3.detector import YoloV3
from cvbench.models.yolo_v3.variants import yolo_v3, yolo_v3_tiny

__all__ = ["YoloV3", "yolo_v3", "yolo_v3_tiny"]
