"""Each detector can learn: a narrow one learns a handful of images by heart, and decodes what it learnt."""

import torch

from cvbench.boxes import iou
from cvbench.models.yolo.yolo_v3 import yolo_v3_tiny
from tests.models.learning import decoded, learn, scenes


def test_a_detector_learns_eight_scenes_by_heart():
    torch.manual_seed(0)
    images, truths, _ = scenes(8, 64)
    anchors = ((12, 16), (16, 12), (14, 26), (26, 14), (20, 20), (28, 28))
    model = yolo_v3_tiny(4, size=64, width=0.125, anchors=anchors)
    learn(model, images, truths, steps=120, lr=5e-3)
    for found, truth in zip(decoded(model, images), truths, strict=True):
        sure = found.scores > 0.5
        assert sure.sum() == len(truth)
        overlaps = iou(found.boxes[sure], truth.boxes) * (found.labels[sure][:, None] == truth.labels)
        assert overlaps.amax(dim=0).min() > 0.7  # each object has a sure box of its class
