"""Images for which a model gives NaN or infinity: counted, since a metric just takes them as wrong.

A classifier whose loss ran away scores top-1 0.000, a detector finds nothing, and a segmenter gives one
class: values that look like a bad model. What is looked at are the raw outputs and the decoded predictions.

One such image is a warning in the record. NaN for every image fails the cell: then nothing was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from cvbench.errors import CellError
from cvbench.values import ClassScores, Detections, LabelMap, Prediction

REMEDY = (
    "  Check that the weights belong to this model and that its training did not diverge (a lower train.lr), "
    "and run it with runtime.precision: fp32."
)


class Unsound:
    """Counts the images whose outputs are not finite."""

    def __init__(self) -> None:
        self._images = 0
        self._nan = 0
        self._infinite = 0

    def see(self, outputs: Any, predictions: Sequence[Prediction], *, images: int) -> None:
        """Look at a batch: any nesting of tensors, and what they were decoded to."""
        tensors = [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]
        of_image = [torch.zeros(2, images, dtype=torch.bool)]
        of_image += [_unsound(each, images).cpu() for each in tensors if each.dtype.is_floating_point]
        for number, prediction in enumerate(predictions[:images]):
            for each in _numbers(prediction):
                of_image[0][:, number] |= torch.stack([each.isnan().any(), each.isinf().any()]).cpu()
        nan, infinite = torch.stack(of_image).any(dim=0)
        self._images += images
        self._nan += int(nan.sum())
        self._infinite += int((infinite & ~nan).sum())

    def require_numbers(self) -> None:
        """Raise CellError where every image was NaN."""
        if self._images and self._nan == self._images:
            raise CellError(
                f"the model's output is NaN for each of the {self._images:,} images: "
                f"nothing was measured.\n{REMEDY}"
            )

    def warnings(self) -> tuple[str, ...]:
        """At most one line."""
        counts = {"NaN": self._nan, "infinite": self._infinite}
        said = " and ".join(f"{what} for {n:,}" for what, n in counts.items() if n)
        if not said:
            return ()
        return (f"accuracy: the model's output is {said} of {self._images:,} images, scored as usual",)


def _unsound(output: Tensor, images: int) -> Tensor:
    """Whether each image's part is NaN, and is infinite; a tensor without such parts is of all images."""
    if output.ndim and len(output) == images:
        rows = output.reshape(images, -1)
        return torch.stack([rows.isnan().any(dim=1), rows.isinf().any(dim=1)])
    return torch.stack([output.isnan().any(), output.isinf().any()])[:, None].expand(2, images)


def _numbers(prediction: Prediction) -> tuple[Tensor, ...]:
    match prediction:
        case ClassScores():
            return (prediction.scores,)
        case Detections():
            return (prediction.scores, prediction.boxes)
        case LabelMap():
            return ()
