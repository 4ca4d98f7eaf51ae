"""Heads by what they do: a head written by hand is found, and the model without it is what it should be."""

import pytest
import torch

from glassbook.circuits import ablate_heads, copying_loss, head_means, head_scores, repeated_tokens
from glassbook.errors import GlassbookError
from glassbook.nets import LM, LMConfig
from glassbook.trace.roles import roles


def test_sequences_repeat():
    ids = repeated_tokens(3, 5, 61, bos=0, times=3)
    assert ids.shape == (3, 16)
    assert torch.equal(ids[:, 1:6], ids[:, 6:11])
    assert torch.equal(ids[:, 1:6], ids[:, 11:])
    assert all(len(set(row)) == 5 for row in ids[:, 1:6].tolist())
    assert not torch.equal(ids[0], ids[1])
    assert set(repeated_tokens(2, 9, torch.tensor([7, 8])).flatten().tolist()) <= {7, 8}


def previous_token_model():
    """A head whose queries and keys are constant but for their rotation, which is strongest at a distance of one."""
    torch.manual_seed(0)
    model = LM(LMConfig(61, 32, 1, 2, 2, 16, context=64)).eval()
    attn = model.blocks[0].attn
    with torch.no_grad():
        model.embed.weight[:, 0] = 10.0  # a direction that every token has
        angles = 1e4 ** -(torch.arange(0, 16, 2) / 16)
        attn.q.weight[:16], attn.k.weight[:16] = 0.0, 0.0
        attn.k.weight[:8, 0] = 5.0
        attn.q.weight[:8, 0], attn.q.weight[8:16, 0] = 5 * angles.cos(), -5 * angles.sin()
    return model


def test_a_previous_token_head_is_found():
    model = previous_token_model()
    ids = repeated_tokens(4, 8, 61)
    scores = head_scores(roles(model), ids, 8)
    assert float(scores["previous"][0, 0]) > 0.8
    assert float(scores["previous"][0, 1]) < 0.5
    assert all(0 <= float(s.min()) <= float(s.max()) <= 1 for s in scores.values())


def test_scores_are_what_the_pattern_says(opened):
    ids = repeated_tokens(2, 5, 61, bos=0)
    scores = head_scores(opened, ids, 5)
    with torch.no_grad(), opened.trace(read="attn.1.pattern") as t:
        opened.model(input_ids=ids)
    pattern = t["attn.1.pattern"]
    for name, steps in (("previous", 1), ("duplicate", 5), ("induction", 4)):
        expected = sum(pattern[:, 2, at, at - steps].mean() for at in range(6, 11)) / 5
        assert float(scores[name][1, 2]) == pytest.approx(float(expected), rel=1e-4)


def test_without_a_head_its_columns_are_nothing_or_the_mean(opened, task):
    model = opened.model
    means = head_means(opened, [task.clean, task.corrupted])
    for value in (None, means):
        with torch.no_grad(), ablate_heads(opened, [(1, 0), (1, 3)], value), opened.trace(read="attn.1.heads") as t:
            model(**task.clean)
        with torch.no_grad(), opened.trace(read="attn.1.heads") as plain:
            model(**task.clean)
        got, was = opened.split(t["attn.1.heads"]), opened.split(plain["attn.1.heads"])
        assert torch.equal(got[:, :, [1, 2]], was[:, :, [1, 2]])
        wanted = torch.zeros(2, 8) if value is None else means[1, [0, 3]]
        torch.testing.assert_close(got[:, :, [0, 3]], wanted.expand(3, 8, 2, 8))


def test_means_leave_pads_out(models):
    r = roles(models["ours"])
    ids = repeated_tokens(2, 4, 61)
    mask = torch.ones_like(ids)
    padded = torch.cat([ids, torch.zeros(2, 3, dtype=ids.dtype)], 1)
    longer = torch.cat([mask, torch.zeros(2, 3, dtype=mask.dtype)], 1)
    a = head_means(r, [{"input_ids": ids}])
    b = head_means(r, [{"input_ids": padded, "attention_mask": longer}])
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    with pytest.raises(GlassbookError, match="at least one batch"):
        head_means(r, [])


def test_the_loss_of_copying_counts_the_right_tokens():
    class Says(torch.nn.Module):
        """Certain of what followed one period ago, uniform before."""

        def forward(self, input_ids):
            from types import SimpleNamespace

            logits = torch.zeros(*input_ids.shape, 11)
            for t in range(5, input_ids.shape[1] - 1):
                logits[torch.arange(len(input_ids)), t, input_ids[:, t - 3]] = 50.0
            return SimpleNamespace(logits=logits)

    ids = repeated_tokens(3, 4, 11, bos=0)
    first, later = copying_loss(Says(), ids, 4)
    assert first == pytest.approx(2.3979, abs=1e-3)
    assert later == pytest.approx(0, abs=1e-3)


def test_a_head_that_there_is_not(opened):
    with pytest.raises(GlassbookError, match=r"no head 2\.0"), ablate_heads(opened, [(2, 0)]):
        pass
