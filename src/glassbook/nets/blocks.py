"""Transformer building blocks: rotary embeddings, attention with a key-value cache, two MLPs, the residual block.

Norms are torch's own (`nn.RMSNorm`, `nn.LayerNorm`). Nothing here hides a matrix: q, k, v and o are plain
submodules, so a hook on `attn.o` sees the heads' outputs side by side before they are mixed.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Rotary = tuple[Tensor, Tensor]


def rotary(positions: Tensor, head_dim: int, theta: float = 1e4) -> Rotary:
    """Cosines and sines of the rotary position embedding.

    Channel i of the first half of a head rotates together with channel i of the second half (the layout of
    transformers; llama2.c pairs neighbours instead, and is permuted when it is read).

    Args:
        positions: [T] or [B, T] integer positions.
        head_dim: channels of one head, even.
        theta: base of the geometric series of wavelengths.

    Returns:
        (cos, sin), each [1 or B, 1, T, head_dim / 2] in float32, ready to multiply [B, heads, T, head_dim / 2].

    Source: Su et al. 2021, arXiv:2104.09864.
    """
    channels = torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32)
    angles = positions.float()[..., None] * theta ** -(channels / head_dim)
    angles = angles.view(-1, 1, *angles.shape[-2:])
    return angles.cos(), angles.sin()


def apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate queries or keys [B, heads, T, head_dim] by their positions' angles; same shape and dtype back."""
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class LayerCache:
    """Keys and values of one attention layer, so that decoding does not compute the past again."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def __len__(self) -> int:
        return 0 if self.keys is None else self.keys.shape[2]

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add [B, kv_heads, T, head_dim] keys (already rotated) and values; return all there are so far."""
        if self.keys is not None and self.values is not None:
            keys = torch.cat((self.keys, keys), dim=2)
            values = torch.cat((self.values, values), dim=2)
        self.keys, self.values = keys, values
        return keys, values


class Attention(nn.Module):
    """Multi-head attention, optionally causal, with grouped key/value heads.

    Args:
        d_model: width of the residual stream.
        n_heads: query heads; each has d_model / n_heads channels.
        n_kv_heads: key/value heads, a divisor of n_heads (None: as many as query heads). Ainslie et al. 2023.
        causal: a position sees itself and earlier ones only.
        bias: whether the four projections have biases.
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        n_kv_heads: int | None = None,
        *,
        causal: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.n_heads, self.n_kv_heads, self.causal = n_heads, n_kv_heads or n_heads, causal
        self.head_dim = d_model // n_heads
        self.q = nn.Linear(d_model, n_heads * self.head_dim, bias=bias)
        self.k = nn.Linear(d_model, self.n_kv_heads * self.head_dim, bias=bias)
        self.v = nn.Linear(d_model, self.n_kv_heads * self.head_dim, bias=bias)
        self.o = nn.Linear(n_heads * self.head_dim, d_model, bias=bias)
        self.pattern = nn.Identity()
        """Attention probabilities [B, heads, T, past + T] pass through here, but only while it carries a hook."""

    def forward(
        self, x: Tensor, mask: Tensor | None = None, rope: Rotary | None = None, cache: LayerCache | None = None
    ) -> Tensor:
        """Attend.

        Args:
            x: [B, T, d_model].
            mask: bool, broadcastable to [B, heads, T, past + T], True where a query may look. It must already
                be causal if it should be: when it is given, `causal` is not applied again.
            rope: `rotary` of these T positions; None for learned positions or none.
            cache: keys and values of the past; this call appends to it.

        Returns:
            [B, T, d_model], to be added to the residual stream.
        """
        batch, length, _ = x.shape
        q = self.q(x).view(batch, length, self.n_heads, self.head_dim).transpose(1, 2)
        k = self.k(x).view(batch, length, self.n_kv_heads, self.head_dim).transpose(1, 2)
        v = self.v(x).view(batch, length, self.n_kv_heads, self.head_dim).transpose(1, 2)
        if rope is not None:
            q, k = apply_rotary(q, *rope), apply_rotary(k, *rope)
        if cache is not None:
            k, v = cache.append(k, v)
        past = k.shape[2] - length
        if mask is None and self.causal and past and length > 1:
            # SDPA's own causal flag aligns the first query with the first key, which is wrong after a past
            mask = torch.ones(length, past + length, dtype=torch.bool, device=x.device).tril(past)
        if self.n_kv_heads != self.n_heads:
            # repeated by hand: the fast CPU kernel does not take grouped heads
            k = k.repeat_interleave(self.n_heads // self.n_kv_heads, dim=1)
            v = v.repeat_interleave(self.n_heads // self.n_kv_heads, dim=1)
        causal = self.causal and mask is None and length > 1
        heads = None
        if self.pattern._forward_hooks or self.pattern._forward_pre_hooks:
            heads = self._explicit(q, k, v, _causal(q) if causal else mask)
        if heads is None:
            heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.o(heads.transpose(1, 2).reshape(batch, length, -1))

    def _explicit(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor | None:
        """What the fast kernel computes, with the probabilities for all to see.

        None if they were only looked at: then the kernel computes it, so that looking changes no bit.
        """
        scores = q @ k.transpose(-1, -2) / self.head_dim**0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        pattern = scores.softmax(-1)
        seen = self.pattern(pattern)
        return seen @ v if seen.requires_grad or not torch.equal(seen, pattern) else None


def _causal(q: Tensor) -> Tensor:
    return torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=q.device).tril()


class SwiGLU(nn.Module):
    """Gated MLP down(silu(gate(x)) * up(x)), no biases. Source: Shazeer 2020, arXiv:2002.05202."""

    def __init__(self, d_model: int, d_hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(d_model, d_hidden, bias=False)
        self.up = nn.Linear(d_model, d_hidden, bias=False)
        self.down = nn.Linear(d_hidden, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[..., d_model] -> [..., d_model]; the input of `down` is the hidden activation."""
        return self.down(F.silu(self.gate(x)) * self.up(x))


class GELU(nn.Module):
    """The MLP of GPT-2 and ViT: down(gelu(up(x))), with biases."""

    def __init__(self, d_model: int, d_hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """[..., d_model] -> [..., d_model]; the input of `down` is the hidden activation."""
        return self.down(F.gelu(self.up(x)))


class Block(nn.Module):
    """One pre-norm residual block: output = input + attn(norm1(input)) + mlp(norm2(input + attn)).

    Nothing else is added to the stream, so the stream is the embedding plus the sum of all blocks' outputs.
    """

    def __init__(self, norm1: nn.Module, attn: Attention, norm2: nn.Module, mlp: nn.Module) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2, self.mlp = norm1, attn, norm2, mlp

    def forward(
        self, x: Tensor, mask: Tensor | None = None, rope: Rotary | None = None, cache: LayerCache | None = None
    ) -> Tensor:
        """[B, T, d_model] -> [B, T, d_model]; the other arguments are those of `Attention.forward`."""
        x = x + self.attn(self.norm1(x), mask, rope, cache)
        return x + cast(Tensor, self.mlp(self.norm2(x)))
