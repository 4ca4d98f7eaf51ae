"""Text generator with known probabilities: the cost of every random choice in nats, and what each span of it means."""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Span(NamedTuple):
    """Characters [start, end) of a document's text speak of `kind` = `value` (say species = heron)."""

    start: int
    end: int
    kind: str
    value: str


@dataclass(frozen=True)
class Document:
    """One text of the Reserve with its truth.

    Attributes:
        text: what a reader sees.
        spans: what each part of it means.
        nats: minus the log-probability of all the choices that made the text; the sum over documents divided by
            the number of tokens bounds the entropy per token from above (closely: few texts can be told in two ways),
            and no model stays below the entropy on average.
        genre: which kind of text it is.
    """

    text: str
    spans: tuple[Span, ...]
    nats: float
    genre: str


class Categorical(Generic[T]):
    """A categorical distribution over `items`, sampled by one bisection.

    Args:
        items: the options.
        weights: proportional to the probabilities; uniform if not given.
    """

    __slots__ = ("_cumulative", "items", "nats")

    def __init__(self, items: Iterable[T], weights: Iterable[float] | None = None) -> None:
        self.items: list[T] = list(items)
        w = [1.0] * len(self.items) if weights is None else list(weights)
        total = sum(w)
        self.nats = [-math.log(x / total) for x in w]
        self._cumulative = [c / total for c in accumulate(w)]

    def index(self, rng: random.Random) -> int:
        """Which of the items is drawn."""
        return min(bisect(self._cumulative, rng.random()), len(self.items) - 1)

    def draw(self, rng: random.Random) -> tuple[T, float]:
        """An item, and what drawing it cost in nats."""
        i = self.index(rng)
        return self.items[i], self.nats[i]


def zipf(items: Sequence[T], exponent: float = 1.0) -> Categorical[T]:
    """`items` in order of frequency, the r-th with weight r^-exponent: a long tail, as words have."""
    return Categorical(items, [(r + 1) ** -exponent for r in range(len(items))])


class TextWriter:
    """Appends words, sums the cost of each random choice, and marks what spans of the text mean."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.nats = 0.0
        self.spans: list[Span] = []
        self._parts: list[str] = []
        self.length = 0
        self._glue = True  # the next word stands right behind what is there
        self._capital = True  # the next word begins a sentence

    def pick(self, table: Categorical[T]) -> T:
        """Draw from `table` and charge the cost."""
        item, nats = table.draw(self.rng)
        self.nats += nats
        return item

    def pick_other(self, table: Categorical[T], taken: Collection[T]) -> T:
        """Draw from `table` what is not in `taken`, charging the cost that it has among the rest."""
        if not taken:
            return self.pick(table)
        i = table.index(self.rng)
        while table.items[i] in taken:
            i = table.index(self.rng)
        self.nats += table.nats[i]
        gone = sum(math.exp(-nats) for item, nats in zip(table.items, table.nats, strict=True) if item in taken)
        self.nats += math.log1p(-gone)
        return table.items[i]

    def flip(self, p: float) -> bool:
        """True with probability `p`; charges the cost of the outcome."""
        hit = self.rng.random() < p
        self.nats -= math.log(p if hit else 1 - p)
        return hit

    def say(self, words: str) -> None:
        """Append `words`, with a space before them where one belongs, and a capital where a sentence begins."""
        if not self._glue:
            self.put(" ")
        if self._capital:
            words = words[0].upper() + words[1:]
        self.put(words)
        self._glue = self._capital = False

    def stop(self, sign: str = ".") -> None:
        """End a sentence (or a clause, with ",") right behind the last word."""
        self.put(sign)
        self._capital = sign in ".?!"

    @property
    def text(self) -> str:
        """What is written so far."""
        return "".join(self._parts)

    @property
    def next(self) -> int:
        """Where the next word will begin."""
        return self.length if self._glue else self.length + 1

    def begin_sentence(self) -> None:
        """Make room for a sentence that is put in pieces."""
        if not self._glue:
            self._parts.append(" ")
            self.length += 1
        self._glue = False
        self._capital = True

    def quote(self) -> None:
        """Open a quotation."""
        if not self._glue:
            self.put(" ")
        self.put('"')
        self._glue = self._capital = True

    def unquote(self, sign: str) -> None:
        """Close a quotation with `sign` inside; what follows goes on within the sentence."""
        self.put(sign + '"')
        self._glue = self._capital = False

    def line(self) -> None:
        """Begin a new line."""
        self.put("\n")
        self._glue = self._capital = True

    @contextmanager
    def mark(self, kind: str, value: str) -> Iterator[None]:
        """What is said inside means `kind` = `value`."""
        start = self.next
        yield
        self.span(start, kind, value)

    def span(self, start: int, kind: str, value: str) -> None:
        """What was written since character `start` means `kind` = `value`."""
        self.spans.append(Span(start, self.length, kind, value))

    def document(self, genre: str) -> Document:
        """What was written so far, as a document of `genre`, which its whole text is marked with."""
        text = self.text
        return Document(text, (Span(0, len(text), "genre", genre), *self.spans), self.nats, genre)

    def put(self, text: str) -> None:
        """Append `text` as it stands."""
        self._parts.append(text)
        self.length += len(text)
