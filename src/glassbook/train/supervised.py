"""Supervised training loop: one or several objectives, optimisers and parameter groups in each step.

The batch of a step is a function of the step, or of a state that stands in the checkpoints too. A run that is resumed
from a checkpoint therefore goes on bit for bit (on a CPU) as if it had never stopped.
"""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import PartialState
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.notebook import Run
from glassbook.train.checkpoints import Tensors, under
from glassbook.train.objectives import Batch, Objective
from glassbook.train.optimisers import Optimiser, adamw, describe, load_optimiser_state, optimiser_state
from glassbook.train.resumable import Stateful, resumable
from glassbook.train.schedules import Schedule, cosine

DEFAULT_SCHEDULE = cosine()
DEFAULT_OPTIMISER = adamw()


@dataclass(frozen=True)
class Phase:
    """One objective of a step, with the parameters that it trains and their optimiser.

    Attributes:
        name: unique in a training, without "/"; stands before the metrics' names where there are several phases.
        objective: (model, batch) -> mean loss and metrics.
        parameters: glob or globs over parameter names (`*` passes over dots). The other parameters get no gradient.
        optimiser: None takes the training's.
        lr: peak learning rate; None takes the training's.
        every: run in the steps 0, `every`, 2 `every`, ... only.
    """

    name: str
    objective: Objective
    parameters: str | Sequence[str] = "*"
    optimiser: Optimiser | None = None
    lr: float | None = None
    every: int = 1


@dataclass(frozen=True)
class TrainState:
    """What training leaves behind.

    Attributes:
        model: the network that was given, trained in place and still in training mode.
        step: updates done.
        metrics: means over the last logged window.
        ema: averaged parameters by name, if `ema` was set.
    """

    model: nn.Module
    step: int
    metrics: dict[str, float]
    ema: Tensors | None

    def averaged(self) -> nn.Module:
        """A copy of the model with the averaged parameters and the current buffers (as in FixMatch)."""
        if self.ema is None:
            raise GlassbookError("there is no average of the parameters; call train(...) with ema=0.999 or so")
        model = copy.deepcopy(self.model)
        with torch.no_grad():
            for name, average in self.ema.items():
                model.get_parameter(name).copy_(average)
        return model


