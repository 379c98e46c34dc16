"""Label maps in files, one for each image."""

from __future__ import annotations

from cvbench.data.datasets.image_files import InFolder
from cvbench.data.images.decoding import decode_labels
from cvbench.errors import DataError
from cvbench.values import VOID, LabelMap


def read_label_map(maps: InFolder, index: int, size: tuple[int, int], classes: int) -> LabelMap:
    """The label map of an image of this height and width.

    Raises DataError where it has another size, or labels that are neither classes nor VOID.
    """
    name = maps.name(index)
    labels = decode_labels(maps.read(index), name)
    if tuple(labels.shape) != size:
        raise DataError(
            f"{name}: is {labels.shape[1]} x {labels.shape[0]} pixels, and its image {size[1]} x {size[0]}"
        )
    strange = labels[(labels >= classes) & (labels != VOID)]
    if len(strange):
        raise DataError(f"{name}: has the label {int(strange[0])}; labels are 0 to {classes - 1}, and {VOID}")
    return LabelMap(labels)
