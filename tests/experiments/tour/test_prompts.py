"""Prompts of the tour, and the strength that it steers with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import SimpleNamespace

import torch

from glassbook.data.world import World
from glassbook.experiments.tour import _steering, corpus
from glassbook.notebook import Notebook
from glassbook.steer import Vector


def test_audit_a4_prompts_name_a_ranger_and_none_is_in_both_halves(monkeypatch):
    """They began with the first word of a story ("One went", "Last went"), and many stood in both halves."""
    monkeypatch.setattr(corpus.kit, "documents", lambda *_: None)
    lm: object = None  # only the labels ask for it
    openings = corpus.of_the_reserve(lm, 3, 120).openings  # pyright: ignore[reportArgumentType]
    names = {ranger.name for ranger in World().reserve.rangers}
    assert len(openings) == 96
    assert [text for text in openings if not names & set(re.findall(r"\w+", text))] == []
    assert set(openings[::2]) & set(openings[1::2]) == set()


@dataclass(frozen=True)
class Steered:
    """What stands for a model's steered texts: how likely they are, and how many hold a target word."""

    nll: float
    share: float


def picked(monkeypatch, folder, by_strength: dict[float, Steered]) -> float:
    """The strength that is picked for a vector of norm 1 if these are the texts at each strength."""

    def condition(lm, name, prompts, words, seed, vector=None, where=None):
        strength = 0.0 if vector is None else float(vector.rows["blocks.0.in"].norm())
        found = by_strength[min(by_strength, key=lambda known: abs(known - strength))]
        hits = round(found.share * len(prompts))
        texts = ["a wedding"] * hits + ["a path"] * (len(prompts) - hits)
        return {"condition": name, "texts": texts, "hits": hits, "share": found.share, "low": 0.0, "high": 1.0,
                "nll": found.nll}  # fmt: skip

    monkeypatch.setattr(_steering, "_condition", condition)
    vector = Vector({"blocks.0.in": torch.tensor([[1.0, 0.0]])})
    candidate = _steering.Candidate("a pair", "how", vector, ("wedding",))
    lm: object = None
    with Notebook.create(folder).start_run("toy", {}) as run:
        found = _steering._pick_and_report(
            run, "vector", lm, [candidate], ["a", "b", "c", "d"] * 5, list(by_strength)[1:], None,  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
    return found["strength"]


def test_audit_b1_a_strength_at_which_text_breaks_is_not_picked(monkeypatch, tmp_path):
    """The bound was 1.5 times the plain texts' nats and .5 more; what brought most hits within it was at its edge."""
    audited = {0.0: Steered(1.93, 0.08), 0.5: Steered(2.15, 0.71), 0.75: Steered(3.16, 0.96)}
    assert picked(monkeypatch, tmp_path / "n", audited) == 0.5


def test_audit_b2_the_tour_samples_its_texts_at_top_p_95():
    """It sampled at top-p 1, and words broke."""
    asked = {}

    def generate_ids(prompts, **how):
        asked.update(how)
        return [[1, 2]] * len(prompts)

    lm = SimpleNamespace(
        generate_ids=generate_ids, encode=lambda text: [0], continuation=lambda prompt, ids: "a wedding",
        continuation_nll=lambda prompts, new: torch.zeros(len(prompts)),
    )  # fmt: skip
    found = _steering._condition(lm, "plain", ["One day"], ["wedding"], 0)
    assert (asked["top_p"], found["hits"]) == (0.95, 1)
