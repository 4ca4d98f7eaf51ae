"""FLOPs counted and computed: the same, and those that papers report."""

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from glassbook.errors import GlassbookError
from glassbook.measure.flops import (
    Flop,
    FlopCounter,
    FlopPerSecond,
    TransformerSize,
    convolution,
    forward,
    rule_of_thumb,
    training,
)
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


@pytest.mark.parametrize(
    ("parameters", "tokens", "published"),
    [(175e9, 300e9, 3.15e23), (70e9, 15e12, 6.3e24), (405e9, 15.6e12, 3.79e25)],
)
def test_what_papers_report_of_gpt3_and_llama3(parameters, tokens, published):
    assert rule_of_thumb(parameters, tokens).n == pytest.approx(published, rel=0.01)


def test_amounts_add_up_and_do_not_mix_with_speeds():
    assert Flop(1e9) + Flop(2e9) == Flop(3e9)
    assert 3 * Flop(2.0) == Flop(6.0)
    assert Flop(6e9) / Flop(2e9) == 3
    assert FlopPerSecond(1e12).during(10, utilisation=0.5) == Flop(5e12)
    with pytest.raises(TypeError, match="FLOP"):
        Flop(1.0) + FlopPerSecond(1.0)  # pyright: ignore[reportOperatorIssue]
    with pytest.raises(TypeError):
        FlopPerSecond(1.0) + Flop(1.0)  # pyright: ignore[reportOperatorIssue]
    with pytest.raises(TypeError, match="FLOP"):
        Flop(1.0) / FlopPerSecond(1.0)  # pyright: ignore[reportOperatorIssue]


@pytest.mark.parametrize("n", [float("nan"), float("inf"), -1.0])
def test_numbers_that_are_no_amount(n):
    with pytest.raises(GlassbookError, match="makes no sense"):
        Flop(n)
    with pytest.raises(GlassbookError, match="makes no sense"):
        FlopPerSecond(1.0).during(n)


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan"), -0.1])
def test_a_utilisation_is_a_share(share):
    with pytest.raises(GlassbookError, match="no share"):
        FlopPerSecond(1e12).during(1.0, share)
