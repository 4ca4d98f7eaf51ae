"""Ablation at equal damage: what a unit is the cause of, beside a rival's ablation that harms as much."""

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.features.ablation import Ablation, Effect, Unit
from glassbook.nets import LM, LMConfig

SITE = "blocks.0.out"


@pytest.fixture(scope="module")
def setting():
    """A small model, texts, and the tokens of the first kind in them."""
    torch.manual_seed(0)
    config = LMConfig(vocab=30, d_model=8, n_layers=2, n_heads=2, n_kv_heads=2, d_hidden=16, context=16)
    model = LM(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(3)
    ids = torch.randint(3, 30, (6, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    own = ids < 10
    return model, {"input_ids": ids, "attention_mask": mask}, own


def unit(direction, values=None):
    d = torch.zeros(8)
    d[direction] = 1.0
    return Unit(SITE, torch.ones(6, 9) if values is None else values, d)


def by_hand(setting, scale):
    """Cost and damage without hooks: the model's second half on a changed first."""
    model, batch, own = setting
    logs = []
    for s in (0.0, scale):
        changed = torch.zeros(8)
        changed[2] = s
        handle = model.blocks[0].register_forward_hook(lambda m, a, out, c=changed: out - c)
        with torch.no_grad():
            logs.append(model(**batch).logits[:, :-1].log_softmax(-1))
        handle.remove()
    real = batch["attention_mask"][:, 1:].bool() & batch["attention_mask"][:, :-1].bool()
    targets, mine = batch["input_ids"][:, 1:], own[:, 1:]
    rise = (logs[0] - logs[1]).gather(2, targets[:, :, None])[:, :, 0]
    kl = (logs[0].exp() * (logs[0] - logs[1])).sum(2)
    return float(rise[real & mine].mean()), float(kl[real & ~mine].mean())


def test_cost_at_the_own_tokens_and_damage_at_the_others_are_as_by_hand(setting):
    effect = Ablation(*setting).effect(unit(2), 0.7)
    cost, damage = by_hand(setting, 0.7)
    assert effect.cost == pytest.approx(cost, abs=1e-5)
    assert effect.damage == pytest.approx(damage, abs=1e-5)


@pytest.mark.parametrize("factor", [0.01, 0.3, 3.0])
def test_a_rival_is_scaled_to_equal_damage(setting, factor):
    ablation = Ablation(*setting)
    wanted = ablation.effect(unit(2), factor).damage
    found = ablation.at_damage(unit(5), wanted)
    assert isinstance(found, Effect)
    assert found.damage == pytest.approx(wanted, rel=0.05)
    same = ablation.at_damage(unit(2), wanted)
    assert same is not None
    assert same.cost == pytest.approx(ablation.effect(unit(2), factor).cost, rel=0.1, abs=1e-4)


def test_a_unit_that_is_nowhere_active_does_no_damage_and_finds_none(setting):
    ablation, silent = Ablation(*setting), unit(3, torch.zeros(6, 9))
    assert ablation.effect(silent) == Effect(0.0, 0.0)
    assert ablation.at_damage(silent, 0.1) is None


def test_texts_need_both_kinds_of_tokens(setting):
    model, batch, own = setting
    for tokens in (torch.zeros_like(own), torch.ones_like(own)):
        with pytest.raises(GlassbookError, match="others that have not"):
            Ablation(model, batch, tokens)