def train(
    model: nn.Module,
    objective: Objective | Sequence[Phase],
    batches: Callable[[int], Batch],
    *,
    steps: int,
    lr: float,
    schedule: Schedule = DEFAULT_SCHEDULE,
    optimiser: Optimiser = DEFAULT_OPTIMISER,
    clip: float | None = 1.0,
    accumulate: int = 1,
    ema: float | None = None,
    precision: Literal["no", "bf16"] = "no",
    after: Callable[[nn.Module, int], None] | None = None,
    evaluate: Callable[[nn.Module, int], Mapping[str, float]] | None = None,
    evaluate_every: int = 100,
    run: Run | None = None,
    label: str = "",
    checkpoint: Path | None = None,
    checkpoint_every: int = 200,
    resume: bool = False,
    seed: int = 0,
    log_every: int = 10,
) -> TrainState:
    """Minimise one objective, or the objectives of several phases, in place.

    Args:
        model: moved to the machine's best device (accelerate's choice) and trained.
        objective: (model, batch) -> mean loss and metrics, see objectives.py; or phases, which each step runs in
            their order on the same batch.
        batches: step -> the batch of that step. It depends on nothing but the step, or has `state` and `load` (see
            `resumable.Stateful`), and its state stands in the checkpoints.
        steps: updates in all.
        lr: peak learning rate.
        schedule: (step, steps) -> factor of the peak rate.
        optimiser: see optimisers.py.
        clip: largest norm of a phase's whole gradient; None leaves it alone.
        accumulate: equal parts that each batch is cut into to save memory; the update is that of the whole batch.
        ema: decay of an exponential moving average of the parameters; None keeps none.
        precision: "bf16" computes under autocast, with the parameters and the optimiser in float32.
        after: (model, updates done), called without gradients after each step; may change buffers only.
        evaluate: (model, updates done) -> metrics to log, called without gradients and in evaluation mode. It changes
            neither the random generators nor the training.
        evaluate_every: updates between two evaluations; the last update is evaluated too.
        run: where metrics and progress go: "loss", "grad_norm", "lr" and the objective's own, with several phases
            "<phase>/loss" and so on.
        label: stands before the metrics' names ("<label>_loss") and names the progress bar.
        checkpoint: folder for this training's own checkpoints; None writes none.
        checkpoint_every: updates between two checkpoints.
        resume: go on from the newest checkpoint, from the start if there is none.
        seed: given to Python's, NumPy's and torch's generators before the first step.
        log_every: updates that one logged point is the mean of.

    Raises:
        GlassbookError: settings that cannot work; a checkpoint is damaged, does not fit, or is there though `resume`
            is False; the loss is no longer finite; the disk is full.
        KeyboardInterrupt: Ctrl-C; a checkpoint was written first and the message says how to go on.
    """
    if accumulate < 1:
        raise GlassbookError(f"accumulate = {accumulate} must be at least 1")
    phases = [Phase("main", objective)] if callable(objective) else list(objective)
    _check_phases(phases)
    machine = PartialState()
    if machine.num_processes > 1:
        raise GlassbookError("training runs in one process; start it without a multi-process launcher")
    device = torch.device(machine.device or "cpu")
    model.to(device).train()
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    states = [_PhaseState(phase, model, trainable, optimiser, lr, alone=len(phases) == 1) for phase in phases]
    # What a checkpoint must agree on; schedule and objectives are functions and cannot be compared.
    settings: dict[str, Any] = {"clip": clip, "accumulate": accumulate, "ema": ema, "precision": precision}
    for state in states:
        settings |= {state.prefix + name: value for name, value in state.settings.items()}
    learner = _SupervisedLearner(
        model, states, batches, trainable, ema, after, _Update(device, clip, accumulate, precision), schedule, steps
    )

    def evaluation(done: int) -> Mapping[str, float]:
        assert evaluate is not None
        with _evaluating(model):
            return evaluate(model, done)

    resumable(
        learner,
        steps,
        title="train",
        settings=settings,
        label=label,
        run=run,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        resume=resume,
        log_every=log_every,
        evaluate=None if evaluate is None else evaluation,
        evaluate_every=evaluate_every,
        seed=seed,
        device=device,
    )
    return TrainState(model, steps, learner.last_metrics, learner.ema)


@dataclass(frozen=True)
class _Update:
    """How every phase makes its update."""

    device: torch.device
    clip: float | None
    accumulate: int
    precision: str


