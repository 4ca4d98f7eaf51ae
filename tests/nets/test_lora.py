"""Low-rank adapters: nothing at the beginning, one for each matrix, and merged they are what they were."""

import copy

import pytest
import torch
from tiny_models import tiny
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets import LM, LMConfig
from glassbook.nets.lora import LoRA

IDS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])


def ours(tied=True):
    torch.manual_seed(0)
    return LM(LMConfig(50, 32, 2, 2, 1, 48, 20, tied=tied))


def trained(adapted, steps=20):
    loss, opt = torch.zeros(()), torch.optim.AdamW(adapted.parameters(), lr=1e-2)
    for _ in range(steps):
        logits = adapted(input_ids=IDS).logits
        loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), IDS[:, 1:].flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss.item()


@pytest.mark.parametrize("model", [ours, lambda: ours(tied=False), lambda: tiny("llama"), lambda: tiny("gpt_neox")])
@pytest.mark.parametrize("embeddings", [False, True])
def test_merging_gives_what_the_adapted_model_computed(model, embeddings):
    net = model().eval()
    before = net(input_ids=IDS).logits.detach()
    adapted = LoRA(net, 4, embeddings=embeddings)
    assert torch.equal(adapted(input_ids=IDS).logits, before)
    frozen = {name: p.clone() for name, p in net.named_parameters()}
    first, last = trained(adapted, 1), trained(adapted)
    assert last < 0.9 * first
    assert all(torch.equal(p, frozen[name]) and p.grad is None for name, p in net.named_parameters())
    want = adapted.eval()(input_ids=IDS).logits.detach()
    assert not torch.allclose(want, before, atol=1e-2)
    merged = adapted.merge()
    assert merged is net
    assert (merged(input_ids=IDS).logits - want).abs().max() < 1e-4
    assert all(p.requires_grad for p in net.parameters())
    assert not any(m._forward_hooks for m in net.modules())


def test_a_shared_matrix_is_adapted_once():
    tied, untied = (LoRA(ours(t), 4, embeddings=True) for t in (True, False))
    assert len(untied.adapters) == len(tied.adapters) + 1
    assert len(LoRA(ours(), 4).adapters) == len(tied.adapters) - 1 == 14
    net = tied.model
    trained(tied, 3)
    tied.merge()
    assert net.head.weight is net.embed.weight


def test_its_state_is_the_adapters_alone_and_names_no_others():
    adapted = LoRA(ours(), 4)
    assert sum(p.numel() for p in adapted.parameters()) == sum(t.numel() for t in adapted.state_dict().values())
    assert all(name.endswith((".a", ".b")) for name in adapted.state_dict())


def test_removing_leaves_the_model_as_it_was():
    net = ours().eval()
    before = net(input_ids=IDS).logits
    adapted = LoRA(net, 4)
    trained(adapted, 3)
    assert torch.equal(adapted.remove()(input_ids=IDS).logits, before)


def test_the_same_seed_begins_the_same():
    net = ours()
    a, b, c = (LoRA(copy.deepcopy(net), 4, seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert any(not torch.equal(a[k], c[k]) for k in a)


def test_the_model_goes_along_into_training_mode_and_to_other_precision():
    adapted = LoRA(ours(), 4)
    assert adapted.eval().model.training is False
    assert adapted.train().model.training
    assert next(adapted.double().model.parameters()).dtype == torch.float64


@pytest.mark.parametrize("rank", [0, -1, 33])
def test_ranks_that_cannot_be_are_refused(rank):
    with pytest.raises(GlassbookError, match=f"rank {rank}: LoRA needs one from 1 to"):
        LoRA(ours(), rank)


def test_a_model_without_linear_layers_is_refused():
    with pytest.raises(GlassbookError, match="has none within its blocks"):
        LoRA(tiny("gpt2"), 4)
