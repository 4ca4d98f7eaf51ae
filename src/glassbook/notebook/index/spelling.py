"""Spelling correction: words of the index that are one or two edits from a word of a query.

Every word of the index is in the table `word`, which only grows: a process keeps the words in memory and reads on from
the last one. A word that no text holds any more matches nothing.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

SHORTEST, LONGEST = 4, 24
"""Letters of a word that can be corrected."""
ALTERNATIVES = 4
"""Words that are tried in place of a misspelt one."""
_WORD = re.compile(rf"[^\W\d_]{{{SHORTEST},{LONGEST}}}")


def edits(word: str) -> int:
    """How many letters of a word may be wrong: one from 4 letters on, two from 8."""
    return 0 if len(word) < SHORTEST else 1 if len(word) < 8 else 2


def learn(db: sqlite3.Connection, texts: Iterable[str]) -> None:
    """Remember the words of some texts."""
    words = {word for text in texts for word in _WORD.findall(_as_indexed(text))}
    db.executemany("INSERT OR IGNORE INTO word (text) VALUES (?)", [(word,) for word in sorted(words)])


def learn_all(db: sqlite3.Connection) -> None:
    """Remember the words of all pages, from their full-text index: for very many pages quicker than one by one."""
    words = (word for (word,) in db.execute("SELECT term FROM page_word").fetchall() if _WORD.fullmatch(word))
    db.executemany("INSERT OR IGNORE INTO word (text) VALUES (?)", [(word,) for word in words])


def distance(word: str, other: str, most: int, begins: bool = False) -> int:
    """Edits that make `word` into `other`; more than `most` if it takes more.

    An edit puts in, leaves out or replaces a letter, or swaps two neighbours.

    Args:
        word: the word that may be misspelt.
        other: the word that may be meant.
        most: largest distance of interest.
        begins: take `word` for the beginning of a word, so that the end of `other` counts for nothing.
    """
    if begins:
        other = other[: len(word) + most]
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
    return min(row) if begins else row[-1]


class Vocabulary:
    """The words of an index, by length."""

    def __init__(self) -> None:
        self._last = 0
        self._words: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)

    def near(self, db: sqlite3.Connection, word: str, begins: bool = False) -> list[str]:
        """Words near `word`, the nearest first, at most ALTERNATIVES, without itself.

        Args:
            db: the index.
            word: a word of a query.
            begins: whether it may be unfinished; words that begin nearly like it then come after those near the whole.
        """
        word = _as_indexed(word)
        most = edits(word)
        if not most or not _WORD.fullmatch(word):
            return []
        self._read_on(db)
        found = self._near(word, most, False)
        if begins and not found:
            found = self._near(word, most, True)
        return [other for *_, other in sorted(found)[:ALTERNATIVES]]

    def _near(self, word: str, most: int, begins: bool) -> list[tuple[int, bool, int, str]]:
        """(distance, whether the first letter differs, difference in length, word) of the words near one."""
        letters, size = _letters(word), len(word)
        longest = LONGEST if begins else size + most
        found = []
        for length in range(max(SHORTEST, size - most), longest + 1):
            for other, others in self._words.get(length, ()):
                # An edit takes away one letter at most and brings one at most; the distance takes far longer to find.
                if (letters & ~others).bit_count() > most or (not begins and (others & ~letters).bit_count() > most):
                    continue
                far = distance(word, other, most, begins)
                if far <= most and other != word:
                    found.append((far, other[0] != word[0], abs(length - size), other))
        return found

    def _read_on(self, db: sqlite3.Connection) -> None:
        for number, word in db.execute("SELECT id, text FROM word WHERE id > ? ORDER BY id", [self._last]).fetchall():
            self._words[len(word)].append((word, _letters(word)))
            self._last = number


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