class _PhaseState:
    """The changing part of a phase: its optimiser, and the sums of metrics that are not logged yet."""

    def __init__(
        self,
        phase: Phase,
        model: nn.Module,
        trainable: dict[str, nn.Parameter],
        optimiser: Optimiser,
        lr: float,
        alone: bool,
    ) -> None:
        self.phase, self.prefix = phase, "" if alone else f"{phase.name}/"
        self.lr = lr if phase.lr is None else phase.lr
        self.named = _matching(phase, model, trainable)
        self.parameters: list[Tensor] = list(self.named.values())
        self.others = [p for name, p in trainable.items() if name not in self.named]
        optimiser = phase.optimiser or optimiser
        self.optimiser = optimiser(self.named)
        self.settings = {"lr": self.lr, "optimiser": describe(optimiser), "parameters": repr(phase.parameters)}
        self.settings["every"] = phase.every
        self.window: Tensors = {}

    def update(self, model: nn.Module, batch: Batch, lr: float, how: _Update) -> None:
        """One optimiser step on the mean loss of the whole batch."""
        sums: Tensors = {}
        for part in _parts(batch, how.accumulate):
            with torch.autocast(how.device.type, torch.bfloat16, enabled=how.precision == "bf16"):
                loss, metrics = self.phase.objective(model, part)
            weight = metrics.pop("weight", None)
            if weight is None:
                weight = torch.tensor(float(len(next(iter(part.values())))), device=how.device)
            # Parts may count different numbers of tokens: sum their losses now, divide the gradient once.
            (loss * weight if how.accumulate > 1 else loss).backward()
            _add(sums, {"loss": loss, **metrics}, weight)
            _add(sums, {"weight": weight})
        if how.accumulate > 1:
            for p in self.parameters:
                if p.grad is not None:
                    p.grad /= sums["weight"].clamp_min(1e-9)
        if how.clip is not None:
            norm = nn.utils.clip_grad_norm_(self.parameters, how.clip)
            _add(sums, {"grad_norm": norm}, sums["weight"])
        for group in self.optimiser.param_groups:
            group["lr"] = lr * group.get("lr_factor", 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        _add(self.window, sums)

    @contextlib.contextmanager
    def only(self) -> Iterator[None]:
        """Within it, the parameters of other phases get no gradient."""
        for p in self.others:
            p.requires_grad_(False)
        try:
            yield
        finally:
            for p in self.others:
                p.requires_grad_(True)


class _SupervisedLearner:
    """The changing part of a training: network, phases, average of the parameters, batches that have state."""

    def __init__(
        self,
        model: nn.Module,
        phases: list[_PhaseState],
        batches: Callable[[int], Batch],
        trainable: dict[str, nn.Parameter],
        decay: float | None,
        after: Callable[[nn.Module, int], None] | None,
        how: _Update,
        schedule: Schedule,
        steps: int,
    ) -> None:
        self.model, self.phases, self.batches, self.after, self.how = model, phases, batches, after, how
        self.stateful = batches if isinstance(batches, Stateful) else None
        self.schedule, self.steps, self.decay = schedule, steps, decay
        self.parameters: list[Tensor] = list(trainable.values())
        self.ema = None if decay is None else {name: p.detach().clone() for name, p in trainable.items()}
        self.last_metrics: dict[str, float] = {}
        self.done, self.rows, self.unit, self.clock = 0, 0, "rows/s", time.monotonic()

    def step(self, step: int) -> None:
        device = self.how.device
        batch = {key: t.to(device, non_blocking=True) for key, t in self.batches(step).items()}
        factor = self.schedule(step, self.steps)
        for state in self.phases:
            if step % state.phase.every == 0:
                with state.only():
                    state.update(self.model, batch, state.lr * factor, self.how)
        if self.ema is not None and self.decay is not None:
            with torch.no_grad():
                torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                    list(self.ema.values()), self.parameters, 1 - self.decay
                )
        self.done = step + 1
        if self.after is not None:
            with torch.no_grad():
                self.after(self.model, self.done)
        self.unit = "tokens/s" if "input_ids" in batch else "rows/s"
        self.rows += batch["input_ids"].numel() if "input_ids" in batch else len(next(iter(batch.values())))

    def metrics(self, done: int) -> tuple[dict[str, float], dict[str, float]]:
        """Means since the last logged point: the only place where training waits for the device."""
        sums = {(state.prefix, name): t for state in self.phases for name, t in state.window.items()}
        values = dict(zip(sums, torch.stack(list(sums.values())).tolist(), strict=True)) if sums else {}
        self.last_metrics, logged, shown = {}, {}, {}
        for state in self.phases:
            own = {name: value for (prefix, name), value in values.items() if prefix == state.prefix}
            if own:
                weight = max(own.pop("weight"), 1e-9)
                means = {state.prefix + name: value / weight for name, value in own.items()}
                _check_finite(means[state.prefix + "loss"], done)
                self.last_metrics |= means
                rate = state.lr * self.schedule(done - 1, self.steps)
                logged |= {**means, state.prefix + "lr": rate}
                shown[state.prefix + "loss"] = means[state.prefix + "loss"]
            state.window = {}
        now = time.monotonic()
        shown[self.unit] = self.rows / max(now - self.clock, 1e-9)
        self.clock, self.rows = now, 0
        return logged, shown

    def state(self) -> Tensors:
        tensors = {f"model/{name}": t for name, t in _own_tensors(self.model).items()}
        tensors |= {f"ema/{name}": t for name, t in (self.ema or {}).items()}
        tensors |= {f"metrics/{k}": torch.tensor(v, dtype=torch.float64) for k, v in self.last_metrics.items()}
        for state in self.phases:
            if state.window:  # never let a network that is lost push out the last good one
                _check_finite(float(state.window["loss"]), self.done)
            name = state.phase.name
            tensors |= {f"window/{name}/{key}": t for key, t in state.window.items()}
            optimiser = optimiser_state(state.optimiser, state.named)
            tensors |= {f"opt/{name}/{key}": t for key, t in optimiser.items()}
        if self.stateful is not None:
            tensors |= {f"data/{name}": t for name, t in self.stateful.state().items()}
        return tensors

    @torch.no_grad()
    def load(self, tensors: Tensors) -> None:
        own, saved = _own_tensors(self.model), under("model/", tensors)
        shapes, expected = ({k: t.shape for k, t in tensors.items()} for tensors in (saved, own))
        if different := sorted({name for name, _ in shapes.items() ^ expected.items()}):
            raise GlassbookError(f"it is of another network ({different[0]} differs)")
        for name, t in own.items():
            t.copy_(saved[name])
        for name, average in (self.ema or {}).items():
            average.copy_(tensors[f"ema/{name}"])
        self.last_metrics = {name: t.item() for name, t in under("metrics/", tensors).items()}
        for state in self.phases:
            name, device = state.phase.name, self.how.device
            load_optimiser_state(state.optimiser, state.named, under(f"opt/{name}/", tensors))
            state.window = {key: t.to(device) for key, t in under(f"window/{name}/", tensors).items()}
        data = under("data/", tensors)
        if self.stateful is not None:
            self.stateful.load(data)
        elif data:
            raise GlassbookError("it holds the state of batches, and these batches have none")


