"""FLOPs counted as a computation runs: the same as by formula."""

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from glassbook.measure.compute import Flop, TransformerSize, convolution, forward, training
from glassbook.measure.flops import FlopCounter, Meter, shapes
from glassbook.nets import LM, LMConfig
from glassbook.nets.blocks import GELU, Attention, Block

TOKENS = 256


def counted(run):
    with FlopCounter() as counter:
        run()
    return counter.total


def language_model(heads=4):
    return LM(LMConfig(300, 64, 3, heads, heads, 96, TOKENS, tied=False))


def size_of(model, layers, heads, head_dim):
    matrices = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))
    return TransformerSize(matrices=matrices, layers=layers, heads=heads, head_dim=head_dim)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_the_formula_is_what_is_counted_of_a_language_model(heads):
    model, ids = language_model(heads), torch.randint(0, 300, (2, TOKENS))
    size = size_of(model, 3, heads, 64 // heads)
    assert counted(lambda: model(ids)).n == forward(size, 2 * TOKENS, TOKENS).n
    assert counted(lambda: model(ids).logits.sum().backward()).n == training(size, 2 * TOKENS, TOKENS).n


def test_attention_counts_as_it_does_without_the_fast_kernel():
    model, ids = language_model(), torch.randint(0, 300, (2, TOKENS))
    with sdpa_kernel(SDPBackend.MATH):
        spelt_out = counted(lambda: model(ids))
    assert counted(lambda: model(ids)) == spelt_out
    without = 2 * size_of(model, 3, 4, 16).matrices * 2 * TOKENS
    assert 1 - without / spelt_out.n > 0.1  # or the formula of attention would not matter here


def test_a_vision_transformers_blocks():
    block = Block(nn.LayerNorm(48), Attention(48, 3, bias=True), nn.LayerNorm(48), GELU(48, 100))
    size = size_of(block, 1, 3, 16)
    assert counted(lambda: block(torch.randn(4, 65, 48))).n == forward(size, 4 * 65, 65).n


@pytest.mark.parametrize(("kernel", "stride", "groups"), [(3, 1, 1), (5, 2, 1), (3, 1, 4), (1, 1, 1)])
def test_convolutions(kernel, stride, groups):
    layer = nn.Conv2d(8, 16, kernel, stride, padding=kernel // 2, groups=groups)
    side = 20 // stride
    expected = convolution(3 * side * side, 8, 16, kernel**2, groups)
    assert counted(lambda: layer(torch.randn(3, 8, 20, 20))) == expected


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("layer", [nn.Conv2d, nn.ConvTranspose2d])
def test_gradients_of_a_convolution_cost_twice_its_forward_pass(layer, groups):
    net = layer(8, 16, 3, 2, groups=groups)
    x = torch.randn(2, 8, 9, 9, requires_grad=True)
    assert counted(lambda: net(x).sum().backward()) == 3 * counted(lambda: net(x))
    # Pictures need no gradient.
    assert counted(lambda: net(x.detach()).sum().backward()) == 2 * counted(lambda: net(x))


def test_what_torchs_own_counter_leaves_out():
    model, ids = language_model(), torch.randint(0, 300, (2, TOKENS))
    with FlopCounterMode(display=False) as theirs:
        model(ids).logits.sum().backward()
    with FlopCounter(corrected=False) as ours:
        model(ids).logits.sum().backward()
    assert ours.total.n == theirs.get_total_flops()
    assert counted(lambda: model(ids).logits.sum().backward()) > ours.total


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_without_gradients_the_same_is_counted(context):
    model, ids = language_model(), torch.randint(0, 300, (2, TOKENS))
    with context():
        inside = counted(lambda: model(ids))
    assert inside == counted(lambda: model(ids))


def test_a_meter_counts_the_first_step_of_each_kind():
    meter, layer = Meter(), nn.Linear(3, 5, bias=False)
    for rows in (2, 2, 4, 2):
        x = torch.randn(rows, 3)
        with meter.step(shapes({"x": x})) as counting:
            with counting:
                loss = layer(x).sum()
            counting.backward(loss, [layer.weight])
            loss.backward()
    assert meter.total == Flop(2 * 2 * 3 * 5 * (2 + 2 + 4 + 2))
    assert meter.costs == {"x 2x3": 120.0, "x 4x3": 240.0}
    meter.add(Flop(10.0))
    later = Meter()
    later.load(meter.state())
    assert (later.total, later.costs) == (meter.total, meter.costs)


def test_a_step_that_fails_costs_nothing():
    meter = Meter()
    with pytest.raises(ValueError, match="broken"), meter.step("a"):
        raise ValueError("broken")
    assert (meter.total, meter.costs) == (Flop(0.0), {})
