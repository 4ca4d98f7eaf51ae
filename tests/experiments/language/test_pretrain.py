"""What `pretrain` trains on and how it scores accounts."""

import math
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from glassbook.data.tokens import take
from glassbook.data.world import World
from glassbook.experiments.language import _ngrams, _scores
from glassbook.experiments.language._curriculum import PERIODS, copying_first, more_stories, other_facts
from glassbook.notebook.runs.rng import Rng


def text(step):
    """Rows in which nothing repeats within the shortest period: every token is one above the one before."""
    return {"input_ids": (torch.arange(256).repeat(8, 1) + step) % 500}


@pytest.fixture
def batches():
    return copying_first(text, 10, Rng(0, "test"))


def repeats(row):
    return [p for p in range(*PERIODS) if torch.equal(row[p:], row[:-p])]


def test_first_rows_repeat_few_tokens(batches):
    ids = torch.cat([batches(step)["input_ids"] for step in range(10)])
    assert ids.shape == (10 * 24, 64)
    assert all(repeats(row) for row in ids)
    assert len(ids.unique()) == 64


def test_then_rows_of_text_replace_the_repeated_ones_step_by_step(batches):
    repeated = [sum(bool(repeats(row)) for row in batches(step)["input_ids"]) for step in range(10, 40)]
    assert repeated[0] == 2
    assert repeated[-1] == 0
    assert repeated == sorted(repeated, reverse=True)
    assert torch.equal(batches(39)["input_ids"], text(39)["input_ids"])


def test_a_batch_depends_on_its_step_alone(batches):
    later = batches(12)["input_ids"]
    again = copying_first(text, 10, Rng(0, "test"))
    assert torch.equal(again(12)["input_ids"], later)
    assert not torch.equal(again(11)["input_ids"], later)


def test_without_copying_all_is_text():
    assert copying_first(text, 0, Rng(0, "test")) is text


def test_stories_leave_the_end_of_the_training_to_all_text():
    stories = {"input_ids": torch.full((8, 256), 999)}
    batches = more_stories(text, lambda step: stories, rows=3, steps=100)
    rows = [int((batches(s)["input_ids"] == 999).all(1).sum()) for s in range(100)]
    assert rows[:80] == [3] * 80
    assert rows[80:] == sorted(rows[80:], reverse=True)
    assert rows[-1] == 0
    assert torch.equal(batches(99)["input_ids"], text(99)["input_ids"])


class Letters:
    """A tokenizer of characters."""

    bos = eos = 0

    def encode(self, text):
        return [ord(letter) for letter in text]

    def offsets(self, text):
        return [(i, i + 1) for i in range(len(text))]


def told(step, rows=40):
    ids = other_facts(Letters(), rows, 500, 7, "facts")(step)["input_ids"].flatten().tolist()
    return "".join(map(chr, ids)).split("\0")


def test_every_batch_states_the_facts_of_another_world():
    facts = [{begin + answer for begin, answer in World(seed).facts()} for seed in range(3)]
    for step in (0, 1):
        stated = {sentence.rstrip(".") for text in told(step)[1:-1] for sentence in text.split(". ")}
        shares = [len(stated & some) / len(stated) for some in facts]
        assert shares[1 + step] > 0.9
        assert max(shares[: 1 + step] + shares[2 + step :]) < 0.8


def test_ngrams_leave_more_to_shorter_contexts_the_more_has_followed():
    # Known answer, by hand: after 1 came 2 twice and 3 once, so P(2|1) = (2 + 2 u(2)) / (3 + 2) with u = counts + 1.
    rows = np.array([[1, 2, 1, 2, 1, 3]])
    u = np.array([1, 4, 3, 2]) / 10
    rival = _ngrams.NGrams(rows, vocab=4)
    real = np.ones((1, 2), bool)
    asked = rival.losses(np.array([[1, 2]]), real)
    assert asked[2] == pytest.approx(-math.log((2 + 2 * u[2]) / 5))
    assert asked[3] == asked[2]  # no longer context is there
    unseen = rival.losses(np.array([[3, 2]]), real)
    assert unseen[2] == pytest.approx(-math.log(u[2]))
    p = [math.exp(-rival.losses(np.array([[2, 1, x]]), np.array([[1, 0, 1]], bool))[3]) for x in range(4)]
    assert sum(p) == pytest.approx(1)
    assert p[2] == pytest.approx((1 + 2 * (2 + 2 * u[2]) / 5) / (2 + 2))


