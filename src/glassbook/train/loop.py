"""One training loop for every network here: AdamW, a schedule, mixed precision, checkpoints that resume exactly.

The batch of a step is a pure function of the step, so the position in the data is the step itself, and a run
that is resumed from a checkpoint goes on bit for bit (on a CPU) as if it had never stopped.
"""

import copy
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import PartialState
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from glassbook.errors import GlassbookError
from glassbook.notebook import Run
from glassbook.train.checkpoints import (
    Tensors,
    newest_checkpoint,
    rng_states,
    set_rng_states,
    under,
    write_checkpoint,
)
from glassbook.train.going import how_to_resume, polite_interrupts, progress
from glassbook.train.objectives import Batch, Objective
from glassbook.train.schedules import Schedule, cosine

DEFAULT_SCHEDULE = cosine()


@dataclass(frozen=True)
class TrainState:
    """What training leaves behind.

    Attributes:
        model: the network that was given, trained in place and still in training mode.
        step: updates done.
        metrics: means over the last logged window.
        ema: averaged parameters by name, if an average was asked for.
    """

    model: nn.Module
    step: int
    metrics: dict[str, float]
    ema: Tensors | None

    def averaged(self) -> nn.Module:
        """A copy of the model with the averaged parameters."""
        if self.ema is None:
            raise ValueError("train(...) was not asked for an average; pass ema=0.999 or so")
        model = copy.deepcopy(self.model)
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(self.ema[name])
        return model


def train(
    model: nn.Module,
    objective: Objective,
    batches: Callable[[int], Batch],
    *,
    steps: int,
    lr: float,
    schedule: Schedule = DEFAULT_SCHEDULE,
    betas: tuple[float, float] = (0.9, 0.95),
    weight_decay: float = 0.1,
    clip: float | None = 1.0,
    accumulate: int = 1,
    ema: float | None = None,
    precision: Literal["no", "bf16"] = "no",
    run: Run | None = None,
    label: str = "",
    checkpoint: Path | None = None,
    every: int = 200,
    resume: bool = False,
    seed: int = 0,
    log_every: int = 10,
) -> TrainState:
    """Minimise `objective` over `batches`, in place.

    Args:
        model: moved to the machine's best device (accelerate's choice) and trained.
        objective: (model, batch) -> mean loss and metrics; see objectives.py.
        batches: step -> the batch of that step; must depend on nothing but the step.
        steps: updates in all.
        lr: peak learning rate of AdamW (Loshchilov & Hutter 2017).
        schedule: (step, steps) -> factor of the peak rate.
        betas: decay of AdamW's two moments.
        weight_decay: applied to tensors of two or more dimensions only, not to biases and norms' scales.
        clip: largest norm of the whole gradient; None leaves it alone.
        accumulate: equal parts that each batch is cut into to save memory; the update is that of the whole batch.
        ema: decay of an exponential moving average of the parameters; None keeps none.
        precision: "bf16" computes under autocast, with the parameters and the optimiser in float32.
        run: where metrics and progress go.
        label: stands before the metrics' names ("<label>_loss") and names the progress bar.
        checkpoint: folder for this training's own checkpoints; None writes none.
        every: updates between two checkpoints.
        resume: go on from the newest checkpoint, from the start if there is none.
        seed: given to Python's, NumPy's and torch's generators before the first step.
        log_every: updates that one logged point is the mean of.

    Returns:
        TrainState.

    Raises:
        GlassbookError: a checkpoint is damaged, does not fit, or is there though `resume` is False; the loss
            is no longer finite; the disk is full.
        KeyboardInterrupt: Ctrl-C; a checkpoint was written first and the message says how to go on.
    """
    if steps < 1 or accumulate < 1 or every < 1 or log_every < 1:
        raise GlassbookError("steps, accumulate, every and log_every must be at least 1")
    machine = PartialState()
    if machine.num_processes > 1:
        raise GlassbookError("training runs in one process; start it without a multi-process launcher")
    device = torch.device(machine.device or "cpu")
    work = _Work(model.to(device).train(), lr, betas, weight_decay, ema, device)
    _seed(seed)
    # What the checkpoint must agree on; the schedule is a function and cannot be compared.
    settings = {"steps": steps, "lr": lr, "betas": list(betas), "weight_decay": weight_decay, "clip": clip}
    settings |= {"accumulate": accumulate, "ema": ema, "precision": precision, "seed": seed}
    start = work.restore(checkpoint, settings, resume) if checkpoint is not None else 0
    name = f"{label}_" if label else ""
    with progress(run, steps, label or "train", start) as advance, polite_interrupts() as interrupted:
        clock, tokens = time.monotonic(), 0
        for step in range(start, steps):
            batch = {key: t.to(device, non_blocking=True) for key, t in batches(step).items()}
            rate = lr * schedule(step, steps)
            work.update(objective, batch, rate, clip=clip, accumulate=accumulate, precision=precision)
            done, shown = step + 1, {}
            tokens += batch["input_ids"].numel() if "input_ids" in batch else 0
            if done % log_every == 0 or done == steps:
                work.close_window(done)
                if run is not None:
                    run.log(done, **{name + key: value for key, value in work.metrics.items()}, **{name + "lr": rate})
                now = time.monotonic()
                shown = {"loss": work.metrics["loss"]} | ({"tokens/s": tokens / (now - clock)} if tokens else {})
                clock, tokens = now, 0
            advance(1, **shown)
            if checkpoint is not None and (done % every == 0 or done == steps or interrupted()):
                work.keep(checkpoint, done, settings)
            if interrupted():
                raise KeyboardInterrupt(how_to_resume(done, steps, checkpoint, run))
    return TrainState(model, steps, work.metrics, work.averages())


