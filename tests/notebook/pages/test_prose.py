"""Ungrounded prose: which sentences state numbers and verdicts that no run fills in."""

from __future__ import annotations

import pytest

from glassbook.notebook import Page
from glassbook.notebook.pages.prose import ungrounded

NAMES = ["superposition", "dictionary-learning", "feature-death"]


def kinds(body: str, head: str = "") -> list[str]:
    text = f"---\n{head}\n---\n{body}" if head else body
    return [found.kind for found in ungrounded(Page.parse(text), NAMES)]


# The sentences that a reader met on the starter's pages while nothing had been run.
F3 = [
    "On one seed of three they exceed the claim's 5 %, so it fails.",
    "Three of these fail.",
    "Claims fail on seeds 0 to 2, for likely reasons.",
    "Matching pursuit rebuilds best and finds the truth worst.",
    "No auxiliary loss revives dead latents here.",
]


@pytest.mark.parametrize("sentence", F3)
def test_f3_verdicts_in_prose_are_found(sentence):
    assert kinds(sentence) == ["verdict"]


@pytest.mark.parametrize(
    "sentence",
    [
        "For two other models the ratios are .926 and .998.",
        "Steering worked on one seed of three.",
    ],
)
def test_audit_b10_what_no_run_here_gave_is_found(sentence):
    assert kinds(sentence) != []


# Sentences that the first heuristic let pass.
REVIEW = [
    "A pair that works for one model need not work for another, not even for one trained from another seed.",
    "A sentence used as a prompt names a person, which makes stories about other people less likely.",
    "A push towards stories, by vector or by prompt, can make them less likely.",
    "Neurons detect as much, because most features are about words and their positions (last claims below).",
    "The base rate is high, so random directions recover much of the loss.",
]


@pytest.mark.parametrize("sentence", REVIEW)
def test_verdicts_that_a_review_found_on_pages_are_found(sentence):
    assert kinds(sentence) == ["verdict"]


@pytest.mark.parametrize(
    "sentence",
    [
        "We find that features beat neurons.",
        "In our runs the effect grows with strength.",
        "The claim holds on all three seeds.",
        "The last two claims fail.",
        "`superposition` shows that sparse features share dimensions.",
        "The experiment `feature-death` fails for likely reasons.",
        "It holds on every seed.",
    ],
)
def test_verdicts(sentence):
    assert kinds(sentence) == ["verdict"]


@pytest.mark.parametrize(
    "sentence",
    [
        "The ratios are 0.926 and 0.998 on two other models.",
        "The dictionary explains 98 % of the variance.",
        "With `dictionary-learning` 3.5 latents are active.",
        "We got 85.5 where others got less.",
        "Two of three seeds reach that accuracy.",
        "It reads other programs' dictionaries; latents agree within 1e-5.",
        "It leaks a little of the missing direction, 0.3 to 1.4 nats.",
        "The loss is 5 times as high here.",
        "- the loss is 1.38 nats",
        "| setting | accuracy |\n| --- | --- |\n| plain | 0.93 |",
    ],
)
def test_numbers(sentence):
    assert kinds(sentence) == ["number"]


@pytest.mark.parametrize(
    "sentence",
    [
        "The cosine is {{run: superposition mmcs}}, where chance gives an accuracy of 0.25.",
        "The claim that it recovers them {{claim: superposition/dictionary-recovers}} on every seed.",
        "GPT-4 names the parent with an accuracy of 79 % (Berglund et al. 2023).",
        "Korznikov et al. (2026) report a loss of 0.87 against 0.90.",
        "The [paper](https://example.org) reports an accuracy of 79 %.",
        "The paper reports an accuracy of 79 %.",
        "In [[20261128-101500-123456-abcd|this run]] the loss was 1.38.",
        "Is the loss below 0.5?",
        "Whether features beat neurons on every seed.",
        "Train with `--lr 0.003` and compare the loss.",
        "```python\naccuracy = 0.93\n```",
        "The loss is $0.5 \\cdot x$.",
        "It is 0.5 for a unit that carries no information about it.",
        "A claim that fails is a result.",
        "Which variant is best depends on the metric.",
        "The page shows the tokens that it makes more and less likely.",
        "The experiment `superposition` measures every density.",
        "A vocabulary of 2,048 tokens and 200 pairs.",
        "",
    ],
)
def test_what_is_let_be(sentence):
    assert kinds(sentence) == []


def test_given_phrases_are_let_be_and_have_to_be_there():
    assert kinds("The loss of 2.1 says nothing.", "given: [loss of 2.1]") == []
    assert kinds("The loss of 2.2 says nothing.", "given: [loss of 2.1]") == ["number", "given"]
    assert kinds("With `--k 3.5` the loss falls.", 'given: ["--k 3.5"]') == []


def test_a_page_about_a_work_has_that_works_numbers():
    body = "## Observations\n\nThe error is 5.07 %.\n\n## What can be checked here\n\nThe error is 5.07 %.\n"
    assert kinds(body, "kind: paper") == ["number"]
    assert kinds(body, "kind: term") == ["number", "number"]
    assert kinds("`superposition` gave 0.95.", "kind: talk") == ["number"]


def test_lines_and_sentences_are_those_of_the_page():
    body = "One.\n\nTwo, for `k = 8`. The loss is 1.5 with `k = 8`, e.g. here.\n\n> Three of these fail.\n"
    found = ungrounded(Page.parse(body), NAMES)
    assert [(f.line, f.kind, f.text) for f in found] == [
        (3, "number", "The loss is 1.5 with k = 8, e.g. here."),
        (5, "verdict", "Three of these fail."),
    ]


def test_without_experiments_there_are_no_names():
    assert ungrounded(Page.parse("`superposition` shows much."), []) == []
