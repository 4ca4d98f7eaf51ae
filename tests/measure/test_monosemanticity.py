import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassbook.measure.monosemanticity import label_entropy, single_label_r2


def test_known_answers():
    labels = torch.tensor([[1, 0], [1, 1], [0, 0], [0, 1]]).bool()
    codes = torch.tensor([[2.0, 0, 5, 1], [2, 1, 5, 0], [0, 0, 5, 0], [0, 1, 5, 0]])
    share, which = single_label_r2(codes, labels)
    # One attribute exactly; the other exactly; a constant; one of four corners.
    torch.testing.assert_close(share, torch.tensor([1, 1, 0, 1 / 3], dtype=torch.float64))
    assert which[:2].tolist() == [0, 1]


@given(seed=st.integers(0, 1000))
def test_is_the_squared_correlation(seed):
    g = torch.Generator().manual_seed(seed)
    codes, labels = torch.randn(50, 3, generator=g), torch.rand(50, 4, generator=g) < 0.4
    both = torch.corrcoef(torch.cat([codes.double(), labels.double()], 1).T)[:3, 3:] ** 2
    share, _ = single_label_r2(codes, labels, rows=7)
    torch.testing.assert_close(share, both.nan_to_num(0).max(1).values, atol=1e-6, rtol=1e-6)


def test_entropy_of_known_mixtures():
    values = torch.tensor([[1.0], [3.0], [2.0], [2.0], [0.0], [1.0]])
    latents = torch.tensor([[0], [0], [1], [1], [2], [3]])
    bits = label_entropy(values, latents, torch.tensor([7, 7, 7, 9, 7, 8]), 5)
    assert bits[:2].tolist() == [0, 1]
    assert bits[3] == 0
    assert all(math.isnan(v) for v in (bits[2], bits[4]))


def test_rows_have_to_agree():
    with pytest.raises(ValueError, match="3 rows of latents but 2"):
        single_label_r2(torch.zeros(3, 2), torch.zeros(2, 1))
