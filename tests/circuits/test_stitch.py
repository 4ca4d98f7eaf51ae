"""Stitching: a model goes on from its own stream, also a turned one, and from noise it does not."""

import copy

import pytest
import torch

from glassbook.circuits import stitch
from glassbook.errors import GlassbookError
from glassbook.nets import LM, LMConfig


def batches(seed, n=6):
    g = torch.Generator().manual_seed(seed)
    return [{"input_ids": torch.randint(31, (16, 12), generator=g)} for _ in range(n)]


@pytest.fixture(scope="module")
def model():
    """Trained a little to say the token before, so that its activations are worth something."""
    torch.manual_seed(0)
    model = LM(LMConfig(31, 24, 2, 2, 2, 48, context=16))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for inputs in batches(1, 150):
        ids = inputs["input_ids"]
        logits = model(input_ids=ids).logits
        loss = torch.nn.functional.cross_entropy(logits[:, 1:].transpose(1, 2), ids[:, :-1])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def twice(seed, n=6):
    """Rows a b a b ...: the token before is the next one."""
    return [{"input_ids": b["input_ids"][:, :2].repeat(1, 6)} for b in batches(seed, n)]


def test_its_own_stream_loses_nothing(model):
    found = stitch(model, "blocks.0.out", model, "blocks.0.out", twice(2), twice(3))
    assert found.own < 1.5 < found.mean  # the first two tokens cannot be known: .31 of it at least
    assert abs(found.relative_loss) < 0.02


def test_a_turned_and_shifted_stream_loses_nothing(model):
    """A model whose first block gives its stream turned by a rotation: the map turns it back."""
    turned = copy.deepcopy(model)
    q = torch.linalg.qr(torch.randn(24, 24, generator=torch.Generator().manual_seed(0)))[0]
    turned.blocks[0].register_forward_hook(lambda _, args, out: out @ q + 3)
    found = stitch(turned, "blocks.0.out", model, "blocks.0.out", twice(2), twice(3))
    assert abs(found.relative_loss) < 0.02


def test_what_says_nothing_of_the_input_is_worth_as_much_as_the_mean(model):
    blind = copy.deepcopy(model)
    blind.embed.weight.data[:] = blind.embed.weight.data[:1].clone()
    found = stitch(blind, "blocks.0.out", model, "blocks.0.out", twice(2), twice(3))
    assert found.relative_loss == pytest.approx(1, abs=0.1)


def test_nothing_to_learn_from_is_refused(model):
    with pytest.raises(GlassbookError, match="stitching needs"):
        stitch(model, "blocks.0.out", model, "blocks.0.out", [], twice(3))
