"""Conversations about the Reserve: answers that a program checks, and what is held out of the training."""

import hashlib
from itertools import islice

import pytest

from glassbook.data.world import World
from glassbook.data.world.dialogues import ASK, DIRECT, KINDS, READ, Dialogues


@pytest.fixture(scope="module")
def dialogues():
    return Dialogues(World(), seed=7)


@pytest.fixture(scope="module")
def training(dialogues):
    return list(islice(dialogues.training(0), 4000))


def everything(dialogues, training):
    return [
        *training,
        *dialogues.unasked(),
        *dialogues.asked(),
        *dialogues.reading(50, -1),
        *dialogues.directing(12, -1),
    ]


def test_every_answer_is_right_and_in_form(dialogues, training):
    for d in everything(dialogues, training):
        assert d.right(d.answer), d
        assert d.in_form(d.answer), d
        assert not d.right("")
        assert not d.in_form(d.answer + " And more.")


def test_there_are_seven_relations_with_eight_phrasings_each():
    assert len(ASK) == 7
    assert {len(ways) for ways in (*ASK.values(), *READ.values(), DIRECT)} == {8}
    assert all(len(set(ways)) == len(ways) for ways in (*ASK.values(), *READ.values(), DIRECT))


def test_training_states_no_held_out_fact(dialogues, training):
    told = {d.subject for d in training if d.kind == "ask"}
    assert len(dialogues.held_out) == 51
    assert not told & dialogues.held_out
    unasked = {d.answer for d in dialogues.unasked()}
    assert not unasked & {d.answer for d in training}
    places = {entity for entity, relation in dialogues.held_out if relation == "keeper"}
    assert not places & {d.subject[0] for d in training if d.kind == "direct"}
    assert places == {d.subject[0] for d in dialogues.directing(6, -1)}
    assert not any(answer in d.answer for answer in unasked for d in training)


def test_training_uses_no_held_out_phrasing(dialogues, training):
    said = " ".join(d.question for d in training if d.kind == "read")
    assert not any(way in said for name in READ for way in dialogues.phrasings[name][1])
    held = {d.question for d in (*dialogues.unasked(), *dialogues.asked())}
    assert not held & {d.question for d in training}
    assert {len(away) for _, away in dialogues.phrasings.values()} == {2}


def test_the_same_seed_gives_the_same_and_another_another(dialogues):
    again, other = Dialogues(World(), 7), Dialogues(World(), 8)
    assert list(islice(again.training(3), 20)) == list(islice(dialogues.training(3), 20))
    assert other.held_out != dialogues.held_out
    assert dialogues.reading(5, -1) == again.reading(5, -1) != dialogues.reading(5, -2)


def test_seeds_on_the_wrong_side_are_refused(dialogues):
    with pytest.raises(ValueError, match="from 0 on"):
        next(dialogues.training(-1))
    with pytest.raises(ValueError, match="below 0"):
        dialogues.reading(1, 0)


def test_a_wrong_value_or_two_values_are_not_right(dialogues):
    d = dialogues.ask("otter", "food", ASK["food"][0])
    assert d.right("Crabs, I believe.")
    assert not d.right("The otter eats fish.")
    assert not d.right("The otter eats crabs and fish.")
    assert d.in_form("The heron eats fish.")
    assert not d.in_form("Crabs.")


def test_a_value_within_another_is_told_apart(dialogues):
    notes = (d for d in islice(dialogues.training(1), 3000) if d.subject[1] == "weather")
    rain = next(d for d in notes if d.value == "steady rain")
    assert rain.right("There was steady rain.")
    assert not rain.right("There was rain.")


def test_all_kinds_come_in_their_shares(training):
    counts = {kind: sum(d.kind == kind for d in training) / len(training) for kind in KINDS}
    assert counts["ask"] == pytest.approx(0.5, abs=0.03)
    assert counts["read"] == pytest.approx(0.3, abs=0.03)
    assert {d.without_note().prompt for d in training if d.kind == "read"} == {
        d.question for d in training if d.kind == "read"
    }


def test_the_text_of_the_conversations_is_frozen(training):
    """Evidence is of exactly these conversations."""
    digest = hashlib.sha256(repr([(d.prompt, d.answer) for d in training]).encode()).hexdigest()
    assert digest == "973d3b5086e616422ecc92bbec31bafbfff5e1d21a91a2c88237b68300399079"
