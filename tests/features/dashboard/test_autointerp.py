"""Names and their scores: a judge who knows scores 1, one who guesses 0.5, and nothing is half-written."""

from __future__ import annotations

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.features.dashboard.autointerp import LABEL_SCORE, FromTokens, from_truth, give_names, score
from glassbook.features.detect import Detected
from glassbook.notebook.runs.feature_dashboard import Feature, Name, NonActivatingExample


def feature(index=0, tokens=((" fox", 0.7),), contexts=None, sampled=None):
    contexts = contexts or [[(" the", 0.0), (" fox", 3.0), (f" {i}", 0.0)] for i in range(5)]
    sampled = sampled or [[(" one", 0.0), (" fox", 1.0), (f" x{i}", 0.0)] for i in range(8)]
    return Feature(index, "", None, 0.1, 3.0, list(tokens), [], [], [], [], {}, contexts, sampled)


EXCERPTS = [NonActivatingExample([" a", f" {i}", " b"], frozenset({7})) for i in range(20)]


class Fixed:
    """Answers always the same, or by whether the fox is there."""

    source = "fixed"

    def __init__(self, answer=None):
        self.answer = answer

    def name(self, feature):
        return "a fox"

    def active(self, label, texts):
        return [" fox" in text if self.answer is None else self.answer for text in texts]

    def marked(self, label, texts):
        return [(" fox", True) in text if self.answer is None else self.answer for text in texts]


def test_who_knows_scores_one_and_who_guesses_a_half():
    assert score(feature(), "a fox", Fixed(), EXCERPTS) == {"detection": 1.0, "fuzzing": 1.0}
    for answer in (True, False):
        assert score(feature(), "a fox", Fixed(answer), EXCERPTS) == {"detection": 0.5, "fuzzing": 0.5}


def test_what_activates_the_feature_is_no_false_example():
    assert score(feature(7), "a fox", Fixed(), EXCERPTS) == {}


def test_places_from_which_it_was_named_are_not_used():
    same = feature()
    assert score(feature(sampled=same.contexts), "a fox", Fixed(), EXCERPTS) == {}


def test_answers_that_cannot_be_told_are_left_out():
    class Silent(Fixed):
        def active(self, label, texts):
            return None

    assert score(feature(), "a fox", Silent(), EXCERPTS) == {"fuzzing": 1.0}


def test_tokens_give_a_name_and_a_rule():
    judge = FromTokens()
    assert judge.name(feature()) == "' fox' after ' the'"
    loose = [[(f" {i}", 0.0), (f" {word}", 3.0)] for i, word in enumerate("fox fox owl owl cat cub elk".split())]
    label = judge.name(feature(contexts=loose))
    assert label == "' fox', ' owl'"
    assert judge.active(label, [[" an", " owl"], [" a", " cat"]]) == [True, False]
    assert judge.marked(label, [[(" an", False), (" owl", True)], [(" an", True), (" owl", False)]]) == [True, False]
    assert judge.name(feature(contexts=[[(f" {i}", 1.0)] for i in range(10)])) == ""


def test_audit_tokens_are_named_from_other_places_than_those_that_are_scored():
    """What carries the feature over all places, the scored ones included, has no say."""
    assert FromTokens().name(feature(tokens=((" owl", 0.9),))) == "' fox' after ' the'"


def found(best, first_f1, f1):
    """Detections of four attributes; the last has too few positives to be judged."""
    n = float("nan")
    numbers = {name: torch.tensor([0.5, 0.5, 0.5, n]) for name in ("precision", "recall", "auroc")}
    return Detected(
        best=torch.tensor(best), threshold=torch.zeros(4), first_f1=torch.tensor(first_f1),
        first_lift=torch.tensor(first_f1), first_precision=torch.zeros(4),
        average_precision=torch.tensor([0.5, 0.5, 0.5, n]), f1=torch.tensor(f1), lift=torch.tensor(f1),
        half_precision=torch.tensor([0.9, 0.8, 0.7, n]), half_recall=torch.tensor([0.3, 0.4, 0.5, n]),
        top_precision=torch.tensor([1.0, 0.6, 0.2, n]), **numbers,
    )  # fmt: skip


