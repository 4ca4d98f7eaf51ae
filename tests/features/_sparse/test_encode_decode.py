"""The sparse step against the same mathematics written densely and left to autograd."""

from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbook.features._sparse import csr
from glassbook.features._sparse.encode_decode import encode_decode
from glassbook.features.sparsity import BatchTopK, JumpReLU, Matryoshka, ReLU, TopK, base_rule, largest

B, D, F, K_AUX = 6, 5, 12, 2
DEAD = torch.tensor([1, 4, 7, 10, 11])
RULES = [TopK(3), TopK(9), BatchTopK(3), BatchTopK(10), ReLU(1.0), JumpReLU(l0=3), JumpReLU(l0=3, bandwidth=2.0)]
ALL_RULES = [*RULES, *(Matryoshka(rule, prefixes) for rule in RULES[::2] for prefixes in ((12,), (2, 12), (1, 5, 12)))]


def parameters(seed=0, d_out=D, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    shapes = (B, D), (F, D), (F,), (F, d_out), (d_out,)
    return [torch.randn(s, generator=g, dtype=dtype).requires_grad_() for s in shapes]


class Step(torch.autograd.Function):
    """1[pre > theta] and the straight-through slope in theta, as the paper writes it."""

    @staticmethod
    def forward(ctx, pre, theta, bandwidth):
        ctx.save_for_backward(pre, theta)
        ctx.bandwidth = bandwidth
        return (pre > theta).to(pre.dtype)

    @staticmethod
    def backward(ctx, g):
        pre, theta = ctx.saved_tensors
        inside = ((pre - theta).abs() / ctx.bandwidth < 0.5).to(pre.dtype)
        return None, (-g * inside / ctx.bandwidth).sum(0), None


def dense(x, W_enc, b_enc, W_dec, b_dec, theta, W_skip, rule, subtract, dead):
    """The definition, with whole matrices: (sae_out, prefix_outs, aux_out, latent_sums, n_active, dense_latents)."""
    pre = (x - b_dec if subtract else x) @ W_enc.T + b_enc
    inner, active = base_rule(rule), None
    if isinstance(inner, JumpReLU):
        on = Step.apply(pre, theta, inner.bandwidth)
        # dz/dpre = 1[pre > theta] and dz/dtheta = theta times the slope of the step
        z, active = on.detach() * pre + theta.detach() * (on - on.detach()), on.sum()
    else:
        z = inner.dense(pre)
    prefixes = rule.prefixes if isinstance(rule, Matryoshka) else (F,)
    past = 0 if W_skip is None else x @ W_skip.T
    levels = torch.stack([z[:, :m] @ W_dec[:m] + b_dec + past for m in prefixes], 1)
    aux = None if dead is None else TopK(min(K_AUX, len(dead))).dense(pre[:, dead]) @ W_dec[dead]
    return levels[:, -1], levels, aux, z.sum(0), active, z


def as_matrix(out, groups):
    if out.dense_latents is not None:
        return out.dense_latents
    counts = torch.diff(out.offsets, append=torch.tensor([len(out.latent_indices)]))
    rows = torch.repeat_interleave(torch.arange(len(counts)), counts) // groups
    return torch.zeros(B, F, dtype=torch.float64).index_put((rows, out.latent_indices), out.latent_acts)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(ALL_RULES),
    st.booleans(),
    st.sampled_from([None, DEAD, DEAD[:1]]),
    st.booleans(),
    st.integers(0, 1000),
    st.sampled_from([0.0, 1.0]),
)
def test_every_output_has_the_gradients_of_the_dense_definition(rule, transcodes, dead, skip, seed, share):
    p = parameters(seed, d_out=4 if transcodes else D)
    g = torch.Generator().manual_seed(seed + 1)
    theta = torch.rand(F, generator=g, dtype=torch.float64).requires_grad_()
    theta = theta if isinstance(base_rule(rule), JumpReLU) else None
    W_skip = torch.randn(4, D, generator=g, dtype=torch.float64).requires_grad_() if transcodes and skip else None
    # Share of active entries from which on whole matrices are used: always, and never.
    with mock.patch.object(csr, "DENSE_THRESHOLD", share):
        out = encode_decode(*p, rule=rule, theta=theta, W_skip=W_skip, subtract=not transcodes, dead=dead, k_aux=K_AUX)
    want = dense(*p, theta, W_skip, rule, not transcodes, dead)
    z = as_matrix(out, len(rule.prefixes) if isinstance(rule, Matryoshka) else 1)
    levels = out.sae_out[:, None] if out.prefix_outs is None else out.prefix_outs
    assert int(out.n_active) == int((want[5] > 0).sum())
    leaves = [t for t in (*p, theta, W_skip) if t is not None]
    for mine, theirs in zip((out.sae_out, levels, out.aux_out, out.latent_sums, out.n_active, z), want, strict=True):
        if theirs is None:
            continue
        torch.testing.assert_close(mine, theirs)
        weight = torch.randn(mine.shape, generator=g, dtype=torch.float64)
        got = torch.autograd.grad((mine * weight).sum(), leaves, retain_graph=True, allow_unused=True)
        right = torch.autograd.grad((theirs * weight).sum(), leaves, retain_graph=True, allow_unused=True)
        for a, b, leaf in zip(got, right, leaves, strict=True):
            zero = torch.zeros_like(leaf)
            torch.testing.assert_close(zero if a is None else a, zero if b is None else b)


