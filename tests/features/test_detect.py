"""Detection of attributes by single scores: chosen on one half, reported on the other."""

import pytest
import torch

from glassbook.features.detect import (
    BAG,
    SOLVED,
    WORD,
    Sentences,
    _presence_precision,
    both_signs,
    detect,
    probe,
    solved_by_words,
    word_rivals,
)
from glassbook.measure.detection import average_precision


@pytest.fixture
def world():
    """400 sentences of 5 tokens; attribute a of 3 is present in a third of them, at one token, along direction a."""
    generator = torch.Generator().manual_seed(0)
    sentence = torch.arange(400).repeat_interleave(5)
    labels = torch.zeros(2000, 3, dtype=torch.bool)
    x = 0.1 * torch.randn(2000, 8, generator=generator)
    for u in range(400):
        a, token = u % 3, 5 * u + int(torch.randint(5, (1,), generator=generator))
        labels[token, a] = True
        x[token, a] += 2.0 if a != 2 else -2.0
    return x, Sentences.of(sentence, labels)


def test_a_planted_direction_is_found_and_noise_is_not(world):
    x, text = world
    found = detect({"both": text.pool(both_signs, x), "noise": text.pool(lambda a: a[:, 3:], x)}, text.present)
    both, noise = found["both"], found["noise"]
    assert both.best.tolist() == [0, 1, 8 + 2]
    for perfect in ("average_precision", "precision", "recall", "f1", "auroc", "half_precision", "half_recall"):
        assert getattr(both, perfect).tolist() == pytest.approx([1.0, 1.0, 1.0]), perfect
    assert both.top_precision.tolist() == [1.0, 1.0, 1.0]
    assert both.mean() == 1.0
    assert noise.auroc.tolist() == pytest.approx([0.5, 0.5, 0.5], abs=0.12)
    assert noise.mean() == pytest.approx(1 / 3, abs=0.1)


def test_what_is_chosen_on_noise_does_not_look_good_on_the_other_half():
    generator = torch.Generator().manual_seed(1)
    x, present = torch.randn(600, 500, generator=generator), torch.rand(600, 1, generator=generator) < 0.1
    found = detect({"noise": x}, present)["noise"]
    assert float(found.auroc) == pytest.approx(0.5, abs=0.15)
    assert float(found.average_precision) == pytest.approx(0.1, abs=0.08)
    assert float(found.first_precision) > 0.2


def test_a_sentence_scores_as_its_best_token_and_numbers_may_have_gaps():
    x = torch.tensor([[1.0], [3.0], [2.0], [-1.0]])
    text = Sentences.of(torch.tensor([4, 4, 9, 9]), torch.tensor([[True], [False], [False], [False]]))
    assert text.present.tolist() == [[True], [False]]
    assert text.pool(lambda a: a, x, chunk=3).tolist() == [[3.0], [2.0]]
    assert text.mean(x).tolist() == [[2.0], [0.5]]


def test_rare_attributes_are_not_judged(world):
    x, text = world
    rare = text.present.clone()
    rare[5:, 0] = False
    found = detect({"both": text.pool(both_signs, x)}, rare)["both"]
    assert found.judged.tolist() == [False, True, True]
    for reported in (found.average_precision, found.f1, found.half_precision, found.top_precision):
        assert reported.isnan().tolist() == [True, False, False]
    assert found.mean() == 1.0
    assert found.mean(torch.tensor([True, False, False])) != found.mean()  # NaN: nothing was measured
    everywhere = text.present | (torch.arange(400) != 7)[:, None]
    assert not detect({"both": text.pool(both_signs, x)}, everywhere)["both"].judged.any()


def test_audit_a2_a_score_with_mostly_false_alarms_is_not_taken_for_detection():
    """One sentence in a hundred has it; all that have score above 94 % of those that have not."""
    present, scores = torch.zeros(4000, 1, dtype=torch.bool), torch.zeros(4000, 1)
    present[::100] = True
    scores[:, 0] = torch.arange(4000) % 16 == 0  # false alarms, by their number
    scores[::100] = 1.0
    found = detect({"alarms": scores}, present)["alarms"]
    assert float(found.auroc) > 0.9
    assert float(found.average_precision) < 0.2
    assert float(found.precision) < 0.2
    assert float(found.f1) < 0.3


PIECES = ["the ", "He", "he", "ron", "rons", " slept", " and", " woke", " not"]
"""Pieces of words, as a tokenizer cuts them; their numbers are the token ids."""


def decode(ids):
    return "".join(PIECES[i] for i in ids)


def test_words_are_whole_and_case_folded_whatever_the_tokens_and_the_order_of_the_sentences():
    text = Sentences(torch.tensor([1, 1, 1, 0, 0, 0]), torch.zeros(2, 1, dtype=torch.bool))
    assert text.words(torch.tensor([2, 3, 5, 1, 3, 7]), decode) == [["heron", "woke"], ["heron", "slept"]]


def sentences(rows, labels):
    """A text of sentences, each a list of token ids, with the attributes of each."""
    unit = torch.tensor([u for u, row in enumerate(rows) for _ in row])
    return Sentences(unit, torch.tensor(labels)), torch.tensor([id for row in rows for id in row])


