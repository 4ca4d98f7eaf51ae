"""What the fine-tuning experiment trains on and measures."""

import math
import random

import pytest
import torch

from glassbook.data.world import World
from glassbook.data.world.dialogues import Dialogues
from glassbook.experiments.language import _assistant
from glassbook.experiments.language._assistant import Answered, Tuning, bits_per_byte, share, shuffled_answers, table
from glassbook.nets import open_language_model
from glassbook.nets.chat import as_chat_model, encode_conversation
from glassbook.notebook.runs.rng import Rng


@pytest.fixture(scope="module")
def base():
    return open_language_model("builtin")


@pytest.fixture(scope="module")
def chat(base):
    return as_chat_model(base)


@pytest.fixture(scope="module")
def talks():
    stream = Dialogues(World(), 7).training(0)
    return [next(stream) for _ in range(200)]


def test_a_batch_holds_conversations_with_the_loss_on_answers_and_replayed_text(chat, talks):
    encoded = [encode_conversation(chat, talk.messages) for talk in talks]
    tuning = Tuning(steps=1, lr=1e-3, conversations=3, replayed=2, length=72)
    batches = tuning.batches(chat, encoded, Rng(7, ("x",)))
    batch = batches(4)
    assert batch["input_ids"].shape == batch["loss_mask"].shape == (5, 72)
    assert bool((batch["loss_mask"][3:] == 1).all())
    said = chat.decode(batch["input_ids"][0][batch["loss_mask"][0].bool()])
    assert any(talk.answer in said for talk in talks)
    assert not any(talk.question in said for talk in talks)
    assert torch.equal(batches(4)["input_ids"], batch["input_ids"])
    assert not torch.equal(batches(5)["input_ids"], batch["input_ids"])


def test_bits_per_byte_counts_text_alone(base, chat):
    texts = [next(World().stream(-4)).text]
    ids = torch.tensor([base.encode(texts[0])])
    with torch.no_grad():
        nats = -base.model(ids).logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None]).sum()
    assert bits_per_byte(base, 1, -4) == pytest.approx(float(nats) / math.log(2) / len(texts[0].encode()), rel=1e-5)
    # a model that knows three tokens more loses a little probability to them
    assert bits_per_byte(chat, 3, -4) == pytest.approx(bits_per_byte(base, 3, -4), rel=0.05)


def test_shuffled_answers_stay_within_their_relation(talks):
    shuffled = shuffled_answers(talks, Rng(7, ("x",)))
    assert [s.prompt for s in shuffled] == [t.prompt for t in talks]
    assert sorted(s.answer for s in shuffled) == sorted(t.answer for t in talks)
    assert all(s.in_form(s.answer) for s in shuffled)
    moved = [s for s, t in zip(shuffled, talks, strict=True) if s.answer != t.answer]
    assert len(moved) > 0.7 * len(talks)


def test_shares_and_the_table_of_answers(talks):
    answers = [Answered(t, t.answer if i % 2 else "No.", ended=i % 4 != 1) for i, t in enumerate(talks[:20])]
    assert share(answers) == 0.5
    assert share(answers, "formed") == 0.25
    rows = table([answers[:10], answers[10:]], answers, of_each=3)
    assert len(rows) == 6
    assert {row["mark"] for row in rows} <= {"right", "wrong"}
    assert rows[0]["question"] == answers[0].dialogue.prompt


def test_an_untuned_model_does_not_answer_in_form(base, chat, talks):
    asked = random.Random(0).sample(talks, 6)
    assert share(_assistant.ask(chat, asked), "formed") == 0
    assert all(a.text for a in _assistant.ask(base, asked, chat=False))


def test_the_base_knows_the_facts_in_its_own_form(base):
    assert _assistant.native_right(base, Dialogues(World(), 7)) > 0.8
