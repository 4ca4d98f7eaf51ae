"""Token batches: documents packed into rows to train on, and token labels from the truth of documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np

from glassbook.data.world import Document, World


class Encoder(Protocol):
    """The part of a tokenizer that is needed here."""

    @property
    def bos(self) -> int | None:
        """Id of the token that is put before a text, if there is one."""
        ...

    @property
    def eos(self) -> int | None:
        """Id of the token that ends a text, if there is one."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without specials."""
        ...

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Characters [start, end) that each token of `encode(text)` stands for."""
        ...


def ids(tokenizer: Encoder, text: str) -> list[int]:
    """Token ids of one document: begin, text, end (each special only if the tokenizer has it and the text has not)."""
    begin, found, end = _parts(tokenizer, text)
    return begin + found + end


def _parts(tokenizer: Encoder, text: str) -> tuple[list[int], list[int], list[int]]:
    """What is put before a document, its own tokens, and what is put after it."""
    found = tokenizer.encode(text)
    begin = [] if tokenizer.bos is None or found[:1] == [tokenizer.bos] else [tokenizer.bos]
    end = [] if tokenizer.eos is None or found[-1:] == [tokenizer.eos] else [tokenizer.eos]
    return begin, found, end


def pack(tokenizer: Encoder, documents: Iterable[Document], rows: int, length: int) -> np.ndarray:
    """Documents one after another, cut into equal rows.

    Args:
        tokenizer: turns text into ids.
        documents: read until the rows are full; there must be enough of them.
        rows: how many.
        length: tokens in a row.

    Returns:
        int64 array [rows, length].
    """
    out: list[int] = []
    for document in documents:
        out += ids(tokenizer, document.text)
        if len(out) >= rows * length:
            return np.asarray(out[: rows * length], dtype=np.int64).reshape(rows, length)
    raise ValueError(f"the documents hold {len(out)} tokens; {rows} rows of {length} need {rows * length}")


def training_rows(
    world: World, tokenizer: Encoder, step: int, rows: int, length: int, seed: int = 0, genre: str | None = None
) -> np.ndarray:
    """The `step`-th batch of an endless text: fresh for every step, and a pure function of its arguments.

    Args:
        world: where the text comes from.
        tokenizer: turns it into ids.
        step: number of the batch.
        rows: in the batch.
        length: tokens in a row.
        seed: of the text.
        genre: only this kind of text, as `World.stream` takes it.

    Returns:
        int64 array [rows, length].
    """
    # Text without end needs no shuffling and no epochs; the position in the data is the step itself.
    return pack(tokenizer, world.stream(seed * 10_000_019 + step, genre), rows, length)


def sentence_starts(text: str) -> list[int]:
    """Where each sentence of `text` begins: after a full stop, a question mark or an exclamation mark, and a space."""
    return [0, *(match.end() for match in re.finditer(r'[.?!]"?\s+(?=["A-Z0-9])', text))]


@dataclass(frozen=True)
class LabelledTokens:
    """Documents as padded token rows with the truth of every token.

    Attributes:
        input_ids: int64 [documents, T], padded on the right with `pad`.
        real: bool [documents, T], False on padding.
        labels: bool [documents, T, attributes].
        sentence: int64 [documents, T], the number of the sentence that each token belongs to, counted through all
            documents; -1 for specials and padding.
        attributes: (kind, value) of each label.
        nats: float [documents], what the generator's choices cost.
    """

    input_ids: np.ndarray
    real: np.ndarray
    labels: np.ndarray
    sentence: np.ndarray
    attributes: list[tuple[str, str]]
    nats: np.ndarray


def label_tokens(
    tokenizer: Encoder, documents: Sequence[Document], attributes: list[tuple[str, str]], pad: int = 0
) -> LabelledTokens:
    """Tokenise `documents` and label every token with the attributes whose spans it overlaps."""
    column = {attribute: i for i, attribute in enumerate(attributes)}
    parts = [_parts(tokenizer, document.text) for document in documents]
    rows = [begin + found + end for begin, found, end in parts]
    length = max(map(len, rows))
    input_ids = np.full((len(rows), length), pad, dtype=np.int64)
    real = np.zeros((len(rows), length), dtype=bool)
    labels = np.zeros((len(rows), length, len(attributes)), dtype=bool)
    sentence = np.full((len(rows), length), -1, dtype=np.int64)
    sentences = 0
    for r, (row, document) in enumerate(zip(rows, documents, strict=True)):
        input_ids[r, : len(row)] = row
        real[r, : len(row)] = True
        offsets = np.asarray(tokenizer.offsets(document.text)).reshape(-1, 2)
        shift = len(parts[r][0])
        # A token belongs to the sentence of its last character: it may begin with the space before.
        number = np.searchsorted(sentence_starts(document.text), offsets[:, 1] - 1, side="right") - 1
        sentence[r, shift : shift + len(offsets)] = sentences + number
        sentences += int(number.max()) + 1
        for span in document.spans:
            if (span.kind, span.value) not in column:
                continue
            hit = (offsets[:, 0] < span.end) & (offsets[:, 1] > span.start)
            labels[r, shift : shift + len(offsets), column[span.kind, span.value]] |= hit
    return LabelledTokens(input_ids, real, labels, sentence, attributes, np.array([d.nats for d in documents]))


def take(documents: Iterator[Document], n: int) -> list[Document]:
    """The next `n` documents."""
    return list(islice(documents, n))
