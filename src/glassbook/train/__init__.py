"""Training: one loop; objectives, schedules and checkpoints as values."""

from glassbook.train.checkpoints import list_checkpoints, read_checkpoint, write_checkpoint
from glassbook.train.loop import TrainState, train
from glassbook.train.objectives import Batch, Objective, next_token, regression
from glassbook.train.schedules import Schedule, constant, cosine, linear

__all__ = [
    "Batch",
    "Objective",
    "Schedule",
    "TrainState",
    "constant",
    "cosine",
    "linear",
    "list_checkpoints",
    "next_token",
    "read_checkpoint",
    "regression",
    "train",
    "write_checkpoint",
]
