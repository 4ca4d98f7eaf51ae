"""Spelling correction: words of the index that are one or two edits from a word of a query.

Every word of the index is in the table `word`, which only grows: a process keeps the words in memory and reads on from
the last one. A word that no text holds any more matches nothing.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from string import ascii_lowercase

from glassbook.notebook.index.words import is_apart

SHORTEST, LONGEST = 4, 24
"""Letters of a word that can be corrected."""
LONG = 8
"""Letters from which on two may be wrong."""
ALTERNATIVES = 4
"""Words that are tried in place of a misspelt one."""
_WORD = re.compile(rf"[^\W\d_]{{{SHORTEST},{LONGEST}}}")


def learn(db: sqlite3.Connection, texts: Iterable[str]) -> None:
    """Remember the words of some texts."""
    remember(db, words_in(texts))


def words_in(texts: Iterable[str]) -> set[str]:
    """The words of some texts that `remember` keeps."""
    return {word for text in texts for word in _WORD.findall(_as_indexed(text)) if not is_apart(word)}


def learn_all(db: sqlite3.Connection) -> None:
    """Remember the words of all pages, from their full-text index: for very many pages quicker than one by one."""
    terms = (word for (word,) in db.execute("SELECT term FROM page_word"))
    remember(db, {word for word in terms if _WORD.fullmatch(word) and not is_apart(word)})


def remember(db: sqlite3.Connection, words: Iterable[str]) -> None:
    """Remember some words, which `words_in` gave."""
    db.executemany("INSERT OR IGNORE INTO word (text) VALUES (?)", [(word,) for word in sorted(words)])


def distance(word: str, other: str, most: int) -> int:
    """Edits that make `word` into `other`; more than `most` if it takes more.

    An edit puts in, leaves out or replaces a letter, or swaps two neighbours.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        far, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == wanted:
                cost = min(cost, far[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


class Vocabulary:
    """The words of an index."""

    def __init__(self) -> None:
        self._last = 0
        self._known: set[str] = set()
        self._sorted: list[str] = []
        self._by_length: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
        """With the letters of each, see `_letters`."""
        self._foreign: set[str] = set()
        """Letters of the words other than a to z."""

    def near(self, db: sqlite3.Connection, word: str, begins: bool = False) -> list[str]:
        """Words that may be meant by `word`, the nearest first, at most ALTERNATIVES, without itself.

        They are one edit away from a word of SHORTEST letters or more; two from an unknown one of LONG letters or more
        if none is nearer. An unknown word that may be unfinished (`begins`) is one edit from their beginning.
        """
        word = _as_indexed(word)
        if not _WORD.fullmatch(word) or is_apart(word):
            return []
        self.read_on(db)
        variants = set(self._variants(word)) - {word}
        found = list(variants & self._known)
        if not found and word not in self._known:
            if begins:
                found = [other for variant in variants for other in self._beginning_with(variant)]
            if not found and len(word) >= LONG:
                found = list(self._two_away(word))
        return sorted(found, key=lambda other: (other[0] != word[0], abs(len(other) - len(word)), other))[:ALTERNATIVES]

    def _variants(self, word: str) -> Iterator[str]:
        """All that is one edit away from a word."""
        alphabet = ascii_lowercase if word.isascii() else {*ascii_lowercase, *self._foreign}
        for i in range(len(word) + 1):
            head, tail = word[:i], word[i:]
            yield head + tail[1:]
            yield head + tail[1:2] + tail[:1] + tail[2:]
            for letter in alphabet:
                yield head + letter + tail
                yield head + letter + tail[1:]

    def _beginning_with(self, variant: str) -> Iterator[str]:
        at = bisect_left(self._sorted, variant)
        for other in self._sorted[at : at + ALTERNATIVES]:
            if other.startswith(variant):
                yield other

    def _two_away(self, word: str) -> Iterator[str]:
        letters, size = _letters(word), len(word)
        quarter = size // 4
        parts = [word[n * quarter : (n + 1) * quarter if n < 3 else size] for n in range(4)]
        for length in range(size - 2, size + 3):
            for other, others in self._by_length.get(length, ()):
                # An edit takes away one letter at most and brings one at most.
                if (letters & ~others).bit_count() > 2 or (others & ~letters).bit_count() > 2:
                    continue
                # Of four parts two edits leave one as it is, unless both swap letters, which stay the same letters.
                alike = letters == others or any(part in other for part in parts)
                if alike and distance(word, other, 2) <= 2:
                    yield other

    def read_on(self, db: sqlite3.Connection) -> None:
        """Read the words that are new since the last time."""
        rows = db.execute("SELECT id, text FROM word WHERE id > ? ORDER BY id", [self._last]).fetchall()
        if not rows:
            return
        self._last = rows[-1][0]
        words = [word for _, word in rows]
        self._known.update(words)
        self._foreign.update(letter for word in words if not word.isascii() for letter in word)
        for word in words:
            self._by_length[len(word)].append((word, _letters(word)))
        self._sorted = sorted(self._sorted + words)


def _as_indexed(text: str) -> str:
    """Text as FTS5 keeps its words: lower case, without accents; unlike `words.folded` it lets a sharp s be."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)).lower()


def _letters(word: str) -> int:
    """The letters of a word as bits; letters of other scripts share some, which lets more words through."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 31)
    return bits
