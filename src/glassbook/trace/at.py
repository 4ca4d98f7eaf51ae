"""Context of an edit: its site, its call, and the positions of the tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.trace.layout import Layout, check_rows, check_tokens, rows_of
from glassbook.trace.positions import Forward, Phase


@dataclass(frozen=True, slots=True)
class At:
    """Where an edit is: fn(x, at). All but `site` and `call` are None where no tokens are read.

    In an encoder-decoder they are those of the site's own sequence: the encoder's tokens, or the decoder's.

    `site` is the full name; `call` counts the site's firings in this trace, from 0; `layout` is what is known of the
    axes of its activations.
    """

    site: str
    call: int
    forward: Forward | None = None
    layout: Layout = "unknown"

    @property
    def pos(self) -> Tensor | None:
        """[B, T] absolute positions, pads not counted: the first real token of a row is 0. Pads are -1."""
        return self.forward.pos if self.forward else None

    @property
    def real(self) -> Tensor | None:
        """[B, T] bool, False at pads."""
        return self.forward.real if self.forward else None

    @property
    def phase(self) -> Phase | None:
        """ "prefill" if this forward reads texts from their start, "decode" if it goes on with texts begun before.

        So decode is every forward with a filled KV cache, and, in generation without one, every forward after the
        first: x then holds the whole texts, prompt included, and `pos` starts at 0 again. An edit of prompt tokens
        must be made in both phases, by `pos`; with a cache its positions simply do not come by again.
        A prompt of one token is a prefill. Of a prompt read in chunks, only the first chunk is.
        """
        return self.forward.phase if self.forward else None

    @property
    def prompt(self) -> Tensor | None:
        """[B] real tokens of each row's prompt, so that pos >= prompt[:, None] is what was generated.

        None also where it is unknown: the cache was filled before the trace, or the prompt was read in chunks.
        """
        start = self.forward.start if self.forward else None
        return start.tokens if start is not None else None

    def check_rows(self, x: Tensor) -> None:
        """GlassbookError unless it is proved that the last axis of x holds the features."""
        check_rows(self.site, x, self.layout, self.forward)

    def rows_of(self, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """x with its features in the last axis, pixels of feature maps included, and what puts it back (`layout`)."""
        return rows_of(self.site, x, self.layout, self.forward)

    def tokens(self, x: Tensor) -> Forward:
        """The call whose tokens x [B, T, d] is of.

        Raises:
            GlassbookError: there is none, or x has other axes.
        """
        if self.forward is None or not self.forward.sequence:
            raise GlassbookError(
                f"{self.site} has no token positions to steer at; only a direction can be added there, everywhere()"
            )
        check_tokens(self.site, x, self.forward)
        return self.forward
