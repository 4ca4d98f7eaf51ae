import pytest
import torch

from glassbook.measure.matching import f1, latent_f1, mcc, mmcs, uniqueness

TRUTH = torch.randn(6, 16, generator=torch.Generator().manual_seed(0))


def test_the_truth_in_another_order_and_length_is_found():
    order = torch.tensor([3, 1, 0, 5, 2, 4])
    found = 2.5 * TRUTH[order]
    assert mcc(TRUTH, found) == pytest.approx(1)
    assert mmcs(TRUTH, found) == pytest.approx(1)


def test_sign_counts_for_mmcs_only():
    assert mcc(TRUTH, -TRUTH) == pytest.approx(1)
    assert mmcs(TRUTH, -TRUTH) < 0.6


def test_copies_of_one_feature_and_missing_features_cost_mcc():
    assert mcc(TRUTH, TRUTH[:3]) == pytest.approx(0.5)
    copies = TRUTH[:1].expand(6, -1)
    assert mcc(TRUTH, copies) < 0.5


def test_more_random_directions_raise_mmcs():
    g = torch.Generator().manual_seed(7)
    assert mmcs(TRUTH, torch.randn(4000, 16, generator=g)) > mmcs(TRUTH, torch.randn(10, 16, generator=g)) + 0.2


def test_f1_of_latents():
    active = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 0]], dtype=torch.bool)
    assert f1(active, active).tolist() == [1, 1]
    assert f1(torch.ones(4, 2), active).tolist() == pytest.approx([2 * 2 / (4 + 2), 2 * 1 / (4 + 1)])
    assert f1(torch.zeros(4, 2), active).tolist() == [0, 0]
    with pytest.raises(ValueError, match="dimensions"):
        mcc(torch.eye(2), torch.ones(1, 3))


def test_uniqueness_counts_truths_that_are_shared():
    truth = torch.eye(4)
    assert uniqueness(truth, truth) == 1
    assert uniqueness(truth, torch.stack([truth[0], -truth[0], truth[1], 0.9 * truth[1]])) == 0.5


def test_latent_f1_is_of_the_nearest_truth():
    truth = torch.eye(3)
    active = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]]).bool()
    fired = torch.tensor([[1, 0], [1, 0], [0, 0], [0, 1]]).bool()
    # The first latent is the first truth exactly; the second points at the second but fires for the third.
    assert latent_f1(truth, truth[:2], active, fired) == 0.5
    assert latent_f1(truth, truth[[0, 2]], active, fired) == 1
