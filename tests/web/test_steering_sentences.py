"""Effect and damage in sentences."""

from __future__ import annotations

import pytest

from glassbook.web.steering_sentences import DAMAGE, sentences

DAMAGED = {"nll_plain": 1.0, "nll_steered": 1.35, "distinct_2_plain": 0.9, "distinct_2_steered": 0.4}
ANSWER = {
    "words_changed": 0.62,
    "active_tokens": {"plain": 0.0, "steered": 0.38, "random": 0.05},
    "effect": {"changed_tokens": 0.9, "preference_nats": 0.256},
    "damage": DAMAGED,
    "control": {"words_changed": 0.3, "nll": 0.8, "distinct_2": 0.85},
}


def test_every_number_is_said_with_its_meaning_and_its_control():
    assert sentences(ANSWER) == {
        "effect": [
            "62 % of the steered words are not in the unsteered text (random vector: 30 %).",
            "The feature is active on 38 % of the steered tokens and on 0 % of the unsteered ones "
            "(random vector: 5 %).",
            "Steering makes its own text 0.26 nats per token likelier.",
        ],
        "damage": [
            "The unsteered model finds the steered text 0.35 nats per token less likely than its own "
            "(random vector: 0.20 nats likelier). More than 0.3 counts as damage.",
            "The steered text repeats itself more than the unsteered one: 40 % of its pairs of neighbouring tokens are "
            "different, there 90 % (random vector: 85 %).",
        ],
    }


def test_without_a_control_and_a_feature_nothing_is_said_of_them():
    said = sentences({**ANSWER, "active_tokens": {}, "control": None})
    assert "random" not in str(said)
    assert len(said["effect"]) == 2


@pytest.mark.parametrize(("nll", "damage"), [(1.0 + DAMAGE - 0.01, False), (1.0 + DAMAGE + 0.01, True), (0.5, False)])
def test_damage_begins_at_a_bound(nll, damage):
    said = sentences({"damage": {**DAMAGED, "nll_steered": nll}})["damage"][0]
    assert ("counts as damage" in said) is damage


def test_no_difference_is_said_as_such():
    same = {"effect": {"preference_nats": -0.0}, "damage": {"nll_plain": 1.0, "nll_steered": 1.0}}
    said = sentences({"words_changed": 0.0, **same})
    assert said["effect"][1] == "Steering makes its own text neither likelier nor less likely."
    assert said["damage"] == ["The unsteered model finds the steered text as likely as its own."]


@pytest.mark.parametrize("answer", [{}, {"damage": {"distinct_2_plain": None, "distinct_2_steered": None}}])
def test_what_was_not_measured_is_left_out(answer):
    assert sentences(answer) == {"effect": [], "damage": []}
