"""YOLOv2.

YOLO9000: Better, Faster, Stronger. Redmon, Farhadi, 2016.
https://arxiv.org/abs/1612.08242

Reproduces the detector of section 2 on Darknet-19 (table 3; VOC 2007 test mAP 0.690, 0.737, 0.768,
0.778 and 0.786 at 288, 352, 416, 480 and 544 pixels; table 5: COCO test-dev AP 0.216, AP50 0.440).

In reading order: `nets` (backbone, passthrough and detection layer), `cvbench.models.yolo.grid` (predictors
and their outputs) and `cvbench.models.yolo.targets` (assignment of objects), both shared with YOLOv3,
`classes` (softmax), `detector` (loss and decoding, also for images with only a class), `variants`.

The paper does not state the loss, so it is that of the authors' program, darknet: half the squared error of
sigmoid(tx), sigmoid(ty), tw and th, times 2 - w h; for the objectness, 5 times half the squared error
to the IoU of the predicted box, and half the squared error to 0 where there is no object and the
predicted box has no IoU above 0.6 with any object; cross entropy over the classes. During the first 12,800
images, predictors without an object are pulled to their priors with a weight of 0.01.

Two versions: `yolo_v2` is that of the released weights, whose passthrough is reduced to 64 channels before
it is reorganized; `yolo_v2_original` passes all 512 channels, as in the paper.

Differences from the paper:
- `yolo_v2` reduces the passthrough to 64 channels by a 1 x 1 convolution, as the released weights do.
- `reorg: darknet` uses the order of positions and channels of the released weights, which is documented only
  by darknet's code; `reorg: paper` stacks the four neighbors of each channel. For networks trained from
  scratch, either works.
- Batch norm's momentum is 0.1, not 0.01.
- Detection layers start near zero with an objectness of 0.01; darknet's start at 0.5.
- Crowd and difficult objects are not learned.
- At most 3,000 candidates per image enter suppression; boxes are clipped to the input before it, in darknet
  after it.
- Batch norm adds 1e-5 to the variance; darknet's CPU code adds 1e-6 to the standard deviation.
- If two objects share a predictor, the later one in the ground truth is learned, as in darknet.
- The input size is constant in training, unless the recipe sets `sizes`.

Weights: none are bundled; the authors' `yolov2.weights` and `yolov2-voc.weights`, in the public domain,
load unchanged.
"""

from cvbench.models.yolo.yolo_v2.detector import RegionDetector
from cvbench.models.yolo.yolo_v2.variants import yolo_v2, yolo_v2_original

__all__ = ["RegionDetector", "yolo_v2", "yolo_v2_original"]
