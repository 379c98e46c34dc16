"""YOLOv2.

YOLO9000: Better, Faster, Stronger. Redmon, Farhadi, 2016.
https://arxiv.org/abs/1612.08242

Reproduces the detector of section 2 on Darknet-19 (table 3; VOC 2007 test mAP 0.690, 0.737, 0.768,
0.778 and 0.786 at 288, 352, 416, 480 and 544 pixels; table 5: COCO test-dev AP 0.216, AP50 0.440).

In reading order: `nets` (passthrough and detection layer on the trunk), `yolo_grid` (where predictors
sit and what their numbers mean) and `yolo_targets` (which one learns what), both shared with YOLOv3,
`classes` (softmax), `detector` (loss and decoding, also of images that have a class and no boxes),
`variants`.

The paper states no loss; that of the authors' program, darknet, is taken: half the squared error of
sigmoid(tx), sigmoid(ty), tw and th, times 2 - w h; of the objectness 5 times half the squared error
to the IoU of the predicted box, and half the squared error to 0 where there is no object and the
predicted box overlaps none by more than 0.6; cross entropy over the classes. Predictors without an
object are drawn to their priors with a weight of 0.01 during the first 12,800 images.

Two forms: `yolo_v2` is that of the released weights, whose passthrough comes down to 64 channels
before it is reorganised; `yolo_v2_original` takes all 512 channels along, as the paper says.

Differences from the paper:
- `yolo_v2` brings the passthrough to 64 channels by a 1 x 1 convolution (as the released weights).
- `reorg: darknet`, the order of the released weights, mixes places and channels in an order of its own
  that no text describes; `reorg: paper` stacks the four neighbours of each channel. Nets that are
  trained from scratch do not mind which.
- Batch norm's running statistics follow with 0.1 a step, not 0.01.
- Detection layers start near zero with every objectness at 0.01; darknet's start at 0.5.
- Objects marked as a crowd or as difficult are not learnt.
- At most 3,000 candidates per image enter suppression; boxes are cut at the border before it, in darknet
  after it.
- Batch norm adds 1e-5 to the variance; darknet's CPU code adds 1e-6 to the standard deviation.
- Where two objects meet at one predictor, the later one in the truth is learned, as in darknet.
- Inputs keep one size while training, unless the recipe names `sizes`.

Weights: none come along; the authors' `yolov2.weights` and `yolov2-voc.weights`, in the public domain,
are read as they are.
"""

from cvbench.models.yolo.yolo_v2.detector import RegionDetector
from cvbench.models.yolo.yolo_v2.variants import yolo_v2, yolo_v2_original

__all__ = ["RegionDetector", "yolo_v2", "yolo_v2_original"]
