"""Resumable training loop: seeds, progress, Ctrl-C, logging, evaluation and checkpoints, for every kind of training.

`resumable` drives a `Learner`, which knows how to make one step and what its state is. The clients are `train` (one or
several objectives), `features.fit_many` (sparse autoencoders) and `features.classical.learn_atoms`.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypedDict, runtime_checkable

import torch

from glassbook.errors import GlassbookError
from glassbook.measure.compute import Flop
from glassbook.notebook import Run
from glassbook.notebook.runs.rng import seed_generators
from glassbook.train.checkpoints import (
    Tensors,
    newest_checkpoint,
    rng_states,
    set_rng_states,
    under,
    write_checkpoint,
)
from glassbook.train.interrupts import defer_sigint

CPU = torch.device("cpu")


@runtime_checkable
class Stateful(Protocol):
    """Anything whose state belongs into a checkpoint."""

    def state(self) -> Tensors:
        """Everything that the next step depends on, by names of its own choice."""
        ...

    def load(self, tensors: Tensors) -> None:
        """Take back what `state` returned; the tensors are on the CPU.

        Raises:
            GlassbookError: they do not fit.
        """
        ...


class LoopOptions(TypedDict, total=False):
    """Keyword arguments that every training takes: where it logs, and how it is resumed."""

    run: Run | None
    """Where metrics and progress go."""
    label: str
    """Stands before the metrics' names ("<label>_loss") and names the progress bar."""
    checkpoint: Path | None
    """Folder for this training's own checkpoints; None writes none."""
    checkpoint_every: int
    """Updates between two checkpoints; the last update writes one too."""
    resume: bool
    """Go on from the newest checkpoint, bit for bit on a CPU; from the start if there is none."""
    log_every: int
    """Updates between two logged points; the last update logs one too."""


class Learner(Stateful, Protocol):
    """One kind of training, as the loop sees it."""

    counted: str
    """How `flop` counts, for the record."""

    def step(self, step: int) -> None:
        """Make update number `step`, counted from 0."""
        ...

    def flop(self) -> Flop:
        """What all updates so far have cost; it stands in the state, so that a resumed training counts none again."""
        ...

    def metrics(self, done: int) -> tuple[dict[str, float], dict[str, float]]:
        """After `done` updates: the numbers to log, and those to show beside the progress bar.

        Raises:
            GlassbookError: the loss is not finite.
        """
        ...


def resumable(
    learner: Learner,
    steps: int,
    *,
    title: str,
    settings: Mapping[str, Any],
    label: str = "",
    run: Run | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 200,
    resume: bool = False,
    log_every: int = 10,
    evaluate: Callable[[int], Mapping[str, float]] | None = None,
    evaluate_every: int = 100,
    seed: int | None = None,
    device: torch.device = CPU,
) -> None:
    """Make steps 0 to `steps` - 1 of `learner`, from the newest checkpoint on.

    A checkpoint holds the learner's state and that of every random generator, so that on a CPU a resumed training ends
    bit for bit where an unbroken one does. What the training has cost is recorded in the run at each checkpoint and at
    the end; evaluations are not counted as training.

    Args:
        learner: what makes the steps.
        steps: updates in all.
        title: names the progress bar if there is no `label`.
        settings: JSON data that a checkpoint must agree on to be resumed.
        run, label, checkpoint, checkpoint_every, resume, log_every: see `LoopOptions`.
        evaluate: number of updates done -> metrics to log; random generators are put back afterwards.
        evaluate_every: updates between two evaluations; the last update is evaluated too.
        seed: given to Python's, NumPy's and torch's generators before the first step; None leaves them alone.
        device: the device whose generator training draws from.

    Raises:
        GlassbookError: a checkpoint is damaged, does not fit, or is there though `resume` is False; the disk is full.
        KeyboardInterrupt: Ctrl-C; a checkpoint was written first and the message says how to go on.
    """
    intervals = {"checkpoint_every": checkpoint_every, "log_every": log_every, "evaluate_every": evaluate_every}
    for name, value in {"steps": steps, **intervals}.items():
        if value < 1:
            raise GlassbookError(f"{name} = {value} must be at least 1")
    if seed is not None:
        seed_generators(seed)
    settings = {"steps": steps, "seed": seed, **settings}
    start = _restore(learner, checkpoint, settings, resume, device) if checkpoint is not None else 0
    prefix = f"{label}_" if label else ""
    record_cost = _cost_recorder(run, label or title, learner)
    with _progress(run, steps, label or title, start) as advance, defer_sigint() as interrupted:
        for step in range(start, steps):
            learner.step(step)
            done, logged, shown = step + 1, {}, {}
            if done % log_every == 0 or done == steps:
                logged, shown = learner.metrics(done)
            if evaluate is not None and (done % evaluate_every == 0 or done == steps):
                tensors, facts = rng_states(device)
                logged = {**logged, **evaluate(done)}
                set_rng_states(tensors, facts, device)
            if run is not None and logged:
                run.log(done, **{prefix + name: value for name, value in logged.items()})
            advance(1, **shown)
            if checkpoint is not None and (done % checkpoint_every == 0 or done == steps or interrupted()):
                _save(learner, checkpoint, done, settings, device)
                if done < steps:
                    record_cost()
            if interrupted():
                raise KeyboardInterrupt(_how_to_resume(done, steps, checkpoint, run))
    record_cost()


def _cost_recorder(run: Run | None, label: str, learner: Learner) -> Callable[[], None]:
    """A function that records what the training has cost so far, the time before an interruption included."""
    begin, before = time.monotonic(), 0.0 if run is None else run.seconds_spent("training", label)

    def record() -> None:
        if run is not None:
            seconds = before + time.monotonic() - begin
            run.spent("training", learner.flop().n, seconds, learner.counted, label)

    return record


def _save(learner: Learner, folder: Path, done: int, settings: Mapping[str, Any], device: torch.device) -> None:
    rng, rng_facts = rng_states(device)
    tensors = learner.state() | {f"rng/{name}": t for name, t in rng.items()}
    write_checkpoint(folder, done, tensors, {"step": done, "settings": settings, "rng": rng_facts})


def _restore(learner: Learner, folder: Path, settings: Mapping[str, Any], resume: bool, device: torch.device) -> int:
    """Go back to the newest checkpoint in `folder`, if there is one; returns the updates done."""
    found = newest_checkpoint(folder, settings, resume)
    if found is None:
        return 0
    path, tensors, facts = found
    try:
        learner.load({name: t for name, t in tensors.items() if not name.startswith("rng/")})
    except GlassbookError as problem:
        raise GlassbookError(f"{path} does not fit: {problem}; resume with the same settings") from problem
    set_rng_states(under("rng/", tensors), facts["rng"], device)
    return facts["step"]


@contextlib.contextmanager
def _progress(run: Run | None, steps: int, label: str, done: int) -> Iterator[Callable[..., None]]:
    """Yields `advance(n, **shown)` of the run's progress bar; does nothing where there is no run."""
    if run is None:
        yield lambda n=1, **shown: None
        return
    with run.progress(steps, label, done=done) as bar:
        yield bar.advance


def _how_to_resume(done: int, steps: int, checkpoint: Path | None, run: Run | None) -> str:
    if checkpoint is None:
        return f"stopped after step {done} of {steps}; no checkpoint folder was given, so nothing is saved"
    how = f"glassbook run {run.experiment} --resume {run.id}" if run is not None else "the same call with resume=True"
    return f"stopped after step {done} of {steps}, checkpoint written; go on with: {how}"
