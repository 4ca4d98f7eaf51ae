"""Readout of a language model: what makes logits of the stream, and the final norm as a linear map of parts of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.trace.roles.blocks import blocks
from glassbook.trace.tree import pick

WITHIN = 1e-3
"""How far the readout's logits may be from the model's, relative to the largest of them."""
LARGEST = 1e4
"""Largest value that the unembedding is made to give, to see what becomes of it: far above any soft cap."""


@dataclass(frozen=True)
class Readout:
    """How a model reads its logits from the stream after its last block: cap * tanh(scale * head(norm(x)) / cap).

    Args:
        norm: what leads from the stream to the head: the final norm, perhaps with a projection or a factor after it;
            `nn.Identity` where the head reads the stream itself.
        head: the unembedding, with `weight` [vocab, d].
        width: dimensions of the stream.
        scale: what the head's output is multiplied by (Cohere, Granite).
        cap: the soft cap (Gemma 2); None where there is none.
    """

    norm: nn.Module
    head: Any
    width: int
    scale: float = 1.0
    cap: float | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Logits [..., vocab] of the stream x [..., d]."""
        return _scaled_and_capped(self.head(self.norm(x)), self.scale, self.cap)


class Times(nn.Module):
    """x times a number, where a model multiplies between two of its modules (MiniCPM)."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """The input [...] times the number."""
        return x * self.factor


@torch.no_grad()
def final(lm: LanguageModel) -> Readout:
    """The readout of a model, found and proved by running it, whatever its modules are called.

    The head is the module that writes as many numbers as there are logits; the norm is the chain of modules from the
    output of the last block to what the head reads, each given what the one before it gave. What the model makes of
    the head's output is measured on made-up values: nothing, a scale, a soft cap. The proof: the readout of the last
    block's output is the model's own logits.

    Raises:
        GlassbookError: there is no such chain, or the model makes its logits in another way.
    """
    refused = f"there is no lens through the final norm and head of {lm.name}: "
    ids = torch.arange(4, device=lm.device)[None] % lm.vocab
    run = _run_to_the_end(lm.model, blocks(lm.model)[-1], ids)
    head = next((call for call in reversed(run.calls) if _is_head(call, run.logits)), None)
    if head is None or head.given is None or head.gave is None:
        raise GlassbookError(f"{refused}no module with a weight for each token writes its logits")
    path = _path(run.calls[: run.calls.index(head)], run.stream, head.given)
    if path is None:
        raise GlassbookError(f"{refused}what it does between its last block and its head is not done by modules")
    scale, cap = _after_the_head(lm, head.module, head.gave, ids, refused)
    norm = nn.Identity() if not path else path[0] if len(path) == 1 else nn.Sequential(*path)
    found = Readout(norm, head.module, run.stream.shape[-1], scale, cap)
    logits = run.logits.float()
    gap = float((found(run.stream).to(logits) - logits).abs().max())
    if not gap <= WITHIN * float(logits.abs().max()):
        raise GlassbookError(f"{refused}through them its last block gives other logits, by up to {gap:.2g}")
    return found


class _Call(NamedTuple):
    """What a module was given and gave, as far as it is a tensor."""

    module: nn.Module
    given: Tensor | None
    gave: Tensor | None


class _Run(NamedTuple):
    """The last block's output, the calls of modules after it in the order in which they end, and the logits."""

    stream: Tensor
    calls: list[_Call]
    logits: Tensor


