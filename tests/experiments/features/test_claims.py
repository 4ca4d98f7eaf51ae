"""Claims of the experiments on features can come out otherwise."""

import pytest
import torch

from glassbook.experiments import find
from glassbook.experiments.features.feature_death import _rank


@pytest.mark.parametrize(
    ("name", "claim"),
    [("dictionary-learning", "code-is-sparse"), ("superposition", "mean-explains-nothing")],
)
def test_audit_b7_what_holds_by_definition_is_no_claim(name, claim):
    assert claim not in {c.id for c in find(name).claims}


def test_audit_b7_the_control_of_dead_latents_can_fail():
    """It was a rank correlation of a constant, set to 0."""
    kind = find("feature-death")
    assert not any("centred" in (claim.control or "") for claim in kind.claims)
    flat = [{"offset": offset, "start": 0.25} for offset in (0.0, 1.0, 8.0)]
    assert _rank(flat) == 0
    assert _rank([{"offset": x, "start": -x} for x in (0.0, 1.0, 8.0)]) == pytest.approx(-1)
    assert _rank([{"offset": x, "start": y} for x, y in ((0.0, 0.0), (1.0, 0.0), (8.0, 1.0))]) == pytest.approx(2 / 3)
    assert _rank([{"offset": x, "start": x} for x in (0.0, 1.0, 8.0)]) == pytest.approx(1)


def test_audit_a1_every_random_rival_is_read_by_matching_pursuit(tmp_path):
    from glassbook.experiments import kit
    from glassbook.features import evaluate
    from glassbook.features.classical import OMP
    from glassbook.notebook.runs.rng import Rng

    x = torch.randn(400, 16, generator=torch.Generator().manual_seed(0)) + 5
    random = kit.frozen_random(x, 64, 4, Rng(0, ("random directions",)))
    assert random.solver == OMP(4)
    assert 0.3 < evaluate(random, x).explained_variance < 1


def test_audit_a2_detection_is_claimed_by_precision_and_beside_its_rivals():
    claims = {claim.metric: claim for claim in find("dictionary-learning").claims}
    rivals = ("neurons", "residual_axes", "random_directions", "untrained_model")
    rivals = [*map("beyond_{}".format, rivals), "unsolved_beyond_best_word", "unsolved_beyond_bag_of_words"]
    assert all(claims[metric].control for metric in rivals)
    assert find("dictionary-learning")().k == 8
