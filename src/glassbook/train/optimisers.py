"""Optimisers as values: AdamW, SGD with Nesterov momentum, RMSprop, and learning-rate factors by parameter name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.train.checkpoints import Tensors

Optimiser = Callable[[Mapping[str, nn.Parameter]], torch.optim.Optimizer]
"""Named parameters -> a torch optimiser for them. The training loop sets its learning rate at every step: the
scheduled rate times the group's "lr_factor", where it has one."""


@dataclass(frozen=True)
class _TorchOptimiser:
    """A class of torch.optim and its settings; weight decay acts on tensors of two or more dimensions only."""

    kind: type[torch.optim.Optimizer]
    weight_decay: float
    options: Mapping[str, Any]

    def __call__(self, named: Mapping[str, nn.Parameter]) -> torch.optim.Optimizer:
        groups = [
            {"params": [p for p in named.values() if p.dim() >= 2]},
            {"params": [p for p in named.values() if p.dim() < 2], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        try:
            return self.kind(groups, lr=0.0, weight_decay=self.weight_decay, **self.options)  # pyright: ignore[reportCallIssue]
        except ValueError as problem:
            raise GlassbookError(f"{self.kind.__name__}: {problem}") from problem


def adamw(*, betas: tuple[float, float] = (0.9, 0.95), weight_decay: float = 0.1, eps: float = 1e-8) -> Optimiser:
    """AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101).

    Args:
        betas: decay of the two moments.
        weight_decay: on tensors of two or more dimensions only, not on biases and norms' scales.
        eps: added to the second moment's root.
    """
    return _TorchOptimiser(torch.optim.AdamW, weight_decay, {"betas": betas, "eps": eps, "fused": True})


def sgd(*, momentum: float = 0.9, nesterov: bool = True, weight_decay: float = 0.0) -> Optimiser:
    """Stochastic gradient descent with (Nesterov) momentum, as torch.optim.SGD defines it.

    Args:
        momentum: decay of the running sum of gradients; 0 is plain gradient descent (with nesterov=False).
        nesterov: look ahead by one momentum step.
        weight_decay: added to the gradient, for tensors of two or more dimensions only.
    """
    return _TorchOptimiser(torch.optim.SGD, weight_decay, {"momentum": momentum, "nesterov": nesterov})


def rmsprop(*, alpha: float = 0.99, momentum: float = 0.0, eps: float = 1e-8, weight_decay: float = 0.0) -> Optimiser:
    """RMSprop, as torch.optim.RMSprop defines it.

    Args:
        alpha: decay of the mean squared gradient.
        momentum: decay of the running sum of scaled gradients.
        eps: added to the root of the mean squared gradient.
        weight_decay: added to the gradient, for tensors of two or more dimensions only.
    """
    return _TorchOptimiser(torch.optim.RMSprop, weight_decay, {"alpha": alpha, "momentum": momentum, "eps": eps})


class _MuonOfMatrices(torch.optim.Optimizer):
    """Muon in the parameters' own precision: torch.optim.Muon multiplies in bfloat16, which few CPUs are made for."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (needs none)
        for group in self.param_groups:
            momentum, lr = group["momentum"], group["lr"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                average = state["momentum_buffer"].lerp_(p.grad, 1 - momentum)
                update = orthogonalised(p.grad.lerp(average, momentum))
                p.mul_(1 - lr * group["weight_decay"])
                p.add_(update, alpha=-lr * 0.2 * max(p.shape) ** 0.5)


def orthogonalised(g: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """A matrix with the singular vectors of `g` [m, n] and singular values near 1, by Newton-Schulz iteration.

    Source: Jordan et al. 2024 (coefficients of its quintic iteration).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g if g.shape[0] <= g.shape[1] else g.T
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x if g.shape[0] <= g.shape[1] else x.T


class _Joint:
    """Two optimisers that step together, each on parameters of its own."""

    def __init__(self, *optimisers: torch.optim.Optimizer) -> None:
        self.optimisers = optimisers
        self._owner = {p: each for each in optimisers for group in each.param_groups for p in group["params"]}

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both."""
        return [group for each in self.optimisers for group in each.param_groups]

    @property
    def state(self) -> Mapping[torch.Tensor, Any]:
        """The state of each parameter; load it with `load_optimiser_state`."""
        return {p: state for each in self.optimisers for p, state in each.state.items()}

    def set_state(self, p: nn.Parameter, state: dict[str, Any]) -> None:
        self._owner[p].state[p] = state

    def step(self) -> None:
        for each in self.optimisers:
            each.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        for each in self.optimisers:
            each.zero_grad(set_to_none)


@dataclass(frozen=True)
class _Muon:
    adam: tuple[str, ...]
    momentum: float
    weight_decay: float
    betas: tuple[float, float]

    def __call__(self, named: Mapping[str, nn.Parameter]) -> Any:
        matrices = {
            name: p for name, p in named.items()
            if p.dim() == 2 and not any(fnmatchcase(name, glob) for glob in self.adam)
        }  # fmt: skip
        if not matrices:
            raise GlassbookError(f"muon: none of the parameters {_some(named)} is a matrix that it could train")
        rest = {name: p for name, p in named.items() if name not in matrices}
        settings = {"lr": 0.0, "momentum": self.momentum, "weight_decay": self.weight_decay}
        muon = _MuonOfMatrices(matrices.values(), settings)
        return _Joint(muon, adamw(betas=self.betas, weight_decay=self.weight_decay)(rest)) if rest else _Joint(muon)


def muon(
    *, adam: tuple[str, ...] = ("*embed*", "*head*"), momentum: float = 0.95, weight_decay: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.95),
) -> Optimiser:  # fmt: skip
    """Muon for matrices, AdamW for the rest: momentum whose singular values are all made about 1.

    Its updates are scaled to the size of AdamW's, so that both take the same learning rate.

    Args:
        adam: globs of parameter names that AdamW trains although they are matrices: embeddings and the head.
        momentum: decay of the running sum of gradients (Nesterov's).
        weight_decay: on tensors of two or more dimensions.
        betas: of AdamW.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; scale of Liu et al. 2025, arXiv:2502.16982.
    """
    return _Muon(adam, momentum, weight_decay, betas)


@dataclass(frozen=True)
class _ByName:
    optimiser: Optimiser
    factors: Mapping[str, Mapping[str, float]]

    def __call__(self, named: Mapping[str, nn.Parameter]) -> torch.optim.Optimizer:
        factor: dict[int, float] = {}
        for glob, options in self.factors.items():
            if options.keys() != {"lr"}:
                raise GlassbookError(f'by_name: {glob!r} must map to {{"lr": factor}}, not {dict(options)}')
            matched = [p for name, p in named.items() if fnmatchcase(name, glob)]
            if not matched:
                raise GlassbookError(f"by_name: {glob!r} matches none of the parameters {_some(named)}")
            for p in matched:
                factor.setdefault(id(p), options["lr"])
        made = self.optimiser(named)
        for part in made.optimisers if isinstance(made, _Joint) else (made,):
            groups = []
            for group in part.param_groups:
                by_factor: dict[float, list[nn.Parameter]] = {}
                for p in group["params"]:
                    by_factor.setdefault(factor.get(id(p), 1.0), []).append(p)
                groups += [{**group, "params": params, "lr_factor": f} for f, params in by_factor.items()]
            part.param_groups = groups
        return made


def by_name(optimiser: Optimiser, factors: Mapping[str, Mapping[str, float]]) -> Optimiser:
    """`optimiser` with other learning rates for some parameters.

    Args:
        optimiser: for all parameters.
        factors: glob over parameter names ("projector.*"; `*` passes over dots) -> {"lr": factor of the scheduled
            rate}. The first glob that matches a name counts; the others have factor 1.

    Raises:
        GlassbookError: when training starts, if a glob matches no parameter.
    """
    return _ByName(optimiser, factors)


def describe(optimiser: Optimiser) -> str:
    """The settings of an optimiser as text: what a checkpoint must agree on."""
    return repr(optimiser) if is_dataclass(optimiser) else getattr(optimiser, "__qualname__", type(optimiser).__name__)


def optimiser_state(optimiser: torch.optim.Optimizer, named: Mapping[str, nn.Parameter]) -> Tensors:
    """The optimiser's state as "<parameter>/<key>" -> tensor.

    Raises:
        GlassbookError: it has state that is not a tensor, which no checkpoint could hold.
    """
    out: Tensors = {}
    for name, p in named.items():
        for key, value in optimiser.state.get(p, {}).items():
            if isinstance(value, torch.Tensor):
                out[f"{name}/{key}"] = value
            elif value is not None:
                raise GlassbookError(
                    f"{type(optimiser).__name__} has state {key!r} that is no tensor; it cannot be saved"
                )
    return out


def load_optimiser_state(optimiser: torch.optim.Optimizer, named: Mapping[str, nn.Parameter], state: Tensors) -> None:
    """Take back what `optimiser_state` returned."""
    found: dict[str, Tensors] = {}
    for path, t in state.items():
        name, _, key = path.rpartition("/")
        found.setdefault(name, {})[key] = t
    for name, tensors in found.items():
        p = named[name]
        own = {key: t.to(p.device) for key, t in tensors.items()}
        if isinstance(optimiser, _Joint):
            optimiser.set_state(p, own)
        else:
            optimiser.state[p] = own


def _some(named: Mapping[str, Any], most: int = 4) -> str:
    names = list(named)
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
