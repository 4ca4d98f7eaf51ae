"""Layout of activations: proof that the last axis holds the features, as in [B, T, d], not the width of a picture.

Convolutions, and what works on their results, keep the features in the second axis: [B, C, H, W] or [B, C, L]. If as
many columns as channels happen to be there, a vector could be added to either axis, so shapes alone prove nothing.
"""

from __future__ import annotations

import re
from typing import Literal

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
        "channels": the second axis holds them.
        "mixed": there are convolutions in the module.
        "unknown": the module has no parameters, or is of a kind that is not known, beside convolutions.
    """
    module = place.module
    if _by_channels(module):
        return "channels"
    if isinstance(module, _LAST):
        return "rows"
    if any(True for _ in module.parameters()) and any(True for _ in module.children()):
        return "mixed" if _convolves(module) else "rows"
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
    """By kind: Conv2d, BatchNorm1d, MaxPool2d, ... end in it, and so do those of other programs (LayerNorm2d)."""
    named = any(re.search(r"[123]d$", kind.__name__) for kind in type(module).__mro__)
    return named or isinstance(module, _CHANNELS) or getattr(module, "data_format", "") == "channels_first"


def _convolves(module: nn.Module) -> bool:
    return any(_by_channels(part) for part in module.modules())
