"""Image decoding, preprocessing, augmentation and loading in batches."""

from cvbench.data.images.augmentation import augment
from cvbench.data.images.color import normalize
from cvbench.data.images.geometry import Fitted, Placement, fit
from cvbench.data.images.loader import Batch, batches

__all__ = ["Batch", "Fitted", "Placement", "augment", "batches", "fit", "normalize"]
