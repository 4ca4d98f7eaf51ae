# type: ignore  (the language of kernels is not that of the rest)
"""The sums of `features.bags` as Triton kernels; with TRITON_INTERPRET=1 they run, slowly, on a CPU."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _total(index, begin, weight, table, out, d, BLOCK: tl.constexpr):
    """One program for each bag and block of columns: rows are gathered one after the other and added up in place."""
    bag = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < d
    total = tl.zeros([BLOCK], dtype=tl.float32)
    for i in range(tl.load(begin + bag), tl.load(begin + bag + 1)):
        row = tl.load(index + i)
        total += tl.load(weight + i) * tl.load(table + row * d + column, mask=inside, other=0.0)
    tl.store(out + bag * d + column, total, mask=inside)


@triton.jit
def _dots(a, table, index, begin, out, d, BLOCK: tl.constexpr):
    """One program for each bag: its row of `a` stays at hand while the rows of the table pass by."""
    bag = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    for i in range(tl.load(begin + bag), tl.load(begin + bag + 1)):
        row = tl.load(index + i)
        total = tl.zeros([BLOCK], dtype=tl.float32)
        for start in range(0, d, BLOCK):
            inside = start + column < d
            x = tl.load(a + bag * d + start + column, mask=inside, other=0.0)
            total += x * tl.load(table + row * d + start + column, mask=inside, other=0.0)
        tl.store(out + i, tl.sum(total))


def total(index: Tensor, begin: Tensor, weight: Tensor, table: Tensor) -> Tensor:
    """See `bags.total`; all in float32 on one device."""
    d, block = table.shape[1], _block(table.shape[1])
    out = torch.empty(len(begin), d, device=table.device)
    if len(begin):
        grid = (len(begin), triton.cdiv(d, block))
        _total[grid](index, _ends(begin, index), weight.contiguous(), table.contiguous(), out, d, BLOCK=block)
    return out


def dots(a: Tensor, table: Tensor, index: Tensor, begin: Tensor) -> Tensor:
    """See `bags.dots`; all in float32 on one device."""
    out = torch.empty(len(index), device=table.device)
    if len(begin):
        d, grid = table.shape[1], (len(begin),)
        _dots[grid](a.contiguous(), table.contiguous(), index, _ends(begin, index), out, d, BLOCK=_block(d))
    return out


def _ends(begin: Tensor, index: Tensor) -> Tensor:
    return torch.cat([begin, begin.new_tensor([len(index)])])


def _block(d: int) -> int:
    return min(512, triton.next_power_of_2(d))
