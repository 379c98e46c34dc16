"""The detectors, family by family."""

from __future__ import annotations

from cvbench.catalogue.cards import ModelCard
from cvbench.catalogue.yolo import YOLO

DETECTORS: tuple[ModelCard, ...] = (*YOLO,)