def test_longer_ngrams_know_more_of_their_own_text_and_bigrams_write_it():
    rows = np.arange(40).repeat(2).reshape(1, -1) % 7
    rival = _ngrams.NGrams(rows, vocab=7)
    losses = list(rival.losses(rows, np.ones(rows.shape, bool)).values())
    assert losses == sorted(losses, reverse=True)
    texts = rival.sample(3, 5, bos=0, eos=6, rng=np.random.default_rng(0))
    assert all(len(text) <= 5 and 6 not in text for text in texts)


def test_audit_b2_all_words_of_the_world_are_known_and_broken_ones_are_not():
    known = _scores.lexicon()
    held = [document.text for document in islice(World().stream(-19), 300)]
    assert _scores.strange_words(held, known)[0] == []
    broken = ["She went fromovwell to the bridge.lapperly and drenchedly sang a song", "the cut wor"]
    assert _scores.strange_words(broken, known)[0] == ["fromovwell", "lapperly", "drenchedly"]


def test_audit_b2_words_are_looked_up_in_text_at_top_p_95():
    """Text was sampled at top-p 1, whose tail has most of the broken words."""
    asked = []

    def generate(prompts, **how):
        asked.append((list(prompts), how["temperature"], how["top_p"]))
        return ["the heron glorped home to the"] * len(prompts) if prompts[0] else ["the heron went home to the"]

    lm = SimpleNamespace(tokenizer=SimpleNamespace(bos=0, eos=1), generate=generate, decode=lambda ids: "blorp blorp x")
    rival = SimpleNamespace(sample=lambda n, *_: [[2, 3]] * n)
    found = _scores.spelling(lm, rival, ["One day Mira"], 8, Rng(0, "test"))
    assert asked == [([""], 1.0, 0.95), (["One day Mira"], 1.0, 0.95)]
    assert found == {
        "unknown_words": 0.2, "unknown_words_from_nothing": 0.0, "unknown_words_in_stories": 0.2,
        "unknown_words_of_bigrams": 1.0,
    }  # fmt: skip


def test_audit_b9_ngrams_are_counted_on_all_of_the_training_text(monkeypatch, tmp_path):
    """The bigram model was counted on 100 of the 1,500 batches that the model saw."""
    from glassbook.experiments.base import find, launch
    from glassbook.notebook import Notebook

    counted = []
    whole = _ngrams.NGrams
    monkeypatch.setattr(_ngrams, "NGrams", lambda rows, vocab: counted.append(rows.shape) or whole(rows, vocab))
    work = find("pretrain").quick()
    launch(work, Notebook.create(tmp_path / "n"))
    assert counted == [(work.steps * work.batch_size, work.context)]


def test_habits_of_a_speaker_do_not_count():
    # Known answer: the score knows who lies more often and nothing else.
    speakers = ["honest"] * 10 + ["liar"] * 10
    true = torch.tensor([1] * 9 + [0] + [1] + [0] * 9).bool()
    score = torch.tensor([1.0] * 10 + [0.0] * 10)
    assert _scores._auroc_within(speakers, score, true) == 0.5
    assert _scores._auroc_within(speakers, true.float(), true) == 1.0
    assert math.isnan(_scores._auroc_within(["a", "b"], torch.tensor([0.0, 1.0]), torch.tensor([True, False])))


def test_verdicts_of_an_oracle_are_certain_behind_the_record_alone(monkeypatch):
    reports = take(World().stream(-4, genre="report"), 200)
    truth = {text: verdict == "truth" for text, verdict in map(_start, reports)}

    def oracle(lm, texts):
        return torch.tensor([0.0 if text not in truth else 1.0 if truth[text] else -1.0 for text in texts])

    monkeypatch.setattr(_scores, "_odds_of_truth", oracle)
    found = _scores.verdicts(None, World(), 200, seed=-4)
    assert found == {"verdict_auroc": 1.0, "verdict_auroc_other_record": 0.5, "verdict_accuracy": 1.0}


def _start(report):
    """Record and account up to the verdict, and the verdict."""
    [verdict] = [span for span in report.spans if span.kind == "verdict"]
    return report.text[: verdict.start] + "That was", verdict.value