def _check_phases(phases: Sequence[Phase]) -> None:
    names = [phase.name for phase in phases]
    if not names:
        raise GlassbookError("there is no phase to train; give an objective or at least one Phase")
    if len(set(names)) < len(names):
        raise GlassbookError(f"phases need different names, not {', '.join(names)}")
    for phase in phases:
        if not phase.name or "/" in phase.name:
            raise GlassbookError(f"a phase cannot be called {phase.name!r}; choose a name without /")
        if phase.every < 1:
            raise GlassbookError(f"phase {phase.name!r}: every = {phase.every} must be at least 1")


def _matching(phase: Phase, model: nn.Module, trainable: dict[str, nn.Parameter]) -> dict[str, nn.Parameter]:
    """The trainable parameters that a phase's globs match, each by its first name."""
    globs = [phase.parameters] if isinstance(phase.parameters, str) else list(phase.parameters)
    names = {name: id(p) for name, p in model.named_parameters(remove_duplicate=False) if p.requires_grad}
    matched: set[int] = set()
    for glob in globs:
        hits = {i for name, i in names.items() if fnmatchcase(name, glob)}
        if not hits:
            some = ", ".join(list(trainable)[:4]) or "none at all"
            raise GlassbookError(f"phase {phase.name!r}: {glob!r} matches no trainable parameter ({some} ...)")
        matched |= hits
    return {name: p for name, p in trainable.items() if id(p) in matched}


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module is in the mode that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _parts(batch: Batch, accumulate: int) -> list[Batch]:
    """The batch cut along its rows into `accumulate` parts that differ by at most one row."""
    if accumulate == 1:
        return [batch]
    rows = {len(t) for t in batch.values()}
    if min(rows) < accumulate:
        raise GlassbookError(f"a batch of {min(rows)} rows cannot be cut into {accumulate} parts; lower accumulate")
    pieces = {key: t.tensor_split(accumulate) for key, t in batch.items()}
    return [{key: t[i] for key, t in pieces.items()} for i in range(accumulate)]


def _add(sums: Tensors, values: Tensors, weight: Tensor | float = 1.0) -> None:
    for name, value in values.items():
        term = value.detach().float() * weight
        sums[name] = sums[name] + term if name in sums else term


def _own_tensors(model: nn.Module) -> Tensors:
    """Parameters and persistent buffers by name, each once: tied weights share one tensor."""
    seen: set[int] = set()
    out: Tensors = {}
    for name, t in model.state_dict(keep_vars=True).items():
        if id(t) not in seen:
            seen.add(id(t))
            out[name] = t
    return out


def _check_finite(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise GlassbookError(f"the loss is {loss} at step {step}; lower the learning rate or lengthen the warm-up")