ATTRIBUTES = [("mood", "calm"), ("place", "ridge"), ("animal", "owl"), ("animal", "fox")]


def test_the_truth_names_a_feature_by_every_attribute_that_it_detects_best():
    names = from_truth(found([3, 3, 5, 3], [0.7, 0.8, 0.4, 0.9], [0.6, 0.65, 0.9, 0.9]), ATTRIBUTES)
    assert list(names) == [3]  # the owl's is below the bound on the first half, the fox was not judged
    assert [name.label for name in names[3]] == ["place: ridge", "mood: calm"]
    ridge = names[3][0]
    assert (ridge.source, ridge.score) == ("truth", pytest.approx(0.65))
    assert [ridge.precision, ridge.recall, ridge.top_precision] == pytest.approx([0.8, 0.4, 0.6])


def test_audit_names_are_chosen_on_the_half_that_is_not_reported():
    """The better number on the second half neither gives a name nor orders names."""
    names = from_truth(found([3, 3, 5, 6], [0.9, 0.6, 0.3, 0.9], [0.1, 0.95, 0.99, 0.9]), ATTRIBUTES)
    assert {feature: [name.label for name in given] for feature, given in names.items()} == {
        3: ["mood: calm", "place: ridge"]
    }


@pytest.fixture
def dashboard(tmp_path):
    from glassbook.features import Dictionary, TopK
    from glassbook.features.dashboard import build_dashboard
    from glassbook.nets import open_model
    from glassbook.notebook.runs.feature_dashboard import FeatureDashboard

    d = Dictionary(8, 8, TopK(1))
    with torch.no_grad():
        d.W_dec.copy_(torch.eye(8))
        d.W_enc.copy_(torch.eye(8))
    # Feature 0 is active on token 100 alone, at one place of each text of ten; feature 1 elsewhere.
    x, tokens = torch.zeros(600, 8), torch.randint(200, 300, (600,), generator=torch.Generator().manual_seed(0))
    x[4::20, 0] = torch.linspace(1, 2, 30)
    tokens[4::20] = 100
    x[11::20, 1] = 1.0
    d.about = {"model": "builtin"}
    sequence, names = torch.arange(600) // 10, {1: [Name("truth: it", "truth", 0.9)]}
    to = tmp_path / "artifacts"
    build_dashboard(d, x, open_model("builtin"), to, tokens=tokens, sequence=sequence, names=names, label_score="AUROC")
    return FeatureDashboard(tmp_path)


def test_names_are_kept_with_source_and_scores(dashboard):
    names = give_names(dashboard, FromTokens(), [0])
    found = dashboard.feature(0)
    assert found.label == names[0].label
    assert found.names[0].source == "tokens"
    assert found.names[0].scores == {"detection": 1.0, "fuzzing": 1.0}
    assert found.score == 1.0
    assert dashboard.feature(1).label == "truth: it"
    assert dashboard.feature(1).names[0].source == "truth"
    assert dashboard.header["label_score"] == f"AUROC; of names not from the truth, {LABEL_SCORE}"
    assert [row.index for row in dashboard.rows(text=found.label.split("'")[1].strip())[0]] == [0]


def test_a_judge_who_fails_leaves_the_book_as_it_was(dashboard):
    class Failing(Fixed):
        asked = 0

        def active(self, label, texts):
            self.asked += 1
            if self.asked > 3:
                raise GlassbookError("the server is gone")
            return [True for _ in texts]

    before = dashboard.path.read_bytes()
    with pytest.raises(GlassbookError, match="the server is gone"):
        give_names(dashboard, Failing(), [0, 1])
    assert dashboard.path.read_bytes() == before
    assert [path.name for path in dashboard.path.parent.iterdir()] == [dashboard.path.name]
