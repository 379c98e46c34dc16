"""The architectures, in the order of their publication, and those of other libraries."""

from __future__ import annotations

from cvbench.spec.catalogue.cards import Catalogue, ModelCard
from cvbench.spec.catalogue.classifiers import CLASSIFIERS
from cvbench.spec.catalogue.detectors import DETECTORS
from cvbench.spec.catalogue.external_models import ONNX, TIMM, TORCHVISION
from cvbench.spec.catalogue.segmenters import SEGMENTERS

MODELS: Catalogue[ModelCard] = Catalogue(
    "model",
    *sorted((*CLASSIFIERS, *DETECTORS, *SEGMENTERS), key=lambda card: card.year),
    families=(TIMM, TORCHVISION, ONNX),
)
