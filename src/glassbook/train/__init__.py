"""Resumable training: supervised training with one or several objectives, and the loop under every kind of training.

    train(model, objective, batches, steps=, lr=, optimiser=adamw(), ...)              one objective
    train(model, [Phase("critic", f, "critic.*"), Phase("generator", g, "generator.*", every=5)], batches, ...)

- `Phase(name, objective, parameters="*", optimiser=None, lr=None, every=1)`; None takes the training's.
- Optimisers are values: `adamw(betas=, weight_decay=, eps=)`, `sgd(momentum=, nesterov=, weight_decay=)`, `rmsprop()`,
  `muon()`, `by_name(optimiser, {"projector.*": {"lr": 10.0}})`.
- `after(model, done)` runs after each step; `evaluate(model, done) -> metrics` every `evaluate_every` steps.
- `batches(step)` depends on nothing but the step, or has `state() -> {name: tensor}` and `load(tensors)`.
- `checkpoint=` folder, `checkpoint_every=`, `resume=`: a resumed training ends bit for bit where an unbroken one does.
- `resumable(learner, steps, ...)` is the loop itself, for a training that is none of these.
"""

from glassbook.train.checkpoints import list_checkpoints, read_checkpoint, write_checkpoint
from glassbook.train.objectives import Batch, Objective, next_token
from glassbook.train.optimisers import Optimiser, adamw, by_name, muon, rmsprop, sgd
from glassbook.train.phases import Phase
from glassbook.train.resumable import Learner, LoopOptions, Stateful, resumable
from glassbook.train.schedules import Schedule, constant, cosine, linear
from glassbook.train.supervised import TrainState, train

__all__ = [
    "Batch",
    "Learner",
    "LoopOptions",
    "Objective",
    "Optimiser",
    "Phase",
    "Schedule",
    "Stateful",
    "TrainState",
    "adamw",
    "by_name",
    "constant",
    "cosine",
    "linear",
    "list_checkpoints",
    "muon",
    "next_token",
    "read_checkpoint",
    "resumable",
    "rmsprop",
    "sgd",
    "train",
    "write_checkpoint",
]
