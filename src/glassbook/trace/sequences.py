"""Sequences of one call: parts of a model that read a sequence of their own, such as encoder, decoder, image tower."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn

Part = Literal["encoder", "decoder", "media"]
MEDIA = ("pixel_values", "pixel_values_videos", "input_features", "input_values")
"""Arguments that are pictures or sound."""


def sequence_parts(model: nn.Module) -> dict[nn.Module, Part]:
    """The modules whose calls say which tokens (or which other rows) there are inside them.

    Those are the encoder and the decoder of transformers' encoder-decoders, and in models that read text beside
    pictures or sound the parts that read those. In other models the call of the model says it for all of its modules.
    """
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False) and hasattr(model, "get_encoder"):
        halves: Any = {"encoder": model.get_encoder(), "decoder": model.get_decoder()}  # type: ignore[operator]
        return {half: name for name, half in halves.items() if isinstance(half, nn.Module) and half is not model}
    if "input_ids" not in arguments(type(model)) or not set(MEDIA) & set(arguments(type(model))):
        return {}
    found: dict[nn.Module, Part] = {}
    inside: set[nn.Module] = set()
    for module in model.modules():
        names = set(arguments(type(module)))
        if module not in inside and "input_ids" not in names and names & set(MEDIA):
            found[module] = "media"
            inside.update(module.modules())
    return found


@cache
def arguments(kind: type[nn.Module]) -> tuple[str, ...]:
    """Names of the arguments of a module's forward."""
    return tuple(inspect.signature(kind.forward).parameters)[1:]


def decoded_labels(inputs: dict[str, Any]) -> Tensor | None:
    """[B, T] bool: which tokens of the decoder are real where it reads the labels, moved by one; None elsewhere.

    A label of -100 is padding, which the loss leaves out.
    """
    labels = inputs.get("labels")
    given = any(inputs.get(name) is not None for name in ("decoder_input_ids", "decoder_inputs_embeds"))
    if given or not isinstance(labels, Tensor) or labels.dim() != 2:
        return None
    real = labels != -100
    return torch.cat([torch.ones_like(real[:, :1]), real[:, :-1]], 1)
