"""Phases of a training step: objectives with the parameters that each of them trains."""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.measure.flops import Counting
from glassbook.train.checkpoints import Tensors, under
from glassbook.train.objectives import Batch, Objective
from glassbook.train.optimisers import Optimiser, describe, load_optimiser_state, optimiser_state


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
class UpdateSettings:
    """What the phases of a training have in common; see `train`."""

    optimiser: Optimiser
    lr: float
    clip: float | None
    accumulate: int
    precision: Literal["no", "bf16"]
    device: torch.device


class PhaseState:
    """The changing part of a phase: its optimiser, and the sums of metrics since the last logged point."""

    def __init__(
        self, phase: Phase, model: nn.Module, trainable: Mapping[str, nn.Parameter], shared: UpdateSettings
    ) -> None:
        self.phase, self.shared = phase, shared
        self.lr = shared.lr if phase.lr is None else phase.lr
        self.named = _matching(phase, model, trainable)
        self.parameters: list[Tensor] = list(self.named.values())
        self.others = [p for name, p in trainable.items() if name not in self.named]
        optimiser = phase.optimiser or shared.optimiser
        self.optimiser = optimiser(self.named)
        self.settings: dict[str, Any] = {
            "lr": self.lr,
            "optimiser": describe(optimiser),
            "parameters": repr(phase.parameters),
            "every": phase.every,
        }
        self.window: Tensors = {}

    def update(self, model: nn.Module, batch: Batch, lr: float, counting: Counting) -> None:
        """One optimiser step on the mean loss of the whole batch."""
        shared, sums = self.shared, Tensors()
        with self._without_others():
            for part in _parts(batch, shared.accumulate):
                autocast = torch.autocast(shared.device.type, torch.bfloat16, enabled=shared.precision == "bf16")
                with autocast, counting:
                    loss, metrics = self.phase.objective(model, part)
                counting.backward(loss, self.parameters)
                weight = metrics.pop("weight", None)
                if weight is None:
                    weight = torch.tensor(float(len(next(iter(part.values())))), device=shared.device)
                # Parts may count different numbers of tokens: sum their losses now, divide the gradient once.
                (loss * weight if shared.accumulate > 1 else loss).backward()
                _add(sums, {"loss": loss, **metrics}, weight)
                _add(sums, {"weight": weight})
        if shared.accumulate > 1:
            for p in self.parameters:
                if p.grad is not None:
                    p.grad /= sums["weight"].clamp_min(1e-9)
        if shared.clip is not None:
            norm = nn.utils.clip_grad_norm_(self.parameters, shared.clip)
            _add(sums, {"grad_norm": norm}, sums["weight"])
        for group in self.optimiser.param_groups:
            group["lr"] = lr * group.get("lr_factor", 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        _add(self.window, sums)

    @contextlib.contextmanager
    def _without_others(self) -> Iterator[None]:
        for p in self.others:
            p.requires_grad_(False)
        try:
            yield
        finally:
            for p in self.others:
                p.requires_grad_(True)

    def close_window(self, done: int) -> dict[str, float]:
        """Means since the last logged point, none if the phase has not run: the only wait for the device."""
        if not self.window:
            return {}
        values = torch.stack(list(self.window.values())).tolist()
        sums = dict(zip(self.window, values, strict=True))
        weight = max(sums.pop("weight"), 1e-9)
        self.window = {}
        means = {name: value / weight for name, value in sums.items()}
        _check_finite(means["loss"], done)
        return means

    def state(self, done: int) -> Tensors:
        """The tensors of a checkpoint after `done` updates."""
        if self.window:  # never let a network that is lost push out the last good one
            _check_finite(float(self.window["loss"]), done)
        name, optimiser = self.phase.name, optimiser_state(self.optimiser, self.named)
        tensors = {f"opt/{name}/{key}": t for key, t in optimiser.items()}
        return tensors | {f"window/{name}/{key}": t for key, t in self.window.items()}

    def load(self, tensors: Tensors) -> None:
        """Take back what `state` returned."""
        name, device = self.phase.name, self.shared.device
        load_optimiser_state(self.optimiser, self.named, under(f"opt/{name}/", tensors))
        self.window = {key: t.to(device) for key, t in under(f"window/{name}/", tensors).items()}


def check_phases(phases: Sequence[Phase]) -> None:
    """Refuse phases that cannot be trained together."""
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


def _matching(phase: Phase, model: nn.Module, trainable: Mapping[str, nn.Parameter]) -> dict[str, nn.Parameter]:
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


def _check_finite(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise GlassbookError(f"the loss is {loss} at step {step}; lower the learning rate or lengthen the warm-up")
