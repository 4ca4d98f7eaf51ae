"""Input conversion of the metrics: NumPy arrays, torch tensors on any device, nested lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def to_tensor(a: Any, dtype: torch.dtype = torch.float64) -> Tensor:
    """`a` as a detached tensor on the CPU; float64 by default, because sums over a data set need it."""
    if not isinstance(a, Tensor):
        a = torch.from_numpy(np.ascontiguousarray(np.asarray(a)))
    return a.detach().to("cpu", dtype)
