# type: ignore  (the language of kernels is not that of the rest)
"""Triton kernels of `_sparse.segments`; with TRITON_INTERPRET=1 they run, slowly, on a CPU."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _segment_sum_kernel(index, offsets, weight, table, out, d, BLOCK: tl.constexpr):
    """One program for each segment and block of columns: rows are gathered one by one and added up in place."""
    segment = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < d
    total = tl.zeros([BLOCK], dtype=tl.float32)
    for i in range(tl.load(offsets + segment), tl.load(offsets + segment + 1)):
        row = tl.load(index + i)
        total += tl.load(weight + i) * tl.load(table + row * d + column, mask=inside, other=0.0)
    tl.store(out + segment * d + column, total, mask=inside)


@triton.jit
def _sddmm_kernel(a, table, index, offsets, out, d, BLOCK: tl.constexpr):
    """One program for each segment: its row of `a` stays at hand while the rows of the table pass by."""
    segment = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    for i in range(tl.load(offsets + segment), tl.load(offsets + segment + 1)):
        row = tl.load(index + i)
        total = tl.zeros([BLOCK], dtype=tl.float32)
        for start in range(0, d, BLOCK):
            inside = start + column < d
            x = tl.load(a + segment * d + start + column, mask=inside, other=0.0)
            total += x * tl.load(table + row * d + start + column, mask=inside, other=0.0)
        tl.store(out + i, tl.sum(total))


def segment_sum(index: Tensor, offsets: Tensor, weight: Tensor, table: Tensor) -> Tensor:
    """See `segments.segment_sum`; all in float32 on one device."""
    d, block = table.shape[1], _block(table.shape[1])
    out = torch.empty(len(offsets), d, device=table.device)
    if len(offsets):
        grid = (len(offsets), triton.cdiv(d, block))
        _segment_sum_kernel[grid](
            index, _ends(offsets, index), weight.contiguous(), table.contiguous(), out, d, BLOCK=block
        )
    return out


def sddmm(a: Tensor, table: Tensor, index: Tensor, offsets: Tensor) -> Tensor:
    """See `segments.sddmm`; all in float32 on one device."""
    out = torch.empty(len(index), device=table.device)
    if len(offsets):
        d, grid = table.shape[1], (len(offsets),)
        _sddmm_kernel[grid](a.contiguous(), table.contiguous(), index, _ends(offsets, index), out, d, BLOCK=_block(d))
    return out


def _ends(offsets: Tensor, index: Tensor) -> Tensor:
    return torch.cat([offsets, offsets.new_tensor([len(index)])])


def _block(d: int) -> int:
    return min(512, triton.next_power_of_2(d))
