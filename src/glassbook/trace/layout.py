"""Layout of activations: proof that the last axis holds the features, as in [B, T, d], not the width of a picture.

Convolutions, and what works on their results, keep the features in the second axis: [B, C, H, W] or [B, C, L]. If as
many columns as channels happen to be there, a vector could be added to either axis, so shapes alone prove nothing.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.trace.positions import Forward
from glassbook.trace.sites import Place

Layout = Literal["rows", "channels", "mixed", "unknown"]

_CHANNELS = (nn.GroupNorm, nn.Upsample, nn.PixelShuffle, nn.PixelUnshuffle)
_LAST = (nn.Linear, nn.Bilinear, nn.LayerNorm, nn.RMSNorm, nn.Embedding, nn.MultiheadAttention, nn.RNNBase)


def layout(model: nn.Module, place: Place) -> Layout:
    """What is known of a site's activations before its module runs.

    Returns:
        "rows": the last axis holds the features, by the module's kind or because nothing in it convolves.
        "channels": the second axis holds them, by the kind of all that has weights in it.
        "mixed": there are convolutions in the module.
        "unknown": the module could work on either axis, and stands beside convolutions.
    """
    module = place.module
    if _by_channels(module):
        return "channels"
    if isinstance(module, _LAST):
        return "rows"
    if any(True for _ in module.children()) and any(True for _ in module.parameters()):
        weighted = [m for m in module.modules() if m._parameters]
        if not _convolves(module):
            return "rows"
        if not any(map(_by_channels, module.modules())) and _acts_on_rows(module):  # experts, not convolutions
            return "rows"
        return "channels" if all(map(_by_channels, weighted)) else "mixed"
    if _acts_on_rows(module):
        return "rows"
    # A part that may work on either axis, such as an activation function: what stands beside it tells.
    path = place.name.partition("#")[0].split(".")[:-1]
    around = (model.get_submodule(".".join(path[:n])) for n in range(len(path) - 1, -1, -1))
    beside = next((m for m in around if any(True for _ in m.parameters())), model)
    return "unknown" if _convolves(beside) else "rows"


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
    if x.dim() <= 2 or known == "rows":
        return
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
