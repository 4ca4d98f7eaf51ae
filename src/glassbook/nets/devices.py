"""Where a model's inputs belong."""

import torch
from torch import nn


def input_device(model: nn.Module) -> torch.device:
    """The device of a model's first parameters, or the one that accelerate brings them to for a call."""
    if hasattr(model, "_hf_hook"):
        for module in model.modules():
            hook = getattr(module, "_hf_hook", None)
            for one in getattr(hook, "hooks", [hook]):
                if (device := getattr(one, "execution_device", None)) is not None:
                    return torch.device(device)
    return next(model.parameters()).device
