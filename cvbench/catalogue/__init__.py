"""The tables of everything that a suite can name. Importing them imports no torch."""

from cvbench.catalogue.cards import (
    Card,
    Catalogue,
    Choice,
    DatasetCard,
    MetricCard,
    ModelCard,
    is_address,
    load,
)
from cvbench.catalogue.datasets import DATASETS
from cvbench.catalogue.metrics import METRICS, default_metrics
from cvbench.catalogue.models import MODELS

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
    "is_address",
    "load",
]
