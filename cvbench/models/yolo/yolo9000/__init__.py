"""YOLO9000.

YOLO9000: Better, Faster, Stronger. Redmon, Farhadi, 2016.
https://arxiv.org/abs/1612.08242

Reproduces the detector of section 4: YOLOv2 with three priors, whose classes are the nodes of a word tree,
trained on images with boxes and on images with only a class (ImageNet detection, 200 classes: mAP 0.197, and
0.160 on the 156 of them that have no boxes in the training data).

In reading order: `hierarchy` (reads the tree; a softmax over the children of each node, with its loss and
scores), `variants`. The rest of loss and decoding is YOLOv2's (`cvbench.models.yolo.yolo_v2.detector`), which
accepts ground truth of type Detections or, for an image with only a class, ClassScores.

Differences from the paper:
- The network of the released weights has neither YOLOv2's passthrough nor its three additional
  convolutions; `passthrough: true` adds the paper's.
- A `map` file names the node of each class if the classes are not the nodes; the paper merges datasets by
  hand.
- An image with only a class trains the predictor with the highest probability for the class, and requires
  an objectness of at least 0.3 of it. darknet includes the objectness in that choice, and does not train
  the objectness on such an image.
- Scores with `report: classes` are P(class), multiplied along the path in the tree, times objectness, which
  reproduces the published values. `report: path` descends as in the paper, from the best root to the best
  child while the product is above `path_threshold`, and reports one class per box. darknet multiplies the
  product along the path again there, and reports the objectness alone as the score.

Weights: none are bundled; the authors' `yolo9000.weights`, in the public domain, load unchanged, with their
`9k.tree`.
"""

from cvbench.models.yolo.yolo9000.hierarchy import WordTree, read_tree
from cvbench.models.yolo.yolo9000.variants import yolo9000

__all__ = ["WordTree", "read_tree", "yolo9000"]
