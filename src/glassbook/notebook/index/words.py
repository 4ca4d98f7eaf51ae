"""Words for full-text search: scripts without spaces, Arabic prefixes and emoji made findable by FTS5.

FTS5 takes a run of letters for one word. Chinese, Japanese and Thai write sentences so, Korean and Arabic join
particles to their words, and emoji are no letters. A column of their own, APART, holds texts with such characters one
by one; a word of a query becomes a phrase of them, so that it is found inside a run.
"""

from __future__ import annotations

import re
import unicodedata

APART = "apart"
"""Column of the lists of words that holds what `spread` gives."""
_VARIANT = "\ufe0f"
"""Asks for the coloured form of the sign before it, which is the same sign."""
_APART = (
    "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff"  # Arabic
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003134f"
)
_SIGNS = "\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_ONE = re.compile(f"[{_APART}]")
_SIGN = re.compile(f"[{_SIGNS}]")
_ANY = re.compile(f"[{_APART}{_SIGNS}]")


def is_apart(text: str) -> bool:
    """Whether a text holds anything that `spread` changes."""
    return not text.isascii() and _ANY.search(text) is not None


def spread(*texts: str) -> str:
    """Texts with the characters of such scripts apart and signs as words of their own; "" if they hold none."""
    if not any(map(is_apart, texts)):
        return ""
    text = " \n".join(texts).replace(_VARIANT, "")
    return _SIGN.sub(lambda sign: f" {_name(sign[0])} ", _ONE.sub(r" \g<0> ", text))


def can_be_found(term: str) -> bool:
    """Whether a term holds anything that the index has."""
    return any(c.isalnum() for c in term) or _SIGN.search(term) is not None


def folded(text: str) -> str:
    """Text as FTS5 compares it: lower case, without accents."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def _name(sign: str) -> str:
    return f"sign{ord(sign):x}"