def _run_to_the_end(model: nn.Module, last: str, ids: Tensor) -> _Run:
    calls: list[_Call] = []
    streams: list[Tensor] = []
    block = model.get_submodule(last)

    def after(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        given, gave = (None if (found := pick(x, None)) is None else found[1].clone() for x in ((args, kwargs), output))
        calls.append(_Call(module, given, gave))
        if module is block and gave is not None:
            streams.append(gave)
            calls.clear()

    handles = [module.register_forward_hook(after, with_kwargs=True) for module in model.modules()]
    try:
        logits = _logits(model, ids)
    finally:
        for handle in handles:
            handle.remove()
    return _Run(streams[-1], calls, logits)


def _logits(model: nn.Module, ids: Tensor) -> Tensor:
    """The first tensor of numbers that goes out."""
    found = pick(model(input_ids=ids), None)
    if found is None:
        raise GlassbookError(f"{type(model).__name__} gives no logits; open a language model")
    return found[1]


def _is_head(call: _Call, logits: Tensor) -> bool:
    weight = getattr(call.module, "weight", None)
    matrix = isinstance(weight, Tensor) and weight.dim() == 2 and len(weight) == logits.shape[-1]
    return matrix and call.gave is not None and call.gave.shape == logits.shape


def _path(calls: Sequence[_Call], x: Tensor, goal: Tensor) -> list[nn.Module] | None:
    """Modules that lead from x to the goal, each given what the one before gave, perhaps times a number; None if none.

    Steps without a factor come first: a norm may come near to one.
    """
    if _same(x, goal):
        return []
    for factor in (lambda a, b: 1.0 if _same(a, b) else None), _factor:
        for i, (module, given, gave) in enumerate(calls):
            k = None if given is None else factor(x, given)
            if k is None or given is None or gave is None or _same(given, gave):  # dropout leads nowhere
                continue
            rest = _path(calls[i + 1 :], gave, goal)
            if rest is not None:
                return [*([] if k == 1 else [Times(k)]), module, *rest]
        if (k := factor(x, goal)) is not None:
            return [Times(k)]
    return None


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether they are equal, once they have one type and place."""
    return a.is_floating_point() and a.shape == b.shape and torch.equal(a.to(b), b)


def _factor(a: Tensor, b: Tensor) -> float | None:
    """The number that b is a times, up to rounding; None if there is none."""
    if not a.is_floating_point() or a.shape != b.shape:
        return None
    eps = max(torch.finfo(x.dtype).eps if x.is_floating_point() else 1.0 for x in (a, b))
    a, b = a.to(b.device).double(), b.double()
    k = float((a * b).sum() / a.square().sum())
    return k if k > 0 and float((k * a - b).abs().max()) <= 4 * eps * float(b.abs().max()) else None


def _after_the_head(
    lm: LanguageModel, head: nn.Module, gave: Tensor, ids: Tensor, refused: str
) -> tuple[float, float | None]:
    """(scale, cap): what the model makes of its head's output, seen on values of all sizes put in its place."""
    sizes = torch.logspace(-2, torch.tensor(LARGEST).log10().item(), gave.numel(), dtype=torch.float64)
    sizes[::2] *= -1
    ramp = sizes.reshape(gave.shape).to(gave)
    handle = head.register_forward_hook(lambda module, args, output: ramp)
    try:
        logits = _logits(lm.model, ids)
    finally:
        handle.remove()
    if _same(ramp, logits):
        return 1.0, None
    eps = max(torch.finfo(x.dtype).eps for x in (ramp, logits))
    given, made = ramp.double().flatten().cpu(), logits.double().flatten().cpu()
    far = made[given.abs() > LARGEST / 2].abs()
    cap = float(far.max()) if float(far.max() - far.min()) <= 8 * eps * float(far.max()) else None
    below = torch.ones_like(made, dtype=torch.bool) if cap is None else made.abs() < cap / 2
    uncapped = made[below] if cap is None else cap * torch.atanh(made[below] / cap)
    ratios = uncapped / given[below]
    scale = float(ratios.median()) if len(ratios) else float("nan")
    scale = 1.0 if abs(scale - 1) <= 4 * eps else scale
    gap = (_scaled_and_capped(given, scale, cap) - made).abs()
    if not bool((gap <= 8 * eps * made.abs()).all()):
        raise GlassbookError(f"{refused}it changes the head's output in another way than by a scale or a soft cap")
    return scale, cap


def _scaled_and_capped(logits: Tensor, scale: float, cap: float | None) -> Tensor:
    if scale != 1:
        logits = logits * scale
    return logits if cap is None else cap * torch.tanh(logits / cap)


def frozen_norm(norm: nn.Module, x: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """(map, bias): the norm as the linear map that it is at the scale of x; map(x) + bias is norm(x).

    All is computed in float32 at least: in half precision the rounding of a sum would be as large as its parts.

    Args:
        norm: a layer norm or an RMS norm, perhaps with a linear map after it; or a linear map alone.
        x: [..., d].

    Returns:
        map: [..., d] or [n, ..., d] -> the same shape.
    """
    norm, x = in_float(norm), x.to(torch.promote_types(x.dtype, torch.float32))
    bias = norm(torch.zeros_like(x))
    plain, normed = without_scale(norm, x), norm(x) - bias
    scale = (plain * normed).sum(-1, keepdim=True) / plain.square().sum(-1, keepdim=True).clamp(min=1e-30)
    return (lambda w: without_scale(norm, w) * scale), bias


def in_float(norm: nn.Module) -> nn.Module:
    """The norm in float32: itself, or a copy of one in half precision."""
    half = any(p.dtype in (torch.float16, torch.bfloat16) for p in norm.parameters())
    return copy.deepcopy(norm).float() if half else norm


def without_scale(norm: nn.Module, w: Tensor) -> Tensor:
    """The norm's gain on w [..., d], centred if it is a layer norm; nothing is divided by, no bias added."""
    ones = torch.ones_like(w[..., :1, :]) if w.dim() > 1 else torch.ones_like(w)
    if torch.allclose(norm(ones), norm(-ones), atol=1e-4):  # what is the same everywhere is taken away
        w = w - w.mean(-1, keepdim=True)
    size = w.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-30)
    # What it makes of w and of -w differ by twice w's own part: the bias cancels. Beside 1e3 its epsilon is nothing.
    large = w / size * 1e3
    own, double = ((norm(x) - norm(-x)) / 2 for x in (large, 2 * large))
    # A model without a final norm has nothing that divides there: twice as much in gives twice as much out.
    return own * size if double.norm() < 1.5 * own.norm() else own * size / 1e3
