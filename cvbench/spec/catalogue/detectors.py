"""The detectors, family by family."""

from __future__ import annotations

from cvbench.spec.catalogue.cards import ModelCard
from cvbench.spec.catalogue.faster_rcnn import FASTER_RCNN
from cvbench.spec.catalogue.yolo import YOLO

DETECTORS: tuple[ModelCard, ...] = (*FASTER_RCNN, *YOLO)
