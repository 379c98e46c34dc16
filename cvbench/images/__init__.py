"""Image geometry: into a network's input and back, augmentation, and loading in batches."""

from cvbench.images.augmentation import augment
from cvbench.images.geometry import Fitted, Placement, fit
from cvbench.images.loading import Batch, batches
from cvbench.images.normalisation import normalise

__all__ = ["Batch", "Fitted", "Placement", "augment", "batches", "fit", "normalise"]