class _Work:
    """The changing part of a training: network, optimiser, average, and the window of metrics not yet logged."""

    def __init__(
        self,
        model: nn.Module,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
        ema: float | None,
        device: torch.device,
    ) -> None:
        self.model, self.device = model, device
        self.named = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.parameters: list[Tensor] = list(self.named.values())
        self.optimiser = adamw(model, lr, betas, weight_decay)
        self.ema = None if ema is None else [p.detach().clone() for p in self.parameters]
        self._average = None if ema is None else get_ema_multi_avg_fn(ema)
        self.window: Tensors = {}
        self.metrics: dict[str, float] = {}

    def update(
        self, objective: Objective, batch: Batch, lr: float, *, clip: float | None, accumulate: int, precision: str
    ) -> None:
        """One step of AdamW on the mean loss of the whole batch."""
        sums: Tensors = {}
        for part in _parts(batch, accumulate):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16"):
                loss, metrics = objective(self.model, part)
            weight = metrics.pop("weight", None)
            if weight is None:
                weight = torch.tensor(float(len(next(iter(part.values())))), device=self.device)
            # Parts may count different numbers of tokens: sum their losses now, divide the gradient once.
            (loss * weight if accumulate > 1 else loss).backward()
            _add(sums, {"loss": loss, **metrics}, weight)
            _add(sums, {"weight": weight})
        if accumulate > 1:
            for p in self.parameters:
                if p.grad is not None:
                    p.grad /= sums["weight"].clamp_min(1e-9)
        if clip is not None:
            norm = nn.utils.clip_grad_norm_(self.parameters, clip)
            _add(sums, {"grad_norm": norm}, sums["weight"])
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.ema is not None and self._average is not None:
            self._average(self.ema, self.parameters, 0)
        _add(self.window, sums)

    def close_window(self, step: int) -> None:
        """Means since the last window, in `metrics`: the only place where the loop waits for the device."""
        names = list(self.window)
        sums = dict(zip(names, torch.stack([self.window[name] for name in names]).tolist(), strict=True))
        weight = max(sums.pop("weight"), 1e-9)
        self.metrics, self.window = {name: value / weight for name, value in sums.items()}, {}
        _check_finite(self.metrics["loss"], step)

    def averages(self) -> Tensors | None:
        return None if self.ema is None else dict(zip(self.named, self.ema, strict=True))

    def keep(self, folder: Path, step: int, settings: dict[str, Any]) -> None:
        """Write the checkpoint after `step` updates."""
        if self.window:  # never let a network that is lost push out the last good one
            _check_finite(float(self.window["loss"]), step)
        rng, rng_facts = rng_states(self.device)
        tensors = {f"model/{name}": t for name, t in _own_tensors(self.model).items()}
        tensors |= {f"ema/{name}": t for name, t in (self.averages() or {}).items()}
        tensors |= {f"rng/{name}": t for name, t in rng.items()} | {f"window/{k}": t for k, t in self.window.items()}
        for name, p in self.named.items():
            tensors |= {f"adamw/{name}/{key}": t for key, t in self.optimiser.state[p].items()}
        facts = {"step": step, "settings": settings, "metrics": self.metrics, "rng": rng_facts}
        write_checkpoint(folder, step, tensors, facts)

    def restore(self, folder: Path, settings: dict[str, Any], resume: bool) -> int:
        """Go back to the newest checkpoint in `folder`, if there is one; returns the updates done."""
        found = newest_checkpoint(folder, settings, resume)
        if found is None:
            return 0
        path, tensors, facts = found
        self._load(path, tensors)
        set_rng_states(under("rng/", tensors), facts["rng"], self.device)
        self.metrics = facts["metrics"]
        self.window = {name: t.to(self.device) for name, t in under("window/", tensors).items()}
        return facts["step"]

    @torch.no_grad()
    def _load(self, path: Path, tensors: Tensors) -> None:
        own, saved = _own_tensors(self.model), under("model/", tensors)
        shapes, expected = ({k: t.shape for k, t in tensors.items()} for tensors in (saved, own))
        if odd := sorted({name for name, _ in shapes.items() ^ expected.items()}):
            raise GlassbookError(f"{path} is of another network ({odd[0]} differs); resume with the same settings")
        for name, t in own.items():
            t.copy_(saved[name])
        for name, average in (self.averages() or {}).items():
            average.copy_(tensors[f"ema/{name}"])
        for name, p in self.named.items():
            state = under(f"adamw/{name}/", tensors)
            if state:
                self.optimiser.state[p] = {key: t.to(p.device) for key, t in state.items()}


def adamw(model: nn.Module, lr: float, betas: tuple[float, float], weight_decay: float) -> torch.optim.AdamW:
    """AdamW that decays matrices (two or more dimensions) and leaves biases and norms' scales alone."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=betas, fused=True)


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


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
