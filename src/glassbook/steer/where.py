"""Position rules: which tokens a vector is added at, by absolute positions in which pads do not count.

This module imports no torch, so that the command line, the web and the model server read and write rules by the same
names: `str(after_prompt())` is "after-prompt", `read_where("from-position-3")` is `from_position(3)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from torch import Tensor


class Bound(NamedTuple):
    """A position counted from the first token of a text, or from the end of its prompt (which is position 0 then)."""

    n: int
    of_end: bool = False


START, END = Bound(0), Bound(0, of_end=True)


@dataclass(frozen=True)
class Where:
    """The positions from `start` on, up to before `stop`; make one with first, last, after_prompt, everywhere, ...

    Position 0 is the first token of a prompt (BOS, where there is one). A direction is added wherever `mask` is
    true. A positional vector of T rows is added at `place` ... `place` + T - 1; only rules that name one such place
    in a prompt fit it.

    Args:
        rule: the name of the function that makes it.
        start: the first position.
        stop: the position after the last; None if there is none.
    """

    rule: str
    start: Bound = START
    stop: Bound | None = None

    def __str__(self) -> str:
        """The rule's name in JSON and on the command line, which `read_where` reads."""
        name = self.rule.replace("_", "-")
        if name not in _POSITION_RULES:
            return name
        return f"{name}-{self.start.n if self.stop is None else self.stop.n}"

    @property
    def needs_prompt(self) -> bool:
        """Whether the rule depends on where the prompt ends."""
        return self.start.of_end or (self.stop is not None and self.stop.of_end)

    def mask(self, pos: Tensor, real: Tensor, prompt: Tensor | None) -> Tensor:
        """The positions that a direction is added at, [B, T] bool.

        Args:
            pos: absolute position of each token, pads not counted, [B, T].
            real: False at pads, [B, T].
            prompt: tokens of each prompt, [B]; None if unknown.
        """
        mask = real & (pos >= self._at(self.start, prompt))
        return mask if self.stop is None else mask & (pos < self._at(self.stop, prompt))

    def place(self, rows: int, prompt: Tensor | None) -> Tensor | int:
        """Where row 0 of a positional vector goes in each prompt: [B, 1], or the same place for all.

        Raises:
            GlassbookError: the rule names no single place, or a prompt is too short for all the rows.
        """
        if self.rule not in ("first", "from_position", "last"):
            raise GlassbookError(
                f"a positional vector has no place under {self.rule}(); use first(), from_position(n) or last()"
            )
        end, needed = self._end(prompt), rows + (0 if self.start.of_end else self.start.n)
        if (shortest := int(end.min())) < needed:
            raise GlassbookError(
                f"the vector needs {needed} prompt tokens, the shortest prompt has {shortest}; "
                "lengthen the prompt or shorten the pair"
            )
        return end - rows if self.start.of_end else self.start.n

    def at_prompt_end(self, end: int) -> Where:
        """The same positions counted from the first token of a text whose prompt has `end` tokens.

        A rule that needs the prompt's end cannot be applied to a text that is read as a whole; this one can.
        """
        start = Bound(self.start.n + end * self.start.of_end)
        return Where(self.rule, start, self.stop and Bound(self.stop.n + end * self.stop.of_end))

    def steady(self, prompt: Tensor | None) -> bool | None:
        """Whether a direction goes to all tokens after the prompt (True), none (False), or not known yet (None)."""
        shortest = 1 if prompt is None else int(prompt.min())
        if self.stop is not None:
            return False if self.stop.of_end or self.stop.n <= shortest else None
        if self.start.of_end:
            return None if prompt is None else True
        return True if self.start.n <= shortest else None

    def _at(self, bound: Bound, prompt: Tensor | None) -> Tensor | int:
        return self._end(prompt) + bound.n if bound.of_end else bound.n

    def _end(self, prompt: Tensor | None) -> Tensor:
        if prompt is None:
            raise GlassbookError(
                f"where the prompt ends is unknown for {self.rule}(); read the whole prompt inside the steer block"
            )
        return prompt[:, None]


def first() -> Where:
    """The first position only; a positional vector starts there (the published "front")."""
    return Where("first", stop=Bound(1))


def last() -> Where:
    """The last token of the prompt; a positional vector ends there (the published "back")."""
    return Where("last", Bound(-1, of_end=True), END)


def during_prompt() -> Where:
    """Every token of the prompt and none after it."""
    return Where("during_prompt", stop=END)


def after_prompt() -> Where:
    """Every token after the prompt. The first new token is chosen at the prompt's last one, so it is as before."""
    return Where("after_prompt", END)


def everywhere() -> Where:
    """Every token, BOS and new tokens included. In models that read no tokens: every vector of the site."""
    return Where("everywhere")


def before_position(n: int) -> Where:
    """Every token before position `n`."""
    if n < 1:
        raise GlassbookError(f"there is nothing before position {n}; the first position is 0")
    return Where("before_position", stop=Bound(n))


def from_position(n: int) -> Where:
    """Every token from position `n` on (1 leaves BOS alone); a positional vector starts at `n`."""
    if n < 0:
        raise GlassbookError(f"position {n} is before the first token; count from 0")
    return Where("from_position", Bound(n))


_RULES = {rule().rule.replace("_", "-"): rule for rule in (first, last, during_prompt, after_prompt, everywhere)}
_POSITION_RULES = {"from-position": from_position, "before-position": before_position}
WHERE_LABELS = {
    "everywhere": "everywhere",
    "during-prompt": "in the prompt",
    "after-prompt": "after the prompt",
    "first": "at the first token",
    "last": "at the last token of the prompt",
}
"""The rules without a number, and what a form calls them."""
_OLD_NAMES = {"prompt": "during-prompt", "after": "after-prompt"}


def read_where(text: str) -> Where:
    """The rule of a name: "after-prompt", "from-position-3", ...

    Pages and links written by earlier versions say "prompt", "after" or a bare position; these are read too.

    Raises:
        GlassbookError: there is no such rule.
    """
    text = _OLD_NAMES.get(text, f"from-position-{text}" if text.isdecimal() else text)
    if text in _RULES:
        return _RULES[text]()
    name, _, number = text.rpartition("-")
    if name in _POSITION_RULES and number.isdecimal():
        return _POSITION_RULES[name](int(number))
    raise GlassbookError(
        f"there is no position rule {text!r}; use one of {', '.join(_RULES)}, from-position-N or before-position-N"
    )
