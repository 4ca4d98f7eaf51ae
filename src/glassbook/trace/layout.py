"""Layout of activations: what is a row of features, proved: a token of [B, T, d], or a pixel of [B, C, H, W].

Convolutions, and what works on their results, keep the features in the second axis: [B, C, H, W] or [B, C, L]. If as
many columns as channels happen to be there, a vector could be added to either axis, so shapes alone prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.trace.positions import Forward
from glassbook.trace.sites import Place

Layout = Literal["rows", "tokens", "channels", "mixed", "unknown"]

_CHANNELS = (nn.GroupNorm, nn.Upsample, nn.PixelShuffle, nn.PixelUnshuffle)
_ELEMENTWISE = (
    nn.Identity, nn.Dropout, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish,
    nn.Hardtanh, nn.Tanh, nn.Sigmoid, nn.Softplus,
)  # fmt: skip
"""What comes out of these has the axes of what goes in."""
_LAST = (nn.Linear, nn.Bilinear, nn.LayerNorm, nn.RMSNorm, nn.Embedding, nn.MultiheadAttention, nn.RNNBase)


def layout(model: nn.Module, place: Place) -> Layout:
    """What is known of a site's activations before its module runs.

    Returns:
        "rows": the last axis holds the features, by the module's kind.
        "tokens": so it does in [B, d] and [B, T, d], because nothing in it convolves; it may also give attention
        patterns and heads, [B, heads, T, ...], in which no axis does.
        "channels": the second axis holds them, by the kind of all that has weights in it or beside it.
        "mixed": there are convolutions in the module.
        "unknown": the module could work on either axis, and stands beside convolutions.
    """
    module = place.module
    if known := _by_kind(module):
        return known
    if type(module).forward is nn.Sequential.forward and module._modules:  # its first part is given what it is given
        end = list(module._modules)[0 if place.side == "in" else -1]
        part = Place(".".join([*_path(place), end, place.side]), module.get_submodule(end), place.side, place.leaf)
        if (known := layout(model, part)) in ("rows", "channels"):
            return known
    if any(True for _ in module.children()) and any(True for _ in module.parameters()):
        if not _convolves(module):
            return "tokens"
        if not any(map(_by_channels, module.modules())) and _acts_on_rows(module):  # experts, not convolutions
            return "rows"
        return "mixed"
    if _acts_on_rows(module):
        return "rows"
    if known := _by_neighbours(model, place):
        return known
    # A part that may work on either axis, such as an activation function: what stands beside it tells.
    path = _path(place)[:-1]
    around = (model.get_submodule(".".join(path[:n])) for n in range(len(path), -1, -1))
    beside = next((m for m in around if any(True for _ in m.parameters())), model)
    if not _convolves(beside):
        return "tokens"
    return "channels" if isinstance(module, _ELEMENTWISE) and _all_by_channels(beside) else "unknown"


def rows_of(site: str, x: Tensor, known: Layout, forward: Forward | None) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """An activation with the features in its last axis, and what puts a changed one back into its own axes.

    A feature map [B, C, H, W] of a model that reads no tokens is [B, H, W, C]: its rows are pixels.

    Args:
        site: its name.
        x: the activation.
        known: from `layout`.
        forward: the call, if the site is of a model that reads tokens.

    Raises:
        GlassbookError: which axis holds the features cannot be proved, or none does.
    """
    if known == "channels" and x.dim() == 4 and not (forward is not None and forward.sequence):
        return x.movedim(1, -1), lambda y: y.movedim(-1, 1)
    check_rows(site, x, known, forward)
    return x, lambda y: y


def check_rows(site: str, x: Tensor, known: Layout, forward: Forward | None) -> None:
    """Refuse an activation whose last axis is not proved to hold the features.

    Args:
        site: its name.
        x: the activation.
        known: from `layout`.
        forward: the call, if the site is of a model that reads tokens. That x is [batch, tokens, ...] of it is proof
            where the module itself tells nothing.

    Raises:
        GlassbookError: it is not.
    """
    if x.dim() <= 2 or known == "rows" or (known == "tokens" and x.dim() == 3):
        return
    if known == "tokens":
        what = "attention patterns [batch, heads, tokens, tokens]" if x.shape[-1] == x.shape[-2] else "values of heads"
        raise GlassbookError(
            f"{site} has shape {tuple(x.shape)}, such as {what} have, and no axis of it holds features; choose a site "
            "of [batch, tokens, d] or [batch, d]"
        )
    tokens = (
        forward is not None and forward.sequence and x.dim() == 3 and x.shape[:2] == (forward.batch, forward.length)
    )
    if tokens and (known == "mixed" or (known == "unknown" and x.shape[1] != x.shape[2])):
        return
    raise GlassbookError(
        f"{site} has shape {tuple(x.shape)}, and that its last axis holds the features cannot be proved: there are "
        "convolutions, which keep them in the second; choose a site of [batch, tokens, d] or [batch, d]"
    )


def check_tokens(site: str, x: Tensor, forward: Forward) -> None:
    """Refuse an activation that is not [B, T, d] of a call that reads tokens [B, T].

    Raises:
        GlassbookError: it has other axes.
    """
    if x.dim() != 3 or x.shape[:2] != (forward.batch, forward.length):
        raise GlassbookError(
            f"{site} has shape {tuple(x.shape)}, which is not [batch, tokens, d] of {forward.batch} rows of "
            f"{forward.length} tokens; choose another site"
        )


def _path(place: Place) -> list[str]:
    """The names on the way to a site's module."""
    return place.name.partition("#")[0].split(".")[:-1]


