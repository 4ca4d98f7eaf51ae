"""Highlights: which words are new, and pieces of text with a value for each token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbook.model_server.highlights import new_words, share_new, tokens_with, words
from glassbook.nets import LanguageModel, open_model
from glassbook.nets.tokenizer import byte_tokenizer

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def test_words_are_compared_without_case_and_punctuation():
    assert words("The heron's well-kept nest, 3 eggs.") == ["the", "heron's", "well-kept", "nest", "3", "eggs"]
    marked = new_words(" The sly fox ran; the FOX slept.", "the fox sat")
    assert marked == [(" The ", 0), ("sly", 1), (" fox ", 0), ("ran", 1), ("; the FOX ", 0), ("slept", 1), (".", 0)]


def test_the_share_of_new_words_is_over_all_texts():
    assert share_new([("a b c", "a b c"), ("d", "a")]) == 1 / 4
    assert share_new([(" ...", "a")]) == 0


@given(TEXT, TEXT)
def test_pieces_join_to_the_text(text, other):
    pieces = new_words(text, other)
    assert "".join(piece for piece, _ in pieces) == text
    assert {piece.casefold() for piece, value in pieces if value}.isdisjoint(words(other))


BYTES = LanguageModel(open_model("builtin").model, byte_tokenizer(259), "bytes")


@given(TEXT)
def test_tokens_of_parts_of_characters_join_to_the_text(text):
    ids = BYTES.encode(text, bos=False)
    pieces = tokens_with(BYTES, [65], ids, [float(n) for n in range(len(ids))])
    assert "".join(piece for piece, _ in pieces) == text
    assert [len(piece.encode()) for piece, _ in pieces] == [len(c.encode()) for c in text] or "\ufffd" in text


def test_each_token_has_its_value():
    lm = open_model("builtin")
    prompt, new = lm.encode("The heron"), lm.encode(" slept near the river.", bos=False)
    pieces = tokens_with(lm, prompt, new, [0.1 * n for n in range(len(new))])
    assert "".join(piece for piece, _ in pieces) == " slept near the river."
    assert [value for _, value in pieces] == pytest.approx([0.1 * n for n in range(len(new))])
