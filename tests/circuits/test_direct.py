"""Direct logit attribution: the shares add up."""

import pytest
import torch

from glassbook.circuits import Graph, direct_attribution
from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.trace.roles import roles


@pytest.fixture
def lm(model):
    return LanguageModel(model, None, "test")


def test_shares_of_a_logit_add_up(lm, task):
    graph = Graph(roles(lm.model))
    right, wrong = torch.tensor([1, 2, 3]), torch.tensor([4, 5, 6])
    shares = direct_attribution(graph, lm, task.clean, right, wrong)
    logits = lm.model(**task.clean).logits[:, -1]
    rows = torch.arange(3)
    expected = logits[rows, right] - logits[rows, wrong]
    torch.testing.assert_close(torch.stack(list(shares.values())).sum(0), expected, rtol=1e-3, atol=1e-3)
    assert len(shares) == len(graph.senders) + 1


def test_inputs_beyond_the_context_are_one_line(lm):
    inputs = {"input_ids": torch.zeros(1, 65, dtype=torch.long)}
    if lm.context == 64:
        with pytest.raises(GlassbookError, match=r"65 tokens exceed .* context of 64"):
            direct_attribution(Graph(roles(lm.model)), lm, inputs, torch.tensor([1]), torch.tensor([4]))