def _by_kind(module: nn.Module) -> Layout | None:
    """What the kind of a module, or of all that has weights in it, says of its axes; None if nothing."""
    if _by_channels(module):
        return "channels"
    if isinstance(module, _LAST):
        return "rows"
    return "channels" if any(True for _ in module.children()) and _all_by_channels(module) else None


def _by_neighbours(model: nn.Module, place: Place) -> Layout | None:
    """What the next part behind or before a part of a Sequential says of its axes, past activation functions."""
    *path, name = _path(place) or [""]
    parent = model.get_submodule(".".join(path)) if name else None
    if parent is None or type(parent).forward is not nn.Sequential.forward:
        return None
    at = list(parent._modules).index(name) + (place.side == "out")
    parts = list(parent._modules.values())
    for way in (parts[at:], reversed(parts[:at])):
        part = next((part for part in way if not isinstance(part, _ELEMENTWISE)), None)
        if part is not None and (known := _by_kind(part)):
            return known
    return None


def _all_by_channels(module: nn.Module) -> bool:
    """Whether there are weights in a module, all of them of parts that keep features in the second axis."""
    weighted = [m for m in module.modules() if m._parameters]
    return bool(weighted) and all(map(_by_channels, weighted))


def _by_channels(module: nn.Module) -> bool:
    return _kind_by_channels(type(module)) or getattr(module, "data_format", "") == "channels_first"


@cache
def _kind_by_channels(kind: type[nn.Module]) -> bool:
    """Conv2d, BatchNorm1d, MaxPool2d, ... and kinds made of them; other programs' names end like that (LayerNorm2d)."""
    return issubclass(kind, _CHANNELS) or any(re.search(r"[123]d$", base.__name__) for base in kind.__mro__)


def _convolves(module: nn.Module) -> bool:
    return any(_by_channels(part) or _has_kernel(part) for part in module.modules())


def _has_kernel(module: nn.Module) -> bool:
    """Whether a module has weights of its own that may be a convolution's kernel, whatever its kind is called.

    So may be the weights of all experts in one tensor; that their results are of [batch, tokens, d] is then checked.
    """
    own = (p for p in module._parameters.values() if p is not None)
    return not isinstance(module, _LAST) and any(p.dim() >= 3 and p.shape[0] > 1 for p in own)


@torch.no_grad()
def _acts_on_rows(module: nn.Module) -> bool:
    """Whether a part of a kind that is not known, such as a norm, takes rows as wide as its weights; it is tried.

    It is given [2, length, width], of which a convolution would take the second axis for its channels.
    """
    weights = list(module.parameters())
    if not weights:
        return False
    width = weights[0].shape[-1] if weights[0].dim() else 1
    length = width + 1 if width < 64 else 3  # another number than the width, so that no other axis fits
    x = torch.linspace(-1, 1, 2 * length * width, dtype=weights[0].dtype, device=weights[0].device)
    x = x.reshape(2, length, width)
    try:
        y = type(module).forward(module, x)  # past the hooks
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError):
        return False
    return isinstance(y, Tensor) and y.shape == x.shape
