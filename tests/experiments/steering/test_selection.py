"""What experiments on steering report was picked on other texts, and every way to steer is held to the same damage."""

from itertools import islice

import pytest

import glassbook.steer
from glassbook.data.world import World
from glassbook.experiments import find, launch
from glassbook.experiments.steering._arms import best_vector, pick
from glassbook.experiments.steering._texts import off_topic_texts, other_sentences, other_texts, theme_sentences
from glassbook.notebook import Condition, Notebook
from glassbook.notebook.runs.rng import Rng
from glassbook.steer import Row


def row(condition: str, half: str, coeff: float, on: float, off: float) -> dict:
    return {"condition": condition, "half": half, "coeff": coeff, "on": on, "off": off, "kl": 0.0, "harmed": 0.0}


def test_texts_are_all_different():
    world, rng = World(), Rng(0, ("test",))
    for texts in (theme_sentences(world, "wedding", 300, rng), other_texts(world, 300, rng)):
        assert len(set(texts)) == 300
    first = list(islice((d.text for d in world.stream(-1 - rng.seed) if d.genre in ("note", "report", "reply")), 1))
    assert other_texts(world, 1, rng) == first


def test_the_strength_is_picked_on_dev_within_the_bound_and_reported_on_test():
    rows = [
        row("v", "dev", 1, on=0.9, off=1.01), row("v", "test", 1, on=0.8, off=1.0),
        row("v", "dev", 2, on=0.95, off=1.0), row("v", "test", 2, on=0.6, off=1.0),
        row("v", "dev", 3, on=0.5, off=1.5), row("v", "test", 3, on=0.4, off=1.0),
    ]  # fmt: skip
    found = pick(rows, "v", 1.02)
    assert (found["coeff"], found["on"], found["dev_on"]) == (1, 0.8, 0.9)


def test_audit_b8_a_prompt_that_does_more_damage_than_vectors_may_counts_as_nothing_done():
    rows = [row("prompt", half, n, on=0.5, off=1.3) for n in (2, 9) for half in ("dev", "test")]
    found = pick(rows, "prompt", 1.02)
    assert (found["coeff"], found["on"], found["off"], found["dev_on"]) == (0.0, 1.0, 1.0, 1.0)
    assert pick(rows, "prompt", 1.5)["on"] == 0.5


def test_a_strength_that_makes_the_topic_less_likely_counts_as_nothing_done():
    """No arm has to steer: otherwise one that does harm would look worse than it can be used."""
    rows = [row("feature", half, n, on=1.02, off=1.0) for n in (1, 2) for half in ("dev", "test")]
    assert (pick(rows, "feature", 1.02)["coeff"], pick(rows, "feature", 1.02)["on"]) == (0.0, 1.0)
    assert pick(rows, "feature", 1.02, or_nothing=False)["on"] == 1.02


def test_half_of_the_texts_off_the_topic_are_stories_of_other_themes():
    world, rng = World(), Rng(0, ("test",))
    texts = off_topic_texts(world, "wedding", 41, rng)
    assert len(texts) == 41
    assert texts[:21] == other_texts(world, 21, rng)
    assert texts[21:] == other_sentences(world, "wedding", 20, rng)


def test_audit_b8_the_best_vector_is_the_best_on_dev():
    arms = {
        "lucky": {"on": 0.5, "dev_on": 0.9},
        "good": {"on": 0.6, "dev_on": 0.8},
        "prompt": {"on": 0.1, "dev_on": 0.1},
        "other_prompt": {"on": 0.1, "dev_on": 0.1},
        "random": {"on": 0.1, "dev_on": 0.1},
    }
    assert best_vector(arms) is arms["good"]


@pytest.fixture(scope="module")
def controls(tmp_path_factory) -> dict[str, float]:
    """Results of steering-controls where dev and test texts disagree on the best middle and the worst early layer."""
    kind = find("steering-controls")
    work = kind.quick()
    on = {True: [0.9, 0.9, 0.7, 0.8, 0.9, 1.0], False: [0.9, 0.9, 0.6, 0.5, 0.9, 1.0]}
    off = {True: [1.2, 1.4, 1.0, 1.0, 1.0, 1.0], False: [1.3, 1.2, 1.5, 1.02, 1.0, 1.0]}

    def sweep(lm, plus, minus, on_topic, off_topic, coeffs, seed):
        dev = len(on_topic) == work.dev_texts
        rows = [Row(f"blocks.{i}.in", "vector", 2.0, "all", on[dev][i], off[dev][i], 0.0, 0.0) for i in range(6)]
        return rows + [Row(r.site, "random", 2.0, "all", 1.0, 1.0, 0.0, 0.0) for r in rows]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glassbook.steer, "layer_sweep", sweep)
        return launch(work, Notebook.create(tmp_path_factory.mktemp("notes") / "nb")).results


def test_audit_b8_the_middle_layer_is_picked_on_other_texts(controls):
    assert controls["middle_layer"] == 2
    assert controls["middle_on_topic"] == 0.6
    assert controls["early_off_topic"] == 1.2
    assert controls["half_early_less_middle"] == pytest.approx(0.25 / 2 - 0.26)


def test_audit_b8_the_third_layer_of_six_is_not_in_the_first_third(controls):
    [claim] = [claim for claim in find("steering-controls").claims if claim.id == "damage-is-early"]
    assert controls["early_over_later"] == pytest.approx(1.3 / 1.5)
    assert not claim.condition.holds(controls["early_over_later"])


def gated(experiment: str) -> dict[str, str]:
    """Claims of an experiment that its treatment could meet by doing nothing, with their controls."""
    return {claim.id: str(claim.control) for claim in find(experiment).claims if claim.control}


def test_review_a_claim_of_little_harm_has_shown_nothing_where_steering_does_nothing():
    frontier = gated("steering-frontier")
    nothing = pick([row("v", half, 1, on=0.5, off=1.5) for half in ("dev", "test")], "v", 1.02)
    assert nothing["on"] == 1.0
    for id in ("facts-stay-likely", "facts-stay-recalled", "clamping-beats-adding", "mean-difference-beats-feature"):
        assert not Condition.parse(frontier[id]).holds(nothing["on"]), id
    for id in ("middle-does-less-damage", "last-layer-does-little", "embeddings-do-less"):
        assert gated("steering-controls")[id] == "middle_on_topic <= 0.95"
    assert gated("activation-addition")["other-themes-unharmed"] == "on_topic_ratio <= 0.95"


def test_review_arms_that_do_nothing_beat_nothing():
    claims = {claim.id: claim for name in ("steering-frontier", "steering-controls") for claim in find(name).claims}
    for id in ("mean-difference-beats-feature", "clamping-beats-adding", "prompt-is-stronger", "damage-is-early"):
        assert not claims[id].condition.holds(1.0), id
    assert not claims["middle-does-less-damage"].condition.holds(0.0)
