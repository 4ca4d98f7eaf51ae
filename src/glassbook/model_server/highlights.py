"""Highlights of generated text: pieces with a value each, from a feature's activations or from which words are new."""

from __future__ import annotations

import re
from collections.abc import Sequence

from glassbook.nets import LanguageModel

Piece = tuple[str, float]
"""A piece of text and its value, 0 to 1 (above 1 for an activation that exceeds all recorded ones)."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def words(text: str) -> list[str]:
    """The words of a text, in small letters, without punctuation."""
    return [word.casefold() for word in _WORD.findall(text)]


def new_words(text: str, other: str) -> list[Piece]:
    """A text in pieces; the words that another text does not have are 1, all else is 0."""
    known, pieces, at = set(words(other)), [], 0
    for found in _WORD.finditer(text):
        if found.group().casefold() in known:
            continue
        if found.start() > at:
            pieces.append((text[at : found.start()], 0.0))
        pieces.append((found.group(), 1.0))
        at = found.end()
    return [*pieces, (text[at:], 0.0)] if at < len(text) else pieces


def share_new(pairs: Sequence[tuple[str, str]]) -> float:
    """Of all the words of some texts, the share that the text each is paired with does not have; 0 without words."""
    found = [(words(text), set(words(other))) for text, other in pairs]
    new = sum(word not in known for of, known in found for word in of)
    return new / max(sum(len(of) for of, _ in found), 1)


def tokens_with(lm: LanguageModel, prompt: Sequence[int], new: Sequence[int], values: Sequence[float]) -> list[Piece]:
    """New tokens as text, each with its value; the pieces join to the whole continuation.

    Args:
        lm: the model.
        prompt: ids of the prompt.
        new: ids of the new tokens.
        values: one for each new token. Where a character takes several tokens, the last one's value counts.
    """
    pieces: list[Piece] = []
    before = ""
    for n, value in enumerate(values, 1):
        text = lm.continuation(prompt, new[:n])
        if n < len(new):
            text = text.rstrip("\ufffd")  # the beginning of a character that the next token completes
        if len(text) > len(before):
            pieces.append((text[len(before) :], value))
            before = text
    return pieces
