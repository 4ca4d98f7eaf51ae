"""Decoding step of a transformer block: one new token for each row, without the cost of a dozen module calls.

A step on a few rows computes so little that calling modules takes as long as the products. What is computed here is
what `Block` computes, operation by operation and bit for bit; the products that read the same input are one.
A block that carries a hook anywhere is called as a module, so that tracing and steering see every step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassbook.nets.blocks import Attention, Block, LayerCache, Rotary, SwiGLU, apply_rotary

SMALL = 64 * 2**20
"""Bytes of matrices up to which a model's are joined: joined ones are copies, and larger products gain nothing."""
PROBES = 48
"""Random rows whose products must be the same: another order of summation changes the last bit of one in three."""
_SAME_BITS: dict[tuple[object, ...], bool] = {}
"""Kind of product -> whether it gives the same bits with joined matrices; found once."""


class DecodingBlock:
    """One block's step.

    Args:
        block: what it computes.
        rows: sequences in the batch.
        join: keep copies of the matrices that read the same input, side by side, where that changes no bit.
    """

    def __init__(self, block: Block, rows: int, join: bool) -> None:
        self.block = block
        self.fits = _is_known(block)
        self._hooks = [h for m in block.modules() for h in (m._forward_hooks, m._forward_pre_hooks)]
        if self.fits:
            attn, mlp = block.attn, cast(SwiGLU, block.mlp)
            self._heads, self._kv_heads, self._head_dim = attn.n_heads, attn.n_kv_heads, attn.head_dim
            self._qkv = _side_by_side((attn.q, attn.k, attn.v), rows, join)
            self._gate_up = _side_by_side((mlp.gate, mlp.up), rows, join)

    def __call__(self, x: Tensor, mask: Tensor | None, rope: Rotary, cache: LayerCache) -> Tensor:
        """[B, 1, d_model] -> [B, 1, d_model]; the arguments are those of `Block.forward`."""
        if not self.fits or any(self._hooks):
            return self.block(x, mask, rope, cache)
        attn, mlp = self.block.attn, cast(SwiGLU, self.block.mlp)
        qkv = _products(_norm(self.block.norm1, x), self._qkv).view(len(x), 1, -1, self._head_dim).transpose(1, 2)
        qk, v = qkv.split((self._heads + self._kv_heads, self._kv_heads), dim=1)
        q, k = apply_rotary(qk, *rope).split((self._heads, self._kv_heads), dim=1)
        k, v = cache.append(k, v)
        if self._kv_heads != self._heads:
            k = k.repeat_interleave(self._heads // self._kv_heads, dim=1)
            v = v.repeat_interleave(self._heads // self._kv_heads, dim=1)
        heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + F.linear(heads.transpose(1, 2).reshape(len(x), 1, -1), attn.o.weight)
        gate, up = _products(_norm(self.block.norm2, x), self._gate_up).chunk(2, dim=-1)
        # contiguous: of a part of a row some channels would be rounded otherwise
        return x + F.linear(F.silu(gate.contiguous()) * up, mlp.down.weight)


def decoding_blocks(blocks: Iterable[Block], rows: int) -> list[DecodingBlock]:
    """The steps of all blocks of a model for a batch; as long as they are used, its weights must not change."""
    blocks = list(blocks)
    join = sum(p.nbytes for block in blocks for p in block.parameters()) <= SMALL
    return [DecodingBlock(block, rows, join) for block in blocks]


def _is_known(block: Block) -> bool:
    """Whether the block is made of what `DecodingBlock` computes, and of nothing that was put in its place."""
    parts = {block: Block, block.norm1: nn.RMSNorm, block.attn: Attention, block.norm2: nn.RMSNorm, block.mlp: SwiGLU}
    if any(type(part) is not kind for part, kind in parts.items()):
        return False
    inner = [m for m in block.modules() if m not in parts and m is not block.attn.pattern]
    return all(type(m) is nn.Linear and m.bias is None for m in inner) and not any(
        "forward" in m.__dict__ for m in block.modules()
    )


def _side_by_side(layers: Iterable[nn.Module], rows: int, join: bool) -> list[Tensor]:
    """The layers' matrices, as one where it gives the same bits: how a product is rounded may depend on its width."""
    weights = [cast(nn.Linear, layer).weight.detach() for layer in layers]
    if not join:
        return weights
    # what a library chooses its way of computing by
    kind = (rows, torch.get_num_threads(), *((w.shape, w.dtype, w.device, w.data_ptr() % 64) for w in weights))
    joined = [torch.cat(weights)]
    if kind not in _SAME_BITS:
        repeats, d = -(-PROBES // rows), weights[0].shape[1]
        probes = torch.randn(repeats, rows, 1, d, generator=torch.Generator().manual_seed(0)).to(weights[0])
        _SAME_BITS[kind] = all(torch.equal(_products(x, joined), _products(x, weights)) for x in probes)
    return joined if _SAME_BITS[kind] else weights


def _products(x: Tensor, weights: list[Tensor]) -> Tensor:
    if len(weights) == 1:
        return F.linear(x, weights[0])
    return torch.cat([F.linear(x, w) for w in weights], dim=-1)


def _norm(norm: nn.Module, x: Tensor) -> Tensor:
    rms = cast(nn.RMSNorm, norm)
    return F.rms_norm(x, rms.normalized_shape, rms.weight, rms.eps)