def test_review_a_name_of_several_tokens_is_given_away_by_its_word():
    """No single token tells it: "He" begins other words as well, "ron" and "rons" end one each."""
    kinds = [([1, 3, 5], True), ([2, 4, 5], True), ([2, 5], False), ([1, 5, 6, 7], False), ([0, 3, 5], False)]
    rows, labels = zip(*(kinds[i % 5] for i in range(200)), strict=True)
    text, ids = sentences(rows, [[label] for label in labels])
    found = word_rivals(text, ids, decode)
    assert 0.6 < float(found[WORD].f1) < 0.8  # "heron" or "herons", not both
    assert float(found[BAG].f1) == 1.0
    assert solved_by_words(found).tolist() == [True]


def test_review_two_words_side_by_side_are_a_rival_too():
    """The same words in the other order, which a bag cannot tell apart."""
    rows = [[0, 1, 3, 5, 6, 7] if i % 3 == 0 else [0, 1, 3, 7, 6, 5] for i in range(120)]
    text, ids = sentences(rows, [[i % 3 == 0] for i in range(120)])
    found = word_rivals(text, ids, decode)
    assert float(found[WORD].average_precision) == 1.0
    assert float(found[BAG].average_precision) < 0.5
    assert solved_by_words(found).tolist() == [True]


def test_review_what_words_do_not_tell_stays_unsolved_however_common_it_is():
    """Two sentences in three have it: "always yes" has an F1 of .8, which the bar used to be."""
    generator = torch.Generator().manual_seed(4)
    rows = [torch.randint(0, len(PIECES), (6,), generator=generator).tolist() for _ in range(400)]
    labels = (torch.rand(400, 1, generator=generator) < 0.7).tolist()
    text, ids = sentences(rows, labels)
    found = word_rivals(text, ids, decode)
    assert float(found[WORD].first_f1) >= SOLVED
    assert float(found[WORD].first_lift) < 0.2
    assert float(found[BAG].first_lift) < 0.2
    assert solved_by_words(found).tolist() == [False]


def test_lift_is_zero_for_always_yes_and_one_for_the_truth():
    present = (torch.arange(300) % 3 == 0)[:, None]
    found = detect({"constant": torch.zeros(300, 1), "truth": present.float()}, present)
    assert float(found["constant"].first_f1) == pytest.approx(0.5)
    assert float(found["constant"].first_lift) == pytest.approx(0, abs=1e-6)
    assert float(found["truth"].first_lift) == pytest.approx(1)


def test_the_bag_is_judged_on_sentences_that_it_did_not_learn_from_in_the_first_half_too():
    generator = torch.Generator().manual_seed(5)
    vocabulary = [f" {chr(97 + i % 26)}{i}" for i in range(300)]
    rows = [torch.randint(0, 300, (12,), generator=generator).tolist() for _ in range(400)]
    text, ids = sentences(rows, (torch.rand(400, 1, generator=generator) < 0.3).tolist())
    found = word_rivals(text, ids, lambda row: "".join(vocabulary[i] for i in row))
    assert float(found[BAG].first_lift) < 0.3  # 300 words fit 200 labels by heart


def test_the_best_word_is_the_one_that_average_precision_would_choose():
    generator = torch.Generator().manual_seed(6)
    there = (torch.rand(200, 7, generator=generator) < 0.2).float()
    present = torch.rand(200, 3, generator=generator) < 0.2
    assert torch.allclose(_presence_precision(there, present).double(), average_precision(there, present), atol=1e-6)


def test_audit_b3_the_unit_is_not_chosen_on_the_half_that_is_reported():
    """The first basis detects on the first half only, the second on the second: what is chosen first must count."""
    present = (torch.arange(200) % 4 == 0)[:, None]
    first_half = torch.arange(200) < 100
    one = (present[:, 0] & first_half).float()
    other = (present[:, 0] & ~first_half).float()
    found = detect({"either": torch.stack([one, other], 1)}, present)["either"]
    assert int(found.best) == 0
    assert float(found.average_precision) == pytest.approx(0.25)


def test_a_probe_combines_what_no_single_unit_has():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(800, 6, generator=generator)
    present = (x[:, :4].sum(1) > 1.5)[:, None]
    single, probed = detect({"axes": x}, present)["axes"], probe(x, present)
    assert float(probed.average_precision) > 0.97
    assert float(single.average_precision) < 0.8


def test_numbers_that_are_reported_do_not_depend_on_the_first_half_beyond_the_choice():
    """Above half of the largest score: three of four have it, and three of five that have it are above."""
    present = torch.tensor([[True], [False]] * 5 + [[True]] * 5 + [[False]] * 5)
    scores = torch.tensor([1.0, 0.0] * 5 + [10.0, 9.0, 8.0, 1.0, 1.0] + [7.0, 1.0, 1.0, 1.0, 1.0])[:, None]
    found = detect({"unit": scores}, present)["unit"]
    assert float(found.half_precision) == 0.75
    assert float(found.half_recall) == pytest.approx(0.6)
    assert float(found.top_precision) == 0.5  # of ten
