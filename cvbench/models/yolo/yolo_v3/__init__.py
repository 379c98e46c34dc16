"""YOLOv3, and its tiny form.

YOLOv3: An Incremental Improvement. Redmon, Farhadi, 2018.
https://arxiv.org/abs/1804.02767

Reproduces the detector of section 2 on Darknet-53 (table 1; COCO test-dev AP50 of figure 3: 0.515,
0.553 and 0.579 at 320, 416 and 608 pixels), and on the small backbone that the authors released as
yolov3-tiny, which the paper's tables do not hold.

In reading order: `nets` (detection layers on the backbones), `yolo_grid` (where predictors sit and
what their numbers mean) and `yolo_targets` (which one learns what), both shared with YOLOv2,
`detector` (loss and decoding), `variants`.

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
- At most 3,000 candidates per image enter suppression, the ones with the highest scores; a trained network
  has fewer.
- The centers' loss is a binary cross entropy against the fraction within the cell: its gradient is
  prediction minus target, as in darknet's code; the paper says "sum of squared error".
- Where two objects meet at one predictor, the later one in the truth is learned, box and class; darknet
  learns the box of the later one and the classes of both.
- Batch norm adds 1e-5 to the variance; darknet's CPU code adds 1e-6 to the standard deviation.
- Inputs keep one size while training, unless the recipe names `sizes`.

Read in another way, as an option: a predictor is excused by its prior (`ignore: prior`, above 0.5, the
paper) or by what it predicts (`ignore: prediction`, above 0.7, darknet); an object is learnt by the best
of all priors (`owners: one`, paper and darknet) or by the best of each layer (`owners: each layer`). The
priors are those of 416 pixels at every size of the input, as darknet has them.

Weights: none come along; the authors' `yolov3.weights` and `yolov3-tiny.weights`, in the public domain,
are read as they are.
"""

from cvbench.models.yolo.yolo_v3.detector import YoloV3, yolo_v3, yolo_v3_tiny

__all__ = ["YoloV3", "yolo_v3", "yolo_v3_tiny"]