@pytest.mark.parametrize("rule", [TopK(3), BatchTopK(3), Matryoshka(BatchTopK(3), (4, 12))], ids=repr)
def test_gradcheck_of_all_outputs_together(rule):
    def outputs(*p):
        out = encode_decode(*p, rule=rule, dead=DEAD, k_aux=K_AUX)
        return (
            out.sae_out,
            out.latent_acts,
            out.aux_out,
            out.latent_sums,
            *([] if out.prefix_outs is None else [out.prefix_outs]),
        )

    assert torch.autograd.gradcheck(outputs, parameters(seed=3))


def test_the_aux_path_alone_moves_dead_encoder_rows_and_no_decoder_bias():
    x, W_enc, b_enc, W_dec, b_dec = parameters(seed=1)
    out = encode_decode(x, W_enc, b_enc, W_dec, b_dec, rule=TopK(2), subtract=False, dead=DEAD, k_aux=K_AUX)
    out.aux_out.square().sum().backward()
    moved = W_enc.grad.abs().sum(1) > 0
    assert moved[DEAD].any()
    assert not moved[[i for i in range(F) if i not in DEAD]].any()
    assert (b_dec.grad == 0).all()


def test_chunks_make_no_difference():
    g = torch.Generator().manual_seed(0)
    x, W = torch.randn(300, 16, generator=g), torch.randn(40, 16, generator=g)
    b, c = torch.zeros(40), torch.zeros(16)
    for rule in (TopK(4), BatchTopK(4)):
        whole = encode_decode(x, W, b, W, c, rule=rule)
        with mock.patch.object(csr, "CHUNK", 1):  # chunks of 64 rows
            parts = encode_decode(x, W, b, W, c, rule=rule)
        torch.testing.assert_close(whole.sae_out, parts.sae_out)
        assert len(parts.latent_acts) == 300 * 4


def test_a_batch_whose_first_rows_are_weak_still_keeps_k_for_each_row():
    x = torch.cat([torch.full((64, 4), 1e-3), torch.ones(64, 4)])
    x[64:] *= torch.linspace(1, 2, 64)[:, None]
    x[:64] *= 1e3 * torch.linspace(1, 2, 64)[:, None] ** 20  # strong first rows: the threshold is far too high at first
    W = torch.eye(4).repeat(4, 1) + torch.rand(16, 4, generator=torch.Generator().manual_seed(0))
    out = encode_decode(x, W, torch.zeros(16), W, torch.zeros(4), rule=BatchTopK(5))
    want = BatchTopK(5).dense(x @ W.T)
    assert len(out.latent_acts) == 128 * 5
    torch.testing.assert_close(out.sae_out, want @ W)


@pytest.mark.parametrize("rule", [TopK(4), BatchTopK(4)])
def test_fast_selection_gives_exact_values_of_nearly_the_same_latents(rule):
    g = torch.Generator().manual_seed(0)
    x, W = torch.randn(256, 32, generator=g), torch.randn(128, 32, generator=g)
    b, c = torch.zeros(128), torch.zeros(32)
    fast, full = (encode_decode(x, W, b, W, c, rule=rule, fast=f) for f in (True, False))
    rows = torch.repeat_interleave(
        torch.arange(256), torch.diff(fast.offsets, append=torch.tensor([len(fast.latent_indices)]))
    )
    torch.testing.assert_close(fast.latent_acts, (x @ W.T)[rows, fast.latent_indices].relu())
    assert (fast.sae_out - full.sae_out).square().mean() < 0.02 * full.sae_out.square().mean()


@pytest.mark.parametrize(("width", "k"), [(5, 5), (300, 3), (1024, 32), (4096, 7), (1000, 100)])
def test_largest_is_topk(width, k):
    pre = torch.randn(20, width, generator=torch.Generator().manual_seed(0))
    values, indices = largest(pre, k)
    torch.testing.assert_close(values.sort().values, pre.topk(k).values.sort().values)
    torch.testing.assert_close(pre.gather(1, indices), values)


@pytest.mark.parametrize("rule", [ReLU(1.0), JumpReLU(l0=64), Matryoshka(ReLU(1.0), (40, 256))])
def test_fast_whole_matrices_give_nearly_the_same_gradients(rule):
    g = torch.Generator().manual_seed(8)
    x, W = torch.randn(128, 32, generator=g), torch.randn(256, 32, generator=g) / 6
    found = []
    for fast in (True, False):
        weights = [
            t.clone().requires_grad_() for t in (W, torch.zeros(256), W, torch.zeros(32), torch.full((256,), 0.1))
        ]
        theta = weights[4] if isinstance(rule, JumpReLU) else None
        out = encode_decode(x, *weights[:4], rule=rule, theta=theta, fast=fast)
        assert out.dense_latents is not None  # half of the latents are active
        levels = out.sae_out[:, None] if out.prefix_outs is None else out.prefix_outs
        ((x[:, None] - levels).square().mean() + 1e-4 * out.latent_sums.sum()).backward()
        assert all(t.dtype == torch.float32 for t in (out.sae_out, out.latent_sums))
        found.append([w.grad for w in weights[: 5 if theta is not None else 4]])
    for low, full in zip(*found, strict=True):
        assert low.dtype == torch.float32
        assert (low - full).norm() < 0.05 * full.norm()
