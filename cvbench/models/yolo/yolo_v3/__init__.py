"""YOLOv3, and its tiny version.

YOLOv3: An Incremental Improvement. Redmon, Farhadi, 2018.
https://arxiv.org/abs/1804.02767

Reproduces the detector of section 2 on Darknet-53 (table 1; COCO test-dev AP50 of Fig. 3: 0.515, 0.553 and
0.579 at 320, 416 and 608 pixels), and on the small backbone that the authors released as yolov3-tiny, which
is not in the paper's tables.

In reading order: `cvbench.models.yolo.grid` (predictors and their outputs) and
`cvbench.models.yolo.targets` (assignment of objects), both shared with YOLOv2, and `detector` (networks,
loss, decoding, variants).

Where the paper does not say, the code follows darknet, the authors' program: one predictor of all layers
learns an object; box terms are weighted by 2 - w h, so small objects count up to twice; every class above
the threshold is reported, with suppression per class.

Differences from the paper:
- Batch norm's momentum is 0.1, not 0.01, so that after a training of a few hundred steps the running
  statistics are recent.
- Detection layers start near zero, with an objectness of 0.01. darknet's start at 0.5, and the first
  training steps mostly lower it.
- Crowd and difficult objects are not learned.
- Boxes are clipped to the input before suppression; darknet clips them afterwards.
- At most 3,000 candidates per image enter suppression, the ones with the highest scores; a trained network
  has fewer.
- The centers' loss is a binary cross entropy against the fraction within the cell: its gradient is
  prediction minus target, as in darknet's code; the paper says "sum of squared error".
- If two objects share a predictor, the later one in the ground truth is learned, box and class; darknet
  learns the box of the later one and the classes of both.
- Batch norm adds 1e-5 to the variance; darknet's CPU code adds 1e-6 to the standard deviation.
- The input size is constant in training, unless the recipe sets `sizes`.

Options select between the paper's and darknet's rules: a predictor without an object is excluded from the
objectness loss if the IoU of its prior is above 0.5 (`ignore: prior`, the paper), or the IoU of its
prediction is above 0.7 (`ignore: prediction`, darknet); an object is learned by the best of all priors
(`owners: one`, paper and darknet) or by the best of each layer (`owners: each layer`). The priors are those
for 416 pixels at every input size, as in darknet.

Weights: none are bundled; the authors' `yolov3.weights` and `yolov3-tiny.weights`, in the public domain,
load unchanged.
"""

from cvbench.models.yolo.yolo_v3.detector import YoloV3, yolo_v3, yolo_v3_tiny

__all__ = ["YoloV3", "yolo_v3", "yolo_v3_tiny"]
