"""The detectors, family by family."""

from __future__ import annotations

from cvbench.catalogue.cards import ModelCard
from cvbench.catalogue.faster_rcnn import FASTER_RCNN
from cvbench.catalogue.yolo import YOLO

DETECTORS: tuple[ModelCard, ...] = (*FASTER_RCNN, *YOLO)
