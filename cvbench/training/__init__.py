"""The training engine: trains any model on any dataset of its task, as a recipe says."""

from cvbench.models.weights.tensors import load_weights, save_weights
from cvbench.training.checkpoints import Training, trained, training_key
from cvbench.training.engine import TrainingProgress, train
from cvbench.training.step import rate

__all__ = [
    "Training",
    "TrainingProgress",
    "load_weights",
    "rate",
    "save_weights",
    "train",
    "trained",
    "training_key",
]
