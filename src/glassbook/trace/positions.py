"""Token positions of one forward: counted without pads, which tokens are real, and whether it is prefill or decode."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from glassbook.errors import GlassbookError

Phase = Literal["prefill", "decode"]


class Forward:
    """One call of the traced model, read from the names that transformers' models and our LM share.

    Args:
        inputs: the call's arguments by name.
        before: the forward before this one in the same trace, if any.
    """

    def __init__(self, inputs: Mapping[str, Any], before: Forward | None = None) -> None:
        self.ids: Tensor | None = inputs.get("input_ids")
        tokens = self.ids if self.ids is not None else inputs.get("inputs_embeds")
        # An encoder-decoder has two sequences, and most sites do not tell which is theirs.
        self.sequence = False
        if not isinstance(tokens, Tensor) or tokens.dim() < 2 or inputs.get("decoder_input_ids") is not None:
            return
        self.sequence = True
        self.mask: Any  # 2-D, or as prepared by transformers
        self.batch, self.length, self.device = tokens.shape[0], tokens.shape[1], tokens.device
        self.mask, self.position_ids = inputs.get("attention_mask"), inputs.get("position_ids")
        self.cacheless = inputs.get("use_cache") is False
        self.past = self._past(inputs)  # now: the model is about to grow its cache
        self.phase: Phase = "decode" if self.past or self._rereads(before) else "prefill"
        self.start = self if self.phase == "prefill" else self._began(before)

    def _past(self, inputs: Mapping[str, Any]) -> int:
        """Tokens that the model remembers, pads included."""
        cache = inputs.get("past_key_values")
        if hasattr(cache, "get_seq_length"):
            return int(cache.get_seq_length())  # type: ignore[union-attr]
        if (where := inputs.get("cache_position")) is not None:
            return int(where[0])
        if (cache is not None or inputs.get("cache_params") is not None) and self._flat():
            return self.mask.shape[1] - self.length
        return 0

    def _flat(self) -> bool:
        return isinstance(self.mask, Tensor) and self.mask.dim() == 2

    def _rereads(self, before: Forward | None) -> bool:
        """Whether this is generation without a cache, which reads all rows again, each some tokens longer.

        Only where both calls say use_cache=False, as generate does: a user's own calls are prompts of their own.
        Beam search changes the order of rows.
        """
        if before is None or not before.sequence or not (self.cacheless and before.cacheless):
            return False
        if self.ids is None or before.ids is None or len(self.ids) != len(before.ids) or self.length <= before.length:
            return False
        head = self.ids[:, : before.length]
        return bool((head[:, None] == before.ids[None]).all(-1).any(1).all())

    def _began(self, before: Forward | None) -> Forward | None:
        """The forward that read the prompt of this decode call; None if that is unknown.

        It is unknown where the cache was filled before the trace, or grows by several tokens at once (prompts read in
        chunks, assisted generation), which may be prompt or answer.
        """
        if before is None or not before.sequence or before.batch != self.batch:
            return None
        if self.past and (self.length > 1 or self.past != before.past + before.length):
            return None
        return before.start

    @cached_property
    def real(self) -> Tensor:
        """[B, T] bool, False at pads."""
        if self.mask is None:
            return torch.ones(self.batch, self.length, dtype=torch.bool, device=self.device)
        here = slice(self.past, self.past + self.length)
        if self._flat() and self.mask.shape[1] >= here.stop:
            return self.mask[:, here].bool()
        if isinstance(self.mask, Tensor) and self.mask.dim() == 4 and self.mask.shape[3] >= here.stop:
            # A prepared mask [B, 1, T, keys], bool or added to scores: a real token may look at itself, a pad not.
            itself = self.mask[:, 0, :, here].diagonal(dim1=1, dim2=2)
            itself = itself if itself.dtype == torch.bool else itself == 0
            return itself.expand(self.batch, -1)
        raise GlassbookError(
            f"the attention mask does not cover the {self.past} tokens in the cache and the {self.length} new ones; "
            "pass a 2-D mask [batch, all tokens so far]"
        )

    @cached_property
    def pos(self) -> Tensor:
        """[B, T] positions counted without pads, -1 at pads."""
        given = self.position_ids
        if self._flat():
            real, stop = self.real, self.past + self.length
            count = self.mask[:, :stop].bool().cumsum(1)[:, self.past :] - 1
            return count.masked_fill(~real, -1)
        if given is not None and given.dim() <= 2:
            return given.expand(self.batch, -1).masked_fill(~self.real, -1)
        if self.mask is not None:
            raise GlassbookError("positions cannot be told from a 4-D attention mask; pass position_ids as well")
        return torch.arange(self.past, self.past + self.length, device=self.device).expand(self.batch, -1)

    @cached_property
    def tokens(self) -> Tensor:
        """[B] real tokens in this call."""
        return self.real.sum(1)
