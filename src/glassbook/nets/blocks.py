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
        (cos, sin), each [1 or B, 1, T, head_dim] in float32, ready to multiply [B, heads, T, head_dim]; the sines of
        the first half are negative (see `apply_rotary`).

    Source: Su et al. 2021, arXiv:2104.09864.
    """
    channels = torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32)
    angles = positions.float()[..., None] * theta ** -(channels / head_dim)
    angles = angles.view(-1, 1, *angles.shape[-2:])
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)


def apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate queries or keys [B, heads, T, head_dim] by their positions' angles; same shape and dtype back."""
    # (a, b) -> (a cos - b sin, b cos + a sin): with the halves rolled it takes four operations
    return x * cos.to(x.dtype) + x.roll(x.shape[-1] // 2, dims=-1) * sin.to(x.dtype)


class LayerCache:
    """Keys and values of one attention layer, so that decoding does not compute the past again."""

    def __init__(self) -> None:
        self._keys = self._values = torch.empty(0, 0, 0, 0)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add [B, kv_heads, T, head_dim] keys (already rotated) and values; return all there are so far."""
        past, self._length = self._length, self._length + keys.shape[2]
        self._keys = _extended(self._keys, past, keys)
        self._values = _extended(self._values, past, values)
        return self._keys[:, :, : self._length], self._values[:, :, : self._length]


def _extended(kept: Tensor, past: int, new: Tensor) -> Tensor:
    """What begins with the first `past` positions of `kept` and then has the new ones; there may be room after them.

    The new ones are written into the room of `kept`, which is doubled when it is full, so that a step does not copy all
    that came before it. Where gradients are kept, or nothing may be written, all is copied.
    """
    if past == 0:
        return new
    frozen = kept.is_inference() and not torch.is_inference_mode_enabled()
    if frozen or kept.requires_grad or new.requires_grad:
        return torch.cat((kept[:, :, :past], new), dim=2)
    length = past + new.shape[2]
    if length > kept.shape[2]:
        batch, heads, _, channels = new.shape
        larger = new.new_empty(batch, heads, 2 * length, channels)
        larger[:, :, :past] = kept[:, :, :past]
        kept = larger
    kept[:, :, past:length] = new
    return kept


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
        # queries and keys as heads of one tensor: rotating them together takes half as many operations
        qk = torch.cat((self.q(x), self.k(x)), dim=-1).view(batch, length, -1, self.head_dim).transpose(1, 2)
        q, k = (qk if rope is None else apply_rotary(qk, *rope)).split((self.n_heads, self.n_kv_heads), dim=1)
        v = self.v(x).view(batch, length, self.n_kv_heads, self.head_dim).transpose(1, 2)
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
