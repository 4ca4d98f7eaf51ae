"""Where a vector is added: rules over absolute token positions, in which pads do not count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from glassbook.errors import GlassbookError


@dataclass(frozen=True)
class Where:
    """A rule for positions; make one with first, last, after_prompt, everywhere or from_position.

    Position 0 is the first token of a prompt (BOS, where there is one). A direction is added wherever `mask` is
    true. A positional vector of T rows is added at `start` ... `start` + T - 1; only rules that name one such place
    in a prompt fit it.
    """

    rule: Literal["first", "during_prompt", "after_prompt", "last", "everywhere", "from_position", "before_position"]
    n: int = 0

    def mask(self, pos: Tensor, real: Tensor, prompt: Tensor | None) -> Tensor:
        """The positions that a direction is added at, [B, T] bool.

        Args:
            pos: absolute position of each token, pads not counted, [B, T].
            real: False at pads, [B, T].
            prompt: tokens of each prompt, [B]; None if unknown.
        """
        match self.rule:
            case "everywhere":
                return real
            case "first":
                return real & (pos == 0)
            case "last":
                return real & (pos == self._end(prompt) - 1)
            case "during_prompt":
                return real & (pos < self._end(prompt))
            case "after_prompt":
                return real & (pos >= self._end(prompt))
            case "from_position":
                return real & (pos >= self.n)
            case "before_position":
                return real & (pos < self.n)

    def start(self, rows: int, prompt: Tensor | None) -> Tensor | int:
        """Where row 0 of a positional vector goes in each prompt: [B, 1], or the same place for all.

        Raises:
            GlassbookError: the rule names no single place, or a prompt is too short for all the rows.
        """
        if self.rule not in ("first", "from_position", "last"):
            raise GlassbookError(
                f"a positional vector has no place under {self.rule}(); use first(), from_position(n) or last()"
            )
        shortest = int(self._end(prompt).min())
        if shortest < self.n + rows:
            raise GlassbookError(
                f"the vector needs {self.n + rows} prompt tokens, the shortest prompt has {shortest}; "
                "lengthen the prompt or shorten the pair"
            )
        return self._end(prompt) - rows if self.rule == "last" else self.n

    def steady(self, prompt: Tensor | None) -> bool | None:
        """Whether a direction goes to all tokens after the prompt (True), none (False), or not known yet (None)."""
        if self.rule == "everywhere":
            return True
        if self.rule in ("first", "during_prompt", "last"):
            return False
        if prompt is None:
            return None
        if self.rule == "before_position":
            return False if self.n <= int(prompt.min()) else None
        return True if self.rule == "after_prompt" or self.n <= int(prompt.min()) else None

    def _end(self, prompt: Tensor | None) -> Tensor:
        if prompt is None:
            raise GlassbookError(
                f"where the prompt ends is unknown for {self.rule}(); read the whole prompt inside the steer block"
            )
        return prompt[:, None]


def first() -> Where:
    """The first position only; a positional vector starts there (the published "front")."""
    return Where("first")


def last() -> Where:
    """The last token of the prompt; a positional vector ends there (the published "back")."""
    return Where("last")


def during_prompt() -> Where:
    """Every token of the prompt and none after it."""
    return Where("during_prompt")


def after_prompt() -> Where:
    """Every token after the prompt. The first new token is chosen at the prompt's last one, so it is as before."""
    return Where("after_prompt")


def everywhere() -> Where:
    """Every token, BOS and new tokens included. In models that read no tokens: every vector of the site."""
    return Where("everywhere")


def before_position(n: int) -> Where:
    """Every token before position `n`."""
    if n < 1:
        raise GlassbookError(f"there is nothing before position {n}; the first position is 0")
    return Where("before_position", n)


def from_position(n: int) -> Where:
    """Every token from position `n` on (1 leaves BOS alone); a positional vector starts at `n`."""
    if n < 0:
        raise GlassbookError(f"position {n} is before the first token; count from 0")
    return Where("from_position", n)
