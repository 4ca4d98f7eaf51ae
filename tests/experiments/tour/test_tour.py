"""What the tour counts, chooses and writes."""

from types import SimpleNamespace

import pytest
import torch

from glassbook.experiments.tour import _steering, cards, page
from glassbook.notebook import Notebook
from glassbook.steer import Vector


def test_target_words_are_whole_words():
    assert _steering.holds("The Otter swam.", ("otter", "otters"))
    assert not _steering.holds("An ottery place", ("otter",))
    assert _steering.holds("a mother-in-law!", ("mother-in-law",))


def test_text_of_a_model_cannot_break_the_page():
    assert page._marked("so happy now\n# [[d]]", ("happy",)) == r"so **happy** now \# \[\[d\]\]"


def test_cards_are_ranked_one_of_each_kind_in_turn():
    def one(index, label, score):
        return {"index": index, "label": label, "score": score, "tokens": ["a"], "share": 0.5, "density": 0.1}

    given = [one(0, None, None), one(1, "a: x", 0.9), one(2, "a: y", 0.95), one(3, "b: z", 0.8)]
    assert [card["index"] for card in cards.ranked(given)] == [2, 3, 1, 0]


def test_shares_count_detections_at_the_bar():
    rows = [
        {f"{name} lift": x for name, x in zip(cards.DETECTORS, lifts, strict=True)}
        for lifts in ((0.95, 0.5, 0.1, 0.9), (0.6, 0.49, 0.1, 0.2))
    ]
    assert list(cards.shares(rows).values()) == [1.0, 0.5, 0.0, 0.5]
    assert cards.results(rows)["detected_beyond_neurons"] == 0.5


def test_audit_a2_detection_counts_f1_and_one_word_stands_beside():
    """A score that fires on all of a rare attribute and on a tenth of the rest has an AUROC of .95, and a low F1."""
    generator = torch.Generator().manual_seed(0)
    n = 2000
    label = torch.arange(n) % 100 == 0
    vague = (label | (torch.rand(n, generator=generator) < 0.1)).float()[:, None]
    documents = SimpleNamespace(
        sentence=torch.arange(n), labels=label[:, None], attributes=[("species", "heron")]
    )  # fmt: skip
    coder = SimpleNamespace(encode=lambda x: x)
    index = (torch.arange(n),)
    [row] = cards.detect_attributes(
        coder, coder, vague, vague, documents, index, label.long(), lambda ids: " heron" if any(ids) else " a"
    )
    assert row["dictionary lift"] < 0.3
    assert row["best word lift"] == pytest.approx(1)
    assert cards.shares([row]) == {"dictionary": 0, "best neuron": 0, "random dictionary": 0, "best word": 1}
    assert cards.named([row]) == {}


def test_a_card_tells_every_name_with_precision_and_recall():
    feature = SimpleNamespace(index=3, density=0.01, tokens=[("a", 0.5)], contexts=[], label="x", score=0.9)
    rows = [{"kind": "species", "value": v, "precision": p, "recall": 0.5} for v, p in (("heron", 0.9), ("hare", 0.7))]
    assert cards.card(feature, rows)["names"] == [
        "species heron (precision 0.90, recall 0.50)",
        "species hare (precision 0.70, recall 0.50)",
    ]


@pytest.fixture
def notebook(tmp_path):
    return Notebook.create(tmp_path / "notes", title="Notes")


@pytest.mark.parametrize("cost", [0.2, 0.4])
def test_review_a_strength_beyond_the_bound_is_never_taken(notebook, monkeypatch, cost):
    def condition(lm, name, prompts, words, seed, vector=None, where=None):
        strength = 0.0 if vector is None else float(vector.rows["blocks.0.in"].norm())
        share = min(strength, 1.0)
        return {
            "condition": name,
            "texts": ["t"],
            "hits": 1,
            "share": share,
            "low": 0,
            "high": 1,
            "nll": cost * strength,
        }

    monkeypatch.setattr(_steering, "_condition", condition)
    candidate = _steering.Candidate("Feature 1", "added", Vector({"blocks.0.in": torch.tensor([1.0, 0.0])}), ("otter",))
    with notebook.start_run("test", config={}, seed=0, claims=[]) as run:
        args = (
            run,
            "feature",
            None,
            [candidate],
            ["a", "b", "c", "d"],
            (1.0, 2.0),
            _steering.Effort(1, slice(None), 4),
        )
        found = _steering.try_out(*args)
    names = [c["condition"] for c in found["conditions"]]
    if cost == 0.2:  # .2 nats at strength 1, .4 at 2
        assert (found["strength"], names) == (1.0, list(_steering.CONDITIONS))
    else:
        assert (found["strength"], names) == (None, ["plain"])
        assert "No direction qualifies (1 tried, each at 2 strengths)" in page._one_steering(found)
        assert "0.3 nats" in page._one_steering(found)
