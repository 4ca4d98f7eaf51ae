"""The readout of families whose norms have all kinds of names, and a norm as the linear map that it is at one scale."""

import pytest
import torch
from tiny_models import tiny
from torch import nn

from glassbook.circuits import logit_lens
from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.trace.roles import blocks, final, frozen_norm
from glassbook.trace.roles.final import without_scale

READOUTS = [  # kind, settings, scale, cap, what leads to the head
    ("phi", {}, 1.0, None, "LayerNorm"),
    ("mamba", {}, 1.0, None, "MambaRMSNorm"),
    ("opt", {}, 1.0, None, "LayerNorm"),
    ("opt", {"word_embed_proj_dim": 16}, 1.0, None, "Sequential"),  # the norm and a projection
    ("opt", {"word_embed_proj_dim": 16, "do_layer_norm_before": False}, 1.0, None, "Linear"),  # OPT-350m
    ("xglm", {}, 1.0, None, "LayerNorm"),
    ("biogpt", {}, 1.0, None, "LayerNorm"),
    ("mpt", {}, 1.0, None, "LayerNorm"),
    ("bloom", {}, 1.0, None, "LayerNorm"),
    ("gptj", {}, 1.0, None, "LayerNorm"),
    ("openai-gpt", {}, 1.0, None, "Identity"),  # its blocks end in a norm
    ("gemma2", {"final_logit_softcapping": 2.5}, 1.0, 2.5, "Gemma2RMSNorm"),
    ("gemma2", {"final_logit_softcapping": 30.0}, 1.0, 30.0, "Gemma2RMSNorm"),  # tiny logits hardly show it
    ("recurrent_gemma", {"logits_soft_cap": 0.05}, 1.0, 0.05, "RecurrentGemmaRMSNorm"),
    ("cohere", {}, 0.0625, None, "CohereLayerNorm"),
    ("granite", {"logits_scaling": 3.0}, 1 / 3, None, "GraniteRMSNorm"),
    ("minicpm3", {}, 1.0, None, "Sequential"),  # the norm and a factor
]


@torch.no_grad()
@pytest.mark.parametrize(("kind", "change", "scale", "cap", "norm"), READOUTS)
def test_the_readout_of_the_last_block_is_the_model(kind, change, scale, cap, norm):
    model = tiny(kind, **change)
    for p in model.parameters():  # norms are born equal
        p.add_(0.05 * torch.randn_like(p))
    lm = LanguageModel(model, None, kind)
    found = final(lm)
    assert (found.scale, found.cap) == (pytest.approx(scale, rel=1e-6), cap and pytest.approx(cap, rel=1e-6))
    assert type(found.norm).__name__ == norm
    inputs = {"input_ids": torch.arange(7, 19)[None]}
    lens, logits = logit_lens(lm, inputs), model(**inputs).logits
    torch.testing.assert_close(lens[blocks(model)[-1]], logits, rtol=1e-4, atol=1e-5)
    # far from the values of the proof too: what a cap does is not seen on small logits
    stream = 50 * torch.randn(3, found.width)
    raw = found.head(found.norm(stream)) * scale
    torch.testing.assert_close(found(stream), raw if cap is None else cap * (raw / cap).tanh(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("kind", "scale", "cap"), [("phi", 1.0, None), ("gemma2", 1.0, 30.0), ("cohere", 0.0625, None)]
)
def test_in_half_precision(kind, scale, cap, dtype):
    found = final(LanguageModel(tiny(kind).to(dtype), None, kind))
    assert (found.scale, found.cap) == (pytest.approx(scale, rel=1e-2), cap and pytest.approx(cap, rel=1e-2))


def changed(make):
    """A tiny Phi whose logits are made in another way."""
    model = tiny("phi")
    model.register_forward_hook(lambda module, args, out: setattr(out, "logits", make(out.logits)) or out)
    return LanguageModel(model, None, "odd")


@pytest.mark.parametrize(
    "make",
    [
        lambda logits: logits.log_softmax(-1),
        lambda logits: logits.clamp(max=0.5),
        lambda logits: logits + 1,
        lambda logits: logits.index_fill(-1, torch.tensor([3]), -100.0),
    ],
)
def test_other_ways_to_the_logits_are_refused_in_one_line(make):
    with pytest.raises(GlassbookError, match="no lens through the final norm and head of odd: it changes") as error:
        final(changed(make))
    assert "\n" not in str(error.value)


def test_scales_and_caps_are_found_whoever_applies_them():
    assert final(changed(lambda logits: 3 * logits)).scale == pytest.approx(3)
    both = final(changed(lambda logits: 5 * (0.5 * logits / 5).tanh()))
    assert (both.scale, both.cap) == (pytest.approx(0.5), pytest.approx(5))


def test_what_no_module_does_is_refused():
    model = tiny("phi")
    model.lm_head.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    with pytest.raises(GlassbookError, match="not done by modules"):
        final(LanguageModel(model, None, "odd"))
    model = tiny("phi")
    weight = model.lm_head.weight
    model.lm_head = nn.Identity()
    model.register_forward_hook(lambda module, args, out: setattr(out, "logits", out.logits @ weight.T) or out)
    with pytest.raises(GlassbookError, match="no module with a weight for each token"):
        final(LanguageModel(model, None, "odd"))


@pytest.mark.parametrize("norm", [torch.nn.LayerNorm(16), torch.nn.RMSNorm(16, eps=1e-2)])
def test_the_norm_at_a_scale_is_linear_and_exact(norm):
    torch.nn.init.uniform_(norm.weight, 0.5, 2)
    if getattr(norm, "bias", None) is not None:
        torch.nn.init.normal_(norm.bias)
    x, a, b = torch.randn(3, 5, 16)
    with torch.no_grad():
        through, bias = frozen_norm(norm, x)
        torch.testing.assert_close(through(x) + bias, norm(x), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(through(a) + through(b), through(a + b), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(through(torch.stack([a, b]))[1], through(b))


@torch.no_grad()
def test_a_linear_map_alone_is_itself():
    x, linear = torch.randn(5, 16), torch.nn.Linear(16, 12, bias=False)
    for part in (linear, torch.nn.Identity()):
        through, bias = frozen_norm(part, x)
        torch.testing.assert_close(through(x) + bias, part(x), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(without_scale(part, x), part(x), rtol=1e-3, atol=1e-4)
