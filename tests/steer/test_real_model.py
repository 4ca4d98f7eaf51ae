"""Steering a real pretrained model (stories260K): generation, and effect beside damage."""

import os
from pathlib import Path

import pytest
import torch

from glassbook.nets import LanguageModel, open_model
from glassbook.steer import (
    actadd,
    after_prompt,
    everywhere,
    feature,
    from_position,
    last,
    mean_difference,
    score,
    steer,
)
from glassbook.steer.extract import pad_token

DATA = os.environ.get("GLASSBOOK_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="GLASSBOOK_DATA is unset, so stories260K is not at hand")

PROMPTS = ["Once upon a time, there was a little", "One day a girl", "The dog"]
ON = [
    f"{name} was very happy. {rest}"
    for name in ("Tom", "Lily", "The cat", "Mum")
    for rest in ("He smiled and laughed.", "They were happy and had fun.", "It was a happy day.")
]
OFF = [
    "The sun was hot.",
    "Tom went to the park with his mom.",
    "There was a big tree in the forest.",
    "Lily had a red ball.",
    "The dog ran fast.",
    "He put the box on the table.",
    "It started to rain.",
    "She ate a big apple.",
]


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return open_model(str(Path(str(DATA)) / "stories260k" / "stories260K.bin"))


def test_sentencepiece_has_a_single_space_token(lm):
    assert lm.tokens([pad_token(lm)]) == [" "]


@pytest.mark.parametrize("where", [None, from_position(1), last()])
def test_actadd_changes_the_story_alike_with_and_without_cache(lm, where):
    v = actadd(lm, " happy", " sad", "blocks.1.in")
    assert not v.rows["blocks.1.in"][0].any()
    prompts = PROMPTS[:2]  # "The dog" is shorter than the vector
    with steer(lm, v, coeff=6.0, where=where):
        together = lm.generate(prompts, tokens=20)
        assert lm.generate(prompts, tokens=20, use_cache=False) == together
        assert [lm.generate([p], tokens=20)[0] for p in prompts] == together
    assert together != lm.generate(prompts, tokens=20)


@pytest.mark.parametrize("where", [everywhere(), after_prompt(), from_position(2)])
def test_a_mean_difference_steers_new_tokens_alike_with_and_without_cache(lm, where):
    v = mean_difference(lm, ON, OFF, "blocks.2.in", token="mean")
    with steer(lm, v, coeff=1.0, unit="norm", where=where):
        together = lm.generate(PROMPTS, tokens=20)
        assert lm.generate(PROMPTS, tokens=20, use_cache=False) == together
    assert together != lm.generate(PROMPTS, tokens=20)


def test_the_unembedding_row_of_a_word_makes_texts_with_it_likelier_than_chance_does(lm):
    class Unembedding:
        def direction(self, i: int) -> torch.Tensor:
            return lm.model.head.weight[i]

    happy = lm.encode("happy", bos=False)[-1]
    v = feature(Unembedding(), happy, "blocks.4.out")
    texts = ["She was happy.", "Tom was happy.", "The happy cat.", "Mom is happy.", "I am happy now.", "A happy day."]
    found = score(lm, v, texts, OFF, coeffs=[0.05, 0.1, 0.2], unit="norm", controls=("random", "swap"), bound=1.05)
    assert found.best["vector"].test.on_topic_ppl_ratio < min(
        1.0, found.best["random"].test.on_topic_ppl_ratio, found.best["swap"].test.on_topic_ppl_ratio
    )


def test_the_prompt_control_is_scored_beside_the_pair(lm):
    v = actadd(lm, " happy and happy", "", "blocks.0.in")
    found = score(lm, v, ON, OFF, coeffs=[0.5, 1.0], bound=1.05)
    assert found.best["prompt"].test.on_topic_ppl_ratio < 1.0  # a model of stories does read its prompt
    assert found.best["swap"].test.on_topic_ppl_ratio > found.best["vector"].test.on_topic_ppl_ratio
