"""Token positions of one forward: counted without pads, which tokens are real, and whether it is prefill or decode."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.trace.tree import leaves

Phase = Literal["prefill", "decode"]

STATES = ("past_key_values", "cache_params", "state", "mems", "past_buckets_states")
"""Arguments that hand on what a model remembers: KV caches, states of state-space models and RNNs."""
_NO_STATE = {
    *("input_ids", "inputs_embeds", "attention_mask", "position_ids", "cache_position", "token_type_ids", "labels"),
    *("encoder_outputs", "encoder_hidden_states", "encoder_attention_mask"),
}


class Forward:
    """One call of the traced model, read from the names that transformers' models and our LM share.

    Args:
        inputs: the call's arguments by name.
        before: the forward before this one in the same trace, if any.
        first: what the model's `position_ids` call a text's first token (see `nets.positions`).

    Attributes:
        sequence: whether it reads tokens; if not, only `ids` and `mask` are set besides.
        ids: [B, T] token ids, None where embeddings are given instead.
        mask: the attention mask: 2-D [B, all tokens so far], or as prepared by transformers.
        batch, length: B and T.
        past: tokens that the model remembers from earlier calls, pads included; None if that is unknown.
        phase: see `At.phase`.
        start: the forward that read the prompt; None if that is unknown.
    """

    def __init__(self, inputs: Mapping[str, Any], before: Forward | None = None, first: int = 0) -> None:
        self.ids: Tensor | None = inputs.get("input_ids")
        self.mask: Any = _one_mask(inputs.get("attention_mask"))
        tokens = self.ids if self.ids is not None else inputs.get("inputs_embeds")
        # An encoder-decoder has two sequences; each of its halves has a forward of its own (see `sequences`).
        self.sequence = False
        if not isinstance(tokens, Tensor) or tokens.dim() < 2 or inputs.get("decoder_input_ids") is not None:
            return
        self.sequence = True
        before = before if before is not None and before.sequence else None
        self.batch, self.length, self.device = tokens.shape[0], tokens.shape[1], tokens.device
        self.position_ids, self._first = inputs.get("position_ids"), first
        self.cacheless = inputs.get("use_cache") is False
        states = [inputs[name] for name in STATES if inputs.get(name) is not None]
        others = [x for name, x in inputs.items() if name not in _NO_STATE and name not in STATES]
        goes_on = before is not None and before._handed_on([*states, *others])
        self._kept = list(_references(states))
        # now: the model is about to change its state
        self.past = self._past(inputs, states, before if goes_on else None, before is not None and before._gave(others))
        decodes = self.past != 0 or self._rereads(before)
        self.phase: Phase = "decode" if decodes else "prefill"
        self.start = self._began(before) if decodes else self
        # Real tokens before this call, of every row or [B]: what positions start at where nothing else tells them.
        self._offset = before._read if before is not None and goes_on and self.past else self.past

    def gave(self, output: Any) -> None:
        """Told what the call returned: a later call that is given part of it goes on from here."""
        self._returned = list(_references([output]))

    _returned: list[weakref.ref[Any]] = []  # noqa: RUF012 (replaced, never changed)

    def _gave(self, values: Iterable[Any]) -> bool:
        """Whether some of these values are part of what this call returned."""
        return _shared(self._returned, values)

    def _handed_on(self, values: Iterable[Any]) -> bool:
        """Whether some of these values are a state that this call was given, or part of what it returned."""
        return _shared([*self._kept, *self._returned], values)

    def _past(self, inputs: Mapping[str, Any], states: list[Any], before: Forward | None, fed_back: bool) -> int | None:
        """Tokens that the model remembers, pads included; None if there are some, and how many is unknown.

        Args:
            inputs: of this call.
            states: those of them that are a state.
            before: the forward that this one goes on from.
            fed_back: whether another input is what that forward returned.
        """
        if length := max((_length(state) for state in states), default=0):
            return length
        if (where := inputs.get("cache_position")) is not None:
            return int(where[0])
        if not (fed_back or any(_filled(state) for state in states)):
            return 0
        if before is not None:
            return None if before.past is None else before.past + before.length
        return self.mask.shape[1] - self.length if self._flat() and self.mask.shape[1] > self.length else None

    def _flat(self) -> bool:
        return isinstance(self.mask, Tensor) and self.mask.dim() == 2

    def _rereads(self, before: Forward | None) -> bool:
        """Whether this is generation without a cache, which reads all rows again, each some tokens longer.

        Only where both calls say use_cache=False, as generate does: a user's own calls are prompts of their own.
        Beam search changes the order of rows.
        """
        if before is None or not (self.cacheless and before.cacheless):
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
        if before is None or before.batch != self.batch:
            return None
        if self.past == 0:  # the texts are read again from their start
            return before.start
        if self.length > 1 or before.past is None or self.past != before.past + before.length:
            return None
        return before.start

    @cached_property
    def real(self) -> Tensor:
        """[B, T] bool, False at pads."""
        if self.mask is None:
            return torch.ones(self.batch, self.length, dtype=torch.bool, device=self.device)
        if self.past is not None:
            here = slice(self.past, self.past + self.length)
            if self._flat() and self.mask.shape[1] >= here.stop:
                return self.mask[:, here].bool()
            if isinstance(self.mask, Tensor) and self.mask.dim() == 4 and self.mask.shape[3] >= here.stop:
                # A prepared mask [B, 1, T, keys], bool or added to scores: a real token may look at itself, a pad not.
                itself = self.mask[:, 0, :, here].diagonal(dim1=1, dim2=2)
                itself = itself if itself.dtype == torch.bool else itself == 0
                return itself.expand(self.batch, -1)
        many = "" if self.past is None else f"{self.past} "
        raise GlassbookError(
            f"the attention mask does not cover the {many}tokens in the cache and the {self.length} new ones; "
            "pass a 2-D mask [batch, all tokens so far]"
        )

    @cached_property
    def pos(self) -> Tensor:
        """[B, T] positions counted without pads, -1 at pads."""
        given = self.position_ids
        if self._flat():
            real, stop = self.real, (self.past or 0) + self.length
            count = self.mask[:, :stop].bool().cumsum(1)[:, stop - self.length :] - 1
            return count.masked_fill(~real, -1)
        if given is not None and given.dim() <= 2:
            return (given - self._first).expand(self.batch, -1).masked_fill(~self.real, -1)
        if self.mask is not None:
            raise GlassbookError("positions cannot be told from a 4-D attention mask; pass position_ids as well")
        if self._offset is None:
            raise GlassbookError(
                "positions cannot be told: the model's state was filled before this trace and no mask says how many "
                "tokens it holds; read the prompt inside the block, or pass position_ids"
            )
        start = torch.as_tensor(self._offset, device=self.device).reshape(-1, 1)
        return (start + torch.arange(self.length, device=self.device)).expand(self.batch, -1)

    @cached_property
    def tokens(self) -> Tensor:
        """[B] real tokens in this call."""
        return self.real.sum(1)

    @property
    def _read(self) -> Tensor | int | None:
        """Real tokens up to the end of this call, of every row or [B]; None if unknown."""
        if self._flat() and self.past is not None:
            return self.mask[:, : self.past + self.length].bool().sum(1)
        if self.position_ids is not None and self.position_ids.dim() <= 2:
            return self.position_ids[:, -1] + 1 - self._first
        return None if self.mask is not None or self._offset is None else self._offset + self.length


def _one_mask(mask: Any) -> Any:
    """The mask of a call; of several, for layers of several kinds, the one that hides nothing but pads."""
    if not isinstance(mask, Mapping):
        return mask
    return next((m for m in (mask.get("full_attention"), *mask.values()) if isinstance(m, Tensor)), None)


def _length(state: Any) -> int:
    """How many tokens a state says that it holds; 0 if it does not say."""
    try:
        return int(state.get_seq_length()) if hasattr(state, "get_seq_length") else 0
    except ValueError:  # a cache without attention does not count
        return 0


def _filled(state: Any) -> bool:
    """Whether a state holds anything: it says so, or one of its tensors is not all zeros."""
    try:
        says: Any = getattr(state, "has_previous_state", False)
        if says() if callable(says) else says:
            return True
    except (ValueError, AttributeError):  # of caches that have no layers of this kind
        pass
    nested = isinstance(state, (Tensor, tuple, list, Mapping))
    return any(bool(x.any()) for _, x in leaves(state if nested else getattr(state, "__dict__", None)))


def _parts(values: Iterable[Any]) -> Iterator[Any]:
    """What tells states apart: the tensors in nested values, and objects such as caches."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _parts(value)
        elif isinstance(value, Mapping):
            yield from _parts(value.values())
        elif hasattr(value, "__dict__") and not isinstance(value, type):
            yield value


def _references(values: Iterable[Any]) -> Iterator[weakref.ref[Any]]:
    """Weak references, so that no cache is kept alive."""
    for part in _parts(values):
        yield weakref.ref(part)


def _shared(references: list[weakref.ref[Any]], values: Iterable[Any]) -> bool:
    known = {id(part) for reference in references if (part := reference()) is not None}
    return any(id(part) in known for part in _parts(values))
