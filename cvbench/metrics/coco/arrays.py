"""What the COCO evaluation takes: a whole data set as flat arrays, one entry an object.

Arrays rather than objects, because that is what files, tensors and other programs' results turn into
most directly, and what compiled loops run over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.regions import Regions


@dataclass(frozen=True, eq=False)
class CocoTruth:
    """All objects of a data set."""

    image: Int64[np.ndarray, " n"]
    """The image that each object is in: any number. Where scores tie, images count in its order."""
    label: Int64[np.ndarray, " n"]
    """0 … classes - 1."""
    regions: Regions
    area: Float64[np.ndarray, " n"]
    """What counts as the object's size; by COCO's custom its mask's area, also where boxes are scored."""
    crowd: Bool[np.ndarray, " n"]
    """Regions of many objects: they need not be found, and to find them costs nothing."""
    id: Int64[np.ndarray, " n"] | None = None
    """Needed only to be wrong in company: the reference takes an object with id 0 for not found."""


@dataclass(frozen=True, eq=False)
class CocoDetections:
    """All detections of a data set; among equals of one image and class, earlier ones are better."""

    image: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]
    regions: Regions
    score: Float64[np.ndarray, " n"]
    """Any finite numbers."""
    area: Float64[np.ndarray, " n"] | None = None
    """What counts as the detection's size, where that is not what its region covers: the reference
    takes the box's area where results hold boxes and masks, and the mask's where boxes are made of them."""
