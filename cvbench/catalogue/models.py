"""The architectures, in the order of their publication, and those of other libraries."""

from __future__ import annotations

from cvbench.catalogue.cards import Catalogue, ModelCard
from cvbench.catalogue.classifiers import CLASSIFIERS
from cvbench.catalogue.detectors import DETECTORS
from cvbench.catalogue.families import ONNX, TIMM, TORCHVISION
from cvbench.catalogue.segmenters import SEGMENTERS

MODELS: Catalogue[ModelCard] = Catalogue(
    "model",
    *sorted((*CLASSIFIERS, *DETECTORS, *SEGMENTERS), key=lambda card: card.year),
    families=(TIMM, TORCHVISION, ONNX),
)
