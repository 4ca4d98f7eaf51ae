"""The two sums over ragged codes that every pass and every gradient is made of, on a CPU and on a GPU.

A bag is a run of entries: those of one sample, of one sample and group of latents, or of one latent. On a GPU with
Triton they go through our kernels (`features.kernels`), elsewhere through torch's.
"""

from __future__ import annotations

import warnings
from functools import cache
from types import ModuleType

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag


def total(index: Tensor, begin: Tensor, weight: Tensor, table: Tensor) -> Tensor:
    """sum over the entries i of a bag of weight[i] table[index[i]].

    Args:
        index: [n] rows of the table.
        begin: [bags], where each bag's entries begin.
        weight: [n].
        table: [rows, d].

    Returns:
        [bags, d].
    """
    kernels = _kernels(table)
    if kernels is not None:
        return kernels.total(index, begin, weight, table)
    return embedding_bag(index, table, begin, mode="sum", per_sample_weights=weight)


def dots(a: Tensor, table: Tensor, index: Tensor, begin: Tensor, plus: Tensor | None = None) -> Tensor:
    """For each entry, a[its bag] . table[its index] (+ plus): the few products of a @ table.T that count.

    Args:
        a: [bags, d].
        table: [rows, d].
        index: [n] rows of the table.
        begin: [bags], where each bag's entries begin.
        plus: [n].

    Returns:
        [n].
    """
    kernels = _kernels(table)
    if kernels is not None:
        found = kernels.dots(a, table, index, begin)
        return found if plus is None else found + plus
    ends = torch.cat([begin, begin.new_tensor([len(index)])])
    start = torch.zeros(len(index), dtype=a.dtype, device=a.device) if plus is None else plus
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        # Columns in a row are not sorted, which no kernel here needs; hence no check of invariants.
        pattern = torch.sparse_csr_tensor(ends, index, start, (len(a), len(table)), check_invariants=False)
        return torch.sparse.sampled_addmm(pattern, a, table.T, beta=0.0 if plus is None else 1.0).values()


def _kernels(table: Tensor) -> ModuleType | None:
    return _triton() if table.is_cuda and table.dtype == torch.float32 else None


@cache
def _triton() -> ModuleType | None:
    """Our kernels, where Triton is installed (torch for CUDA brings it along)."""
    try:
        from glassbook.features._sparse import kernels
    except ImportError:
        return None
    return kernels
