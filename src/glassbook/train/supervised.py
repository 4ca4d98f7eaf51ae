"""Supervised training loop: one or several objectives, optimisers and parameter groups in each step.

The batch of a step is a function of the step, or of a state that stands in the checkpoints too. A run that is resumed
from a checkpoint therefore goes on bit for bit (on a CPU) as if it had never stopped.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import torch
from accelerate import PartialState
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.measure.compute import Flop
from glassbook.measure.flops import Meter, shapes
from glassbook.trace.sites import evaluating
from glassbook.train.checkpoints import Tensors, under
from glassbook.train.objectives import Batch, Objective
from glassbook.train.optimisers import Optimiser, adamw
from glassbook.train.phases import Phase, PhaseState, UpdateSettings, check_phases
from glassbook.train.resumable import LoopOptions, Stateful, resumable
from glassbook.train.schedules import Schedule, cosine

DEFAULT_SCHEDULE = cosine()
DEFAULT_OPTIMISER = adamw()


@dataclass(frozen=True)
class TrainState:
    """What training leaves behind.

    Attributes:
        model: the network that was given, trained in place and still in training mode.
        step: updates done.
        metrics: means over the window of each phase that was logged last.
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
    seed: int = 0,
    **loop: Unpack[LoopOptions],
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
        precision: "bf16" computes under autocast, with the parameters and the optimiser in float32. It pays on a GPU
            and on processors with instructions for it; on others it is 20 times slower than "no".
        after: (model, updates done), called without gradients after each step; may change buffers only.
        evaluate: (model, updates done) -> metrics to log, called without gradients and in evaluation mode. It changes
            neither the random generators nor the training.
        evaluate_every: updates between two evaluations; the last update is evaluated too.
        seed: given to Python's, NumPy's and torch's generators before the first step.
        loop: `run`, `label`, `checkpoint`, ... (see `LoopOptions`). Logged are means since the last logged point:
            "loss", "grad_norm", "lr" and the objective's own, with several phases "<phase>/loss" and so on.

    Raises:
        GlassbookError: settings that cannot work; a checkpoint is damaged, does not fit, or is there though `resume`
            is False; the loss is no longer finite; the disk is full.
        KeyboardInterrupt: Ctrl-C; a checkpoint was written first and the message says how to go on.
    """
    if accumulate < 1:
        raise GlassbookError(f"accumulate = {accumulate} must be at least 1")
    phases = [Phase("main", objective)] if callable(objective) else list(objective)
    check_phases(phases)
    machine = PartialState()
    if machine.num_processes > 1:
        raise GlassbookError("training runs in one process; start it without a multi-process launcher")
    device = torch.device(machine.device or "cpu")
    model.to(device).train()
    shared = UpdateSettings(optimiser, lr, clip, accumulate, precision, device)
    learner = _SupervisedLearner(model, phases, batches, shared, ema, after, schedule, steps)
    # What a checkpoint must agree on; schedule and objectives are functions and cannot be compared.
    settings: dict[str, Any] = {"clip": clip, "accumulate": accumulate, "ema": ema, "precision": precision}
    for prefix, state in learner.phases.items():
        settings |= {prefix + name: value for name, value in state.settings.items()}

    def evaluation(done: int) -> Mapping[str, float]:
        assert evaluate is not None
        with evaluating(model), torch.no_grad():
            return evaluate(model, done)

    resumable(
        learner,
        steps,
        title="train",
        settings=settings,
        evaluate=None if evaluate is None else evaluation,
        evaluate_every=evaluate_every,
        seed=seed,
        device=device,
        **loop,
    )
    return TrainState(model, steps, learner.last_metrics, learner.ema)


class _SupervisedLearner:
    """The changing part of a training: network, phases, average of the parameters, batches that have state."""

    counted = "forward and backward pass, counted in the first step of each batch shape"

    def __init__(
        self,
        model: nn.Module,
        phases: Sequence[Phase],
        batches: Callable[[int], Batch],
        shared: UpdateSettings,
        decay: float | None,
        after: Callable[[nn.Module, int], None] | None,
        schedule: Schedule,
        steps: int,
    ) -> None:
        self.model, self.batches, self.after, self.device = model, batches, after, shared.device
        self.stateful = batches if isinstance(batches, Stateful) else None
        self.schedule, self.steps, self.decay = schedule, steps, decay
        trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        # By what stands before the metrics' names.
        self.phases = {
            f"{phase.name}/" if len(phases) > 1 else "": PhaseState(phase, model, trainable, shared) for phase in phases
        }
        self.parameters: list[Tensor] = list(trainable.values())
        self.ema = None if decay is None else {name: p.detach().clone() for name, p in trainable.items()}
        self.meter = Meter()
        self.last_metrics: dict[str, float] = {}
        self.done, self.rows, self.unit, self.clock = 0, 0, "rows/s", time.monotonic()

    def step(self, step: int) -> None:
        batch = {key: t.to(self.device, non_blocking=True) for key, t in self.batches(step).items()}
        factor = self.schedule(step, self.steps)
        shape = shapes(batch)
        for prefix, state in self.phases.items():
            if step % state.phase.every == 0:
                with self.meter.step(prefix + shape) as counting:
                    state.update(self.model, batch, state.lr * factor, counting)
        self.done = step + 1
        with torch.no_grad():
            if self.ema is not None and self.decay is not None:
                averages = list(self.ema.values())
                torch._foreach_lerp_(averages, self.parameters, 1 - self.decay)  # pyright: ignore[reportPrivateImportUsage]
            if self.after is not None:
                self.after(self.model, self.done)
        self.unit = "tokens/s" if "input_ids" in batch else "rows/s"
        self.rows += batch["input_ids"].numel() if "input_ids" in batch else len(next(iter(batch.values())))

    def flop(self) -> Flop:
        return self.meter.total

    def metrics(self, done: int) -> tuple[dict[str, float], dict[str, float]]:
        logged, shown, factor = {}, {}, self.schedule(done - 1, self.steps)
        for prefix, state in self.phases.items():
            if means := {prefix + name: value for name, value in state.close_window(done).items()}:
                self.last_metrics |= means
                logged |= {**means, f"{prefix}lr": state.lr * factor}
                shown[f"{prefix}loss"] = means[f"{prefix}loss"]
        now = time.monotonic()
        shown[self.unit] = self.rows / max(now - self.clock, 1e-9)
        self.clock, self.rows = now, 0
        return logged, shown

    def state(self) -> Tensors:
        tensors = {f"model/{name}": t for name, t in _own_tensors(self.model).items()}
        tensors |= {f"ema/{name}": t for name, t in (self.ema or {}).items()}
        tensors |= {f"metrics/{k}": torch.tensor(v, dtype=torch.float64) for k, v in self.last_metrics.items()}
        for state in self.phases.values():
            tensors |= state.state(self.done)
        tensors |= {f"meter/{name}": t for name, t in self.meter.state().items()}
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
        for state in self.phases.values():
            state.load(tensors)
        self.meter.load(under("meter/", tensors))
        data = under("data/", tensors)
        if self.stateful is not None:
            self.stateful.load(data)
        elif data:
            raise GlassbookError("it holds the state of batches, and these batches have none")


def _own_tensors(model: nn.Module) -> Tensors:
    """Parameters and persistent buffers by name, each once: tied weights share one tensor."""
    seen: set[int] = set()
    out: Tensors = {}
    for name, t in model.state_dict(keep_vars=True).items():
        if id(t) not in seen:
            seen.add(id(t))
            out[name] = t
    return out
