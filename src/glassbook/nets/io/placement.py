"""Precision and device that a model is opened with, by the names that people write."""

from __future__ import annotations

import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets.tokenizer import one_line

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def read_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """A precision that models are opened in; GlassbookError if it is none of `DTYPES`."""
    found = DTYPES.get(str(dtype).removeprefix("torch."))
    if found is None:
        raise GlassbookError(f"there is no precision {str(dtype)!r} to open a model in; use {', '.join(DTYPES)}")
    return found


def read_device(device: str | torch.device) -> torch.device:
    """A device of this machine; GlassbookError if it has no such one."""
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise GlassbookError(
            f"this machine has no device {str(device)!r} ({one_line(error)}); use cpu, or cuda, cuda:1, mps where it is"
        ) from error
    if found.type == "meta":
        raise GlassbookError("on the device 'meta' nothing is computed; use cpu, or cuda, cuda:1, mps where it is")
    return found


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on a device; GlassbookError if it does not fit."""
    try:
        return model.to(device)
    except (RuntimeError, NotImplementedError) as error:  # out of memory is one
        raise GlassbookError(f"the model cannot be put on {device} ({one_line(error)}); use another device") from error
