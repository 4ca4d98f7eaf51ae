"""Likelihood of given texts: continuations count their own tokens, whatever else is in the batch."""

import pytest
import torch

from glassbook.nets import next_token_nll, open_model


def test_a_continuation_counts_its_own_tokens_and_no_pads():
    lm = open_model("builtin")
    prompts, new = ["The heron came", "One day, Tam", "The fox"], [[5, 9, 40], [], [17]]
    nll = lm.continuation_nll(prompts, new)
    assert nll.shape == (3,)
    assert float(nll[1]) == 0
    for i in (0, 2):
        row = torch.tensor([lm.encode(prompts[i]) + new[i]])
        with torch.no_grad():
            alone = next_token_nll(lm.model, row)[0, -len(new[i]) :].sum()
        assert float(nll[i]) == pytest.approx(float(alone), rel=1e-4)
