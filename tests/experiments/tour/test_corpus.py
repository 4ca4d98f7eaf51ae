"""Texts of a tour: what a model writes when no text was given."""

from dataclasses import replace

import pytest
from tiny_models import TOKENIZER, chat_model

from glassbook.experiments.tour import corpus
from glassbook.experiments.tour.corpus import AT_ONCE, FIRST_WORDS, of_the_model


@pytest.fixture
def little(monkeypatch):
    monkeypatch.setattr(corpus, "_budget", lambda *args: 2_000)


def test_a_model_without_a_beginning_goes_on_from_first_words(little):
    lm = chat_model()
    assert lm.encode("") == []
    assert lm.opening == "Once"
    beginnings = corpus._beginnings(lm)
    assert len(beginnings) == AT_ONCE
    assert set(beginnings) <= set(FIRST_WORDS)
    assert len({len(lm.encode(text)) for text in beginnings}) == 1
    found = of_the_model(lm, None, 1.0, seed=3)
    assert "that the model itself wrote" in found.origin
    assert len(found.learn) > 20
    assert all(text.startswith(tuple(FIRST_WORDS)) for text in [*found.learn, *found.held_out])
    assert any(text not in FIRST_WORDS for text in found.learn)


def test_a_model_with_a_beginning_writes_from_nothing():
    lm = replace(chat_model(), tokenizer=TOKENIZER)
    assert lm.opening == ""
    assert corpus._beginnings(lm) == [""] * AT_ONCE
