"""Direct logit attribution: the shares add up."""

import pytest
import torch

from glassbook.circuits import Graph, Task, direct_attribution, logit_difference
from glassbook.circuits.task import last_real
from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel, open_model
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


@pytest.mark.parametrize("pad", ["left", "right"])
def test_shares_of_a_padded_row_are_those_of_the_row_alone(pad):
    lm = open_model("builtin")
    graph = Graph(roles(lm.model))
    texts, right, wrong = ["The heron stood", "The fox ran to the ford and", "One"], [300, 301, 302], [400, 401, 402]
    batch = direct_attribution(graph, lm, lm.batch(texts, pad=pad), torch.tensor(right), torch.tensor(wrong))
    for i, text in enumerate(texts):
        answers = torch.tensor(right[i : i + 1]), torch.tensor(wrong[i : i + 1])
        alone = direct_attribution(graph, lm, lm.batch([text]), *answers)
        for sender, share in alone.items():
            torch.testing.assert_close(batch[sender][i : i + 1], share, atol=2e-4, rtol=1e-3)


def test_a_metric_of_the_last_position_is_refused_where_rows_end_in_pads():
    lm = open_model("builtin")
    texts = ["The heron stood", "The fox ran to the ford and"]
    right, left = (lm.batch(texts, pad=pad) for pad in ("right", "left"))
    answers = torch.tensor([300, 301]), torch.tensor([400, 401])
    with pytest.raises(GlassbookError, match="end in pads"):
        Task(right, right, logit_difference(*answers))
    ends = last_real(right)
    assert ends.tolist() == [len(lm.encode(text)) - 1 for text in texts]
    assert last_real(left).tolist() == [left["input_ids"].shape[1] - 1] * 2
    scores = [
        Task(inputs, inputs, logit_difference(*answers, at=at)).score(lm.model, inputs)
        for inputs, at in ((right, ends), (left, -1))
    ]
    torch.testing.assert_close(*scores, atol=1e-4, rtol=1e-4)


def test_inputs_beyond_the_context_are_one_line(lm):
    inputs = {"input_ids": torch.zeros(1, 65, dtype=torch.long)}
    if lm.context == 64:
        with pytest.raises(GlassbookError, match=r"65 tokens exceed .* context of 64"):
            direct_attribution(Graph(roles(lm.model)), lm, inputs, torch.tensor([1]), torch.tensor([4]))
