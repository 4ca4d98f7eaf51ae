"""The blocks against their definitions, written out."""

import cmath
import math

import pytest
import torch
from torch import nn

from glassbook.nets.blocks import GELU, Attention, Block, LayerCache, SwiGLU, apply_rotary, rotary


def attention_by_hand(layer: Attention, x: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    out = []
    for h in range(layer.n_heads):
        kv = h // (layer.n_heads // layer.n_kv_heads)
        own, shared = (slice(i * layer.head_dim, (i + 1) * layer.head_dim) for i in (h, kv))
        q, k, v = layer.q(x)[..., own], layer.k(x)[..., shared], layer.v(x)[..., shared]
        scores = (q @ k.mT / math.sqrt(layer.head_dim)).masked_fill(~allowed, -math.inf)
        out.append(scores.softmax(-1) @ v)
    return layer.o(torch.cat(out, -1))


@pytest.mark.parametrize("kv", [4, 2, 1])
@pytest.mark.parametrize("causal", [True, False])
def test_attention_is_softmax_of_scaled_products(kv: int, causal: bool):
    torch.manual_seed(0)
    layer, x = Attention(32, 4, kv, causal=causal, bias=True), torch.randn(2, 6, 32)
    allowed = torch.ones(6, 6, dtype=torch.bool)
    torch.testing.assert_close(layer(x), attention_by_hand(layer, x, allowed.tril() if causal else allowed))


def test_a_cache_filled_in_pieces_changes_nothing():
    torch.manual_seed(0)
    layer, x, cache = Attention(32, 4, 2, causal=True), torch.randn(2, 7, 32), LayerCache()
    rope = rotary(torch.arange(7), 8)
    pieces = [
        layer(x[:, a:b], rope=(rope[0][:, :, a:b], rope[1][:, :, a:b]), cache=cache)
        for a, b in [(0, 3), (3, 6), (6, 7)]
    ]
    torch.testing.assert_close(torch.cat(pieces, 1), layer(x, rope=rope))


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_a_cache_gives_back_what_was_put_in(mode):
    torch.manual_seed(0)
    keys, values, cache = torch.randn(2, 3, 40, 8), torch.randn(2, 3, 40, 8), LayerCache()
    with mode():
        for a, b in [(0, 5), (5, 6), (6, 20), (20, 21), (21, 40)]:
            k, v = cache.append(keys[:, :, a:b].clone(), values[:, :, a:b].clone())
            assert torch.equal(k, keys[:, :, :b])
            assert torch.equal(v, values[:, :, :b])
            assert len(cache) == b
    k, _ = cache.append(keys[:, :, :1], values[:, :, :1])  # begun in inference mode, where nothing is written later
    assert torch.equal(k, torch.cat((keys, keys[:, :, :1]), 2))


def test_gradients_pass_through_a_cache():
    torch.manual_seed(0)
    layer, x = Attention(32, 4, 2, causal=True), torch.randn(2, 7, 32, requires_grad=True)
    (whole,) = torch.autograd.grad(layer(x).square().sum(), x)
    cache = LayerCache()
    pieces = [layer(x[:, a:b], cache=cache) for a, b in [(0, 3), (3, 4), (4, 7)]]
    (pieced,) = torch.autograd.grad(torch.cat(pieces, 1).square().sum(), x)
    torch.testing.assert_close(pieced, whole)


def test_rotary_turns_each_pair_of_channels_by_its_angle():
    torch.manual_seed(0)
    x, position, theta = torch.randn(1, 2, 3, 6), torch.tensor([0, 4, 9]), 50.0
    y = apply_rotary(x, *rotary(position, 6, theta))
    for t, p in enumerate(position.tolist()):
        for i in range(3):
            turned = complex(*x[0, 1, t, [i, i + 3]]) * cmath.exp(1j * p * theta ** (-2 * i / 6))
            assert complex(*y[0, 1, t, [i, i + 3]]) == pytest.approx(turned, abs=1e-5)


def test_rotary_scores_depend_on_distance_only():
    torch.manual_seed(0)
    q, k = torch.randn(1, 1, 1, 16), torch.randn(1, 1, 1, 16)

    def score(i: int, j: int) -> torch.Tensor:
        return (apply_rotary(q, *rotary(torch.tensor([i]), 16)) * apply_rotary(k, *rotary(torch.tensor([j]), 16))).sum()

    torch.testing.assert_close(score(3, 1), score(10, 8))
    assert not torch.isclose(score(3, 1), score(3, 2))
    torch.testing.assert_close(apply_rotary(q, *rotary(torch.tensor([0]), 16)), q)


def test_mlps_match_their_formulas():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 8)
    gated, plain = SwiGLU(8, 12), GELU(8, 12)
    g = gated.gate(x)
    torch.testing.assert_close(gated(x), gated.down(g * g.sigmoid() * gated.up(x)))
    h = plain.up(x)
    torch.testing.assert_close(plain(x), plain.down(h * 0.5 * (1 + torch.erf(h / math.sqrt(2)))))


def test_a_block_adds_attention_and_mlp_to_its_input_and_serves_a_vision_transformer_too():
    torch.manual_seed(0)
    block = Block(nn.LayerNorm(16), Attention(16, 2, bias=True), nn.LayerNorm(16), GELU(16, 32))
    seen: dict[str, torch.Tensor] = {}
    for name in ("attn", "mlp"):
        getattr(block, name).register_forward_hook(lambda m, i, out, name=name: seen.update({name: out}))
    x = torch.randn(2, 5, 16)
    torch.testing.assert_close(block(x), x + seen["attn"] + seen["mlp"])
