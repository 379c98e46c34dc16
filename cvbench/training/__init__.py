"""The training engine: any model, any data set of its task, by a recipe."""

from cvbench.models.weights.tensors import load_weights, save_weights
from cvbench.training.checkpoints import Training, trained, training_key
from cvbench.training.engine import Progress, train
from cvbench.training.step import rate

__all__ = [
    "Progress",
    "Training",
    "load_weights",
    "rate",
    "save_weights",
    "train",
    "trained",
    "training_key",
]
