"""YOLO9000.

YOLO9000: Better, Faster, Stronger. Redmon, Farhadi, 2016.
https://arxiv.org/abs/1612.08242

Reproduces the detector of section 4: YOLOv2 with three priors, whose classes are the nodes of a tree
of words, trained on images with boxes and on images with a class alone (ImageNet detection, 200
classes: mAP 0.197, and 0.160 on the 156 of them that it saw no boxes of).

In reading order: `tree` (the words, read from a file), `hierarchy` (a softmax among the children of
each node; what follows from it for loss and scores), `variants`. Loss and decoding else are YOLOv2's
(`cvbench.models.yolo.yolo_v2.detector`), where a truth may be Detections or, for an image with a class
alone, ClassScores.

Differences from the paper:
- The net of the released weights has neither YOLOv2's passthrough nor its three added convolutions;
  `passthrough: true` gives the paper's.
- A class that is no node of its own has to be named in a `map`; the paper merges data sets by hand.
- An image with a class alone teaches the predictor that holds the class most probable, and asks of it
  an objectness of 0.3 at least. In darknet the most probable is found with the objectness as a factor,
  and the objectness learns nothing from such an image.
- Scores of `report: classes` are P(class), multiplied down the tree, times objectness: so the published
  figures come about. `report: path` goes down the tree as the paper says, from the best root to the
  best child while the product is above `path_threshold`, and reports one class a box. darknet multiplies
  the product down the tree once more there, and gives the objectness alone as the score.

Weights: none come along; the authors' `yolo9000.weights`, in the public domain, are read as they are,
with their `9k.tree`.
"""

from cvbench.models.yolo.yolo9000.hierarchy import WordTree, read_tree
from cvbench.models.yolo.yolo9000.variants import yolo9000

__all__ = ["WordTree", "read_tree", "yolo9000"]
