"""The catalogues: models, datasets and metrics that a suite can name. Does not import torch."""

from cvbench.spec.catalogue.cards import (
    Card,
    Catalogue,
    Choice,
    DatasetCard,
    MetricCard,
    ModelCard,
    is_address,
    load,
)
from cvbench.spec.catalogue.datasets import DATASETS
from cvbench.spec.catalogue.metrics import (
    METRICS,
    default_metrics,
    find_protocol,
    shown_metric,
    stored_metric,
)
from cvbench.spec.catalogue.models import MODELS, known_task

__all__ = [
    "DATASETS",
    "METRICS",
    "MODELS",
    "Card",
    "Catalogue",
    "Choice",
    "DatasetCard",
    "MetricCard",
    "ModelCard",
    "default_metrics",
    "find_protocol",
    "is_address",
    "known_task",
    "load",
    "shown_metric",
    "stored_metric",
]
