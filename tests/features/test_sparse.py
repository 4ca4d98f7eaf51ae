"""The sparse step against the same mathematics written densely and left to autograd."""

import pytest
import torch

from glassbook.features.codes import BatchTopK, TopK, largest
from glassbook.features.sparse import PIECE, encode_decode

B, D, F, K_AUX = 6, 5, 12, 2
DEAD = torch.tensor([1, 4, 7, 10, 11])


def parameters(seed=0, d_out=D, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    shapes = (B, D), (F, D), (F,), (F, d_out), (d_out,)
    return [torch.randn(s, generator=g, dtype=dtype).requires_grad_() for s in shapes]


def dense(x, W_enc, b_enc, W_dec, b_dec, code, subtract, dead):
    pre = (x - b_dec if subtract else x) @ W_enc.T + b_enc
    z = code.codes(pre)
    aux = None if dead is None else TopK(min(K_AUX, len(dead))).codes(pre[:, dead]) @ W_dec[dead]
    return z @ W_dec + b_dec, z, aux


@pytest.mark.parametrize("code", [TopK(3), TopK(9), BatchTopK(3), BatchTopK(10)])
@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("dead", [None, DEAD, DEAD[:1]])
def test_every_output_has_the_gradients_of_dense_autograd(code, subtract, dead):
    p = parameters(d_out=D if subtract else 4)
    out = encode_decode(*p, code=code, subtract=subtract, dead=dead, k_aux=K_AUX)
    xh, z, aux = dense(*p, code, subtract, dead)
    torch.testing.assert_close(out.xh, xh)
    counts = torch.diff(out.begin, append=torch.tensor([len(out.latents)]))
    rows = torch.repeat_interleave(torch.arange(B), counts)
    again = torch.zeros(B, F, dtype=torch.float64).index_put((rows, out.latents), out.values)
    torch.testing.assert_close(again, z)
    g = torch.Generator().manual_seed(9)
    pairs = [(out.xh, xh), (again, z)] + ([] if dead is None else [(out.aux, aux)])
    for mine, theirs in pairs:
        weight = torch.randn(mine.shape, generator=g, dtype=torch.float64)
        got = torch.autograd.grad((mine * weight).sum(), p, retain_graph=True, allow_unused=True)
        want = torch.autograd.grad((theirs * weight).sum(), p, retain_graph=True, allow_unused=True)
        for a, b, parameter in zip(got, want, p, strict=True):
            zero = torch.zeros_like(parameter)
            torch.testing.assert_close(zero if a is None else a, zero if b is None else b)


@pytest.mark.parametrize("code", [TopK(3), BatchTopK(3)])
def test_gradcheck_of_all_outputs_together(code):
    def outputs(*p):
        out = encode_decode(*p, code=code, dead=DEAD, k_aux=K_AUX)
        return out.xh, out.values, out.aux

    assert torch.autograd.gradcheck(outputs, parameters(seed=3))


def test_the_aux_path_alone_moves_dead_encoder_rows_and_no_decoder_bias():
    x, W_enc, b_enc, W_dec, b_dec = parameters(seed=1)
    out = encode_decode(x, W_enc, b_enc, W_dec, b_dec, code=TopK(2), subtract=False, dead=DEAD, k_aux=K_AUX)
    out.aux.square().sum().backward()
    moved = W_enc.grad.abs().sum(1) > 0
    assert moved[DEAD].any()
    assert not moved[[i for i in range(F) if i not in DEAD]].any()
    assert (b_dec.grad == 0).all()


def test_pieces_make_no_difference(monkeypatch):
    g = torch.Generator().manual_seed(0)
    x, W = torch.randn(300, 16, generator=g), torch.randn(40, 16, generator=g)
    b, c = torch.zeros(40), torch.zeros(16)
    for code in (TopK(4), BatchTopK(4)):
        whole = encode_decode(x, W, b, W, c, code=code)
        monkeypatch.setattr("glassbook.features.sparse.PIECE", 1)  # pieces of 64 rows
        parts = encode_decode(x, W, b, W, c, code=code)
        monkeypatch.setattr("glassbook.features.sparse.PIECE", PIECE)
        torch.testing.assert_close(whole.xh, parts.xh)
        assert len(parts.values) == 300 * 4


def test_a_batch_whose_first_rows_are_weak_still_keeps_k_for_each_row():
    x = torch.cat([torch.full((64, 4), 1e-3), torch.ones(64, 4)])
    x[64:] *= torch.linspace(1, 2, 64)[:, None]
    x[:64] *= 1e3 * torch.linspace(1, 2, 64)[:, None] ** 20  # strong first rows: the bar is far too high at first
    W = torch.eye(4).repeat(4, 1) + torch.rand(16, 4, generator=torch.Generator().manual_seed(0))
    out = encode_decode(x, W, torch.zeros(16), W, torch.zeros(4), code=BatchTopK(5))
    want = BatchTopK(5).codes(x @ W.T)
    assert len(out.values) == 128 * 5
    torch.testing.assert_close(out.xh, want @ W)


@pytest.mark.parametrize("code", [TopK(4), BatchTopK(4)])
def test_fast_selection_gives_exact_values_of_nearly_the_same_latents(code):
    g = torch.Generator().manual_seed(0)
    x, W = torch.randn(256, 32, generator=g), torch.randn(128, 32, generator=g)
    b, c = torch.zeros(128), torch.zeros(32)
    fast, full = (encode_decode(x, W, b, W, c, code=code, fast=f) for f in (True, False))
    rows = torch.repeat_interleave(torch.arange(256), torch.diff(fast.begin, append=torch.tensor([len(fast.latents)])))
    torch.testing.assert_close(fast.values, (x @ W.T)[rows, fast.latents].relu())
    assert (fast.xh - full.xh).square().mean() < 0.02 * full.xh.square().mean()


@pytest.mark.parametrize(("width", "k"), [(5, 5), (300, 3), (1024, 32), (4096, 7), (1000, 100)])
def test_largest_is_topk(width, k):
    pre = torch.randn(20, width, generator=torch.Generator().manual_seed(0))
    values, indices = largest(pre, k)
    torch.testing.assert_close(values.sort().values, pre.topk(k).values.sort().values)
    torch.testing.assert_close(pre.gather(1, indices), values)
