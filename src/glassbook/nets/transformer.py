"""A Llama-style language model: pre-norm, rotary positions, grouped key/value heads, SwiGLU, no biases.

The residual stream is the embedding plus the sum of the blocks' outputs and nothing else, so reading or
writing `blocks.{i}` reads or writes everything the later layers can know.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.blocks import Attention, Block, LayerCache, SwiGLU, rotary
from glassbook.nets.decode import DecodingBlock, decoding_blocks


@dataclass(frozen=True)
class LMConfig:
    """The shape of an `LM`; all sizes are counts.

    Args:
        vocab: tokens, specials included.
        d_model: width of the residual stream, a multiple of 2 * n_heads.
        n_layers: blocks.
        n_heads: query heads.
        n_kv_heads: key/value heads, a divisor of n_heads.
        d_hidden: hidden width of the MLP.
        context: longest sequence the model is trained for, in tokens.
        rope_theta: base of the rotary wavelengths.
        norm_eps: epsilon of the RMS norms.
        tied: the head shares the embedding's matrix.

    Raises:
        GlassbookError: the sizes do not fit each other.
    """

    vocab: int
    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_hidden: int
    context: int
    rope_theta: float = 1e4
    norm_eps: float = 1e-5
    tied: bool = True

    def __post_init__(self) -> None:
        for name in ("vocab", "d_model", "n_layers", "n_heads", "n_kv_heads", "d_hidden", "context"):
            if getattr(self, name) < 1:
                raise GlassbookError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.d_model % (2 * self.n_heads):
            raise GlassbookError(
                f"d_model {self.d_model} does not split into {self.n_heads} heads of even width; "
                f"choose a multiple of {2 * self.n_heads}"
            )
        if self.n_heads % self.n_kv_heads:
            raise GlassbookError(f"n_kv_heads {self.n_kv_heads} does not divide n_heads {self.n_heads}")

    @property
    def head_dim(self) -> int:
        """Channels of one attention head."""
        return self.d_model // self.n_heads


class KVCache:
    """Keys and values of all layers; each forward pass that takes it appends to it."""

    def __init__(self, n_layers: int) -> None:
        self.layers = [LayerCache() for _ in range(n_layers)]
        self._decoding: list[DecodingBlock] = []

    def get_seq_length(self) -> int:
        """Positions held, pads included (the name is that of transformers' caches)."""
        return len(self.layers[0])

    def decoding(self, blocks: Iterable[Block], rows: int) -> list[DecodingBlock]:
        """The blocks' steps for single tokens, made at the first of them: the cache belongs to one set of weights."""
        if not self._decoding:
            self._decoding = decoding_blocks(blocks, rows)
        return self._decoding


class LMOutput(NamedTuple):
    """Output of a forward pass: logits [B, T, vocab], and the cache (None without `use_cache`)."""

    logits: Tensor
    past_key_values: KVCache | None


class LM(nn.Module):
    """The language model. Modules: `embed`, `blocks.{i}` (norm1, attn, norm2, mlp), `norm`, `head`."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed = nn.Embedding(c.vocab, c.d_model)
        self.blocks = nn.ModuleList(
            Block(
                nn.RMSNorm(c.d_model, eps=c.norm_eps),
                Attention(c.d_model, c.n_heads, c.n_kv_heads, causal=True),
                nn.RMSNorm(c.d_model, eps=c.norm_eps),
                SwiGLU(c.d_model, c.d_hidden),
            )
            for _ in range(c.n_layers)
        )
        self.norm = nn.RMSNorm(c.d_model, eps=c.norm_eps)
        self.head = nn.Linear(c.d_model, c.vocab, bias=False)
        self._initialise()
        if c.tied:
            self.head.weight = self.embed.weight

    def _initialise(self) -> None:
        """Normal(0, 0.02); what writes to the stream is scaled so that its variance does not grow with depth."""
        for name, p in self.named_parameters():
            if p.dim() == 2:
                writes = name.endswith(("attn.o.weight", "mlp.down.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * self.config.n_layers) if writes else 0.02)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: KVCache | None = None,
        use_cache: bool = False,
    ) -> LMOutput:
        """Logits of the next token at every position.

        Args:
            input_ids: [B, T] token ids.
            attention_mask: [B, past + T], 1 for real tokens, 0 for pads; None if there are no pads.
            position_ids: [B, T] or [T]; None counts real tokens only, so pads on the left change nothing.
            past_key_values: the cache of the tokens before these; it is extended in place.
            use_cache: start a cache if none was given.

        Returns:
            LMOutput: logits [B, T, vocab] and the cache.
        """
        if past_key_values is None and use_cache:
            past_key_values = KVCache(self.config.n_layers)
        past = past_key_values.get_seq_length() if past_key_values is not None else 0
        if position_ids is None:
            position_ids = positions(input_ids.shape[1], past, attention_mask, input_ids.device)
        mask = None if attention_mask is None else padded_causal_mask(attention_mask, past)
        rope = rotary(position_ids, self.config.head_dim, self.config.rope_theta)
        x = self.embed(input_ids)
        blocks = cast(Iterable[Block], self.blocks)
        if past_key_values is None:
            for block in blocks:
                x = block(x, mask, rope)
        else:
            decodes = past > 0 and input_ids.shape[1] == 1 and not torch.is_grad_enabled()
            steps = past_key_values.decoding(blocks, len(x)) if decodes else blocks
            for step, cache in zip(steps, past_key_values.layers, strict=True):
                x = step(x, mask, rope, cache)
        return LMOutput(self.head(self.norm(x)), past_key_values)

    @torch.no_grad()
    def generate(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        max_new_tokens: int = 40,
        temperature: float = 0.0,
        top_p: float = 1.0,
        eos_token_id: int | Sequence[int] | None = None,
        use_cache: bool = True,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Continue each row.

        Args:
            input_ids: [B, T] prompts, padded on the left.
            attention_mask: [B, T], 0 at pads; None if there are none.
            max_new_tokens: at most this many; fewer if every row has ended.
            temperature: 0 takes the likeliest token; otherwise logits are divided by it and sampled.
            top_p: sample only from the likeliest tokens that together hold this probability (Holtzman et al. 2020).
            eos_token_id: one id or several; a row ends after any of them, and is filled up with the first.
            use_cache: keep keys and values of the past (the same tokens either way, only faster).
            generator: the source of randomness.

        Returns:
            [B, T + n] prompts and their continuations.

        Raises:
            GlassbookError: prompt and continuation do not fit the context.
        """
        if input_ids.shape[1] + max_new_tokens > self.config.context:
            raise GlassbookError(
                f"{input_ids.shape[1]} prompt tokens and {max_new_tokens} new ones do not fit the context "
                f"of {self.config.context}; shorten the prompt or ask for fewer tokens"
            )
        ends = [eos_token_id] if isinstance(eos_token_id, int) else list(eos_token_id or ())
        end = torch.tensor(ends, dtype=torch.long, device=input_ids.device)
        if attention_mask is not None and bool(attention_mask.all()):
            attention_mask = None
        ids, step, cache = input_ids, input_ids, None
        ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
        for _ in range(max_new_tokens):
            out = self(input_ids=step, attention_mask=attention_mask, past_key_values=cache, use_cache=use_cache)
            token = sample(out.logits[:, -1], temperature, top_p, generator)
            if ends:
                token = token.masked_fill(ended, ends[0])
                ended |= torch.isin(token, end)
            ids = torch.cat((ids, token[:, None]), dim=1)
            if attention_mask is not None:
                attention_mask = torch.cat((attention_mask, attention_mask.new_ones(len(ids), 1)), dim=1)
            cache = out.past_key_values
            step = token[:, None] if use_cache else ids
            if ends and bool(ended.all()):
                break
        return ids


def positions(length: int, past: int, attention_mask: Tensor | None, device: torch.device) -> Tensor:
    """Pad-free positions of the last `length` tokens: [T] without a mask, [B, T] with one (pads get 0)."""
    if attention_mask is None:
        return torch.arange(past, past + length, device=device)
    return (attention_mask.long().cumsum(-1) - 1).clamp_min(0)[:, past:]


def padded_causal_mask(attention_mask: Tensor, past: int) -> Tensor:
    """Who may look at whom, [B, 1, T, past + T] bool: real tokens up to oneself.

    A pad looks at itself: with nothing to look at its softmax would be 0/0, and the NaN would spread.
    """
    total = attention_mask.shape[1]
    causal = torch.ones(total - past, total, dtype=torch.bool, device=attention_mask.device).tril(past)
    itself = torch.eye(total, dtype=torch.bool, device=attention_mask.device)[past:]
    return ((causal & attention_mask.bool()[:, None]) | itself)[:, None]


def sample(
    logits: Tensor, temperature: float = 0.0, top_p: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Pick one token for each row of logits [B, V] -> [B]; see `LM.generate` for the arguments."""
    if temperature == 0:
        return logits.argmax(-1)
    probabilities = (logits.float() / temperature).softmax(-1)
    if top_p < 1:
        ordered, index = probabilities.sort(dim=-1, descending=True)
        # the token that crosses top_p stays: what counts is the mass before it
        ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= top_p, 0.0)
        probabilities = torch.zeros_like(probabilities).scatter(-1, index, ordered)
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0]
