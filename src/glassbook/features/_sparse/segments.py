"""Segment sums and sampled matrix products (SDDMM) over compressed sparse rows, on a CPU and on a GPU.

Every forward pass and every gradient of the sparse path is made of these two. A segment is a run of entries: those of
one sample, of one sample and group of latents, or of one latent. On a GPU with Triton they go through our kernels
(`_sparse.kernels`), elsewhere through torch's.
"""

from __future__ import annotations

import warnings
from functools import cache
from types import ModuleType

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag


def segment_sum(index: Tensor, offsets: Tensor, weight: Tensor, table: Tensor) -> Tensor:
    """Sum of weight[i] table[index[i]] over the entries i of each segment.

    Args:
        index: [n] rows of the table.
        offsets: [segments], where each segment's entries start.
        weight: [n].
        table: [rows, d].

    Returns:
        [segments, d].
    """
    kernels = _kernels(table)
    if kernels is not None:
        return kernels.segment_sum(index, offsets, weight, table)
    return embedding_bag(index, table, offsets, mode="sum", per_sample_weights=weight)


def sddmm(a: Tensor, table: Tensor, index: Tensor, offsets: Tensor, bias: Tensor | None = None) -> Tensor:
    """Sampled a @ table.T: for each entry, a[its segment] . table[its index] (+ bias).

    Args:
        a: [segments, d].
        table: [rows, d].
        index: [n] rows of the table.
        offsets: [segments], where each segment's entries start.
        bias: [n].

    Returns:
        [n].
    """
    kernels = _kernels(table)
    if kernels is not None:
        products = kernels.sddmm(a, table, index, offsets)
        return products if bias is None else products + bias
    ends = torch.cat([offsets, offsets.new_tensor([len(index)])])
    start = torch.zeros(len(index), dtype=a.dtype, device=a.device) if bias is None else bias
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        # Columns in a row are not sorted, which no kernel here needs; hence no check of invariants.
        pattern = torch.sparse_csr_tensor(ends, index, start, (len(a), len(table)), check_invariants=False)
        return torch.sparse.sampled_addmm(pattern, a, table.T, beta=0.0 if bias is None else 1.0).values()


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
