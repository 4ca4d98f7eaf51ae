"""What a dictionary's file says of its training: sites under other programs' names, and uses that differ."""

import pytest
import torch
from tiny_models import TOKENIZER, tiny

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, ReLU, TopK, check_use, evaluate, site_of
from glassbook.nets import LM, LanguageModel, LMConfig
from glassbook.trace import collect, fingerprint, read_sites

IDS = {"input_ids": torch.arange(3, 11)[None]}


def ours():
    torch.manual_seed(0)
    return LM(LMConfig(len(TOKENIZER), 32, 2, 4, 2, 48, context=64)).eval()


def said(d_out=None, width=32, **about):
    d = Dictionary(width, 8, ReLU() if d_out else TopK(2), d_out)
    d.about = about
    return d


MAKERS = {
    "ours": ours,
    **{kind: (lambda kind=kind: tiny(kind)) for kind in ("gpt2", "gpt_neox", "llama", "gemma2", "phi")},
}


@pytest.mark.parametrize(
    ("kind", "name", "site"),
    [
        ("ours", "blocks.1.hook_resid_pre", "blocks.1.in"),
        ("ours", "blocks.1.attn.hook_z", "blocks.1.attn.o.in"),
        ("ours", "blocks.1.mlp.hook_in", "blocks.1.norm2.out"),
        ("ours", "blocks.1.out", "blocks.1.out"),  # a site of ours is itself
        ("ours", "blocks.0.mlp", "blocks.0.mlp.out"),
        ("gpt2", "blocks.1.hook_resid_post", "transformer.h.1.out"),
        ("gpt2", "blocks.0.hook_mlp_out", "transformer.h.0.mlp.out"),
        ("gpt2", "blocks.0.hook_mlp_in", "transformer.h.0.ln_2.in"),
        ("gpt2", "blocks.1.ln2.hook_normalized", "transformer.h.1.ln_2.out"),
        ("gpt2", "blocks.1.ln1.hook_normalized", "transformer.h.1.ln_1.out"),
        ("gpt_neox", "blocks.1.hook_mlp_in", "gpt_neox.layers.1.in"),  # both read one stream
        ("gpt_neox", "blocks.1.attn.hook_z", "gpt_neox.layers.1.attention.dense.in"),
        ("gpt_neox", "layers.1.mlp", "gpt_neox.layers.1.mlp.out"),  # as sparsify has it
        ("llama", "blocks.0.hook_resid_mid", "model.layers.0.post_attention_layernorm.in"),
        ("llama", "blocks.0.attn.hook_q", "model.layers.0.self_attn.q_proj.out"),
        ("llama", "blocks.0.mlp.hook_post", "model.layers.0.mlp.down_proj.in"),
        ("llama", "model.layers.1", "model.layers.1.out"),  # AutoModelForCausalLM
        ("gemma2", "blocks.1.hook_attn_out", "model.layers.1.post_attention_layernorm.out"),
        ("gemma2", "blocks.1.mlp.hook_in", "model.layers.1.pre_feedforward_layernorm.out"),
        ("phi", "blocks.1.hook_resid_post", "model.layers.1.out"),
    ],
)
def test_sites_under_other_names(kind, name, site):
    assert site_of(said(site=name), MAKERS[kind]()) == site


@pytest.mark.parametrize(
    ("kind", "about", "words"),
    [
        ("gpt2", {"site": "blocks.7.hook_resid_post"}, "no layer 7"),
        ("gpt2", {"site": "blocks.0.attn.hook_pattern"}, "no site here has these activations"),
        ("gpt2", {"site": "blocks.0.hook_z"}, "no site here has these activations"),
        ("gpt2", {"site": "blocks.0.attn.hook_z", "head": 1}, "of head 1"),
        ("gpt2", {"site": "blocks.0.attn.hook_q"}, "has no 'attn.0.q'"),
        ("gpt2", {"site": "hook_embed"}, "no site of GPT2LMHeadModel"),
        ("gpt2", {}, "does not say at which site"),
        ("llama", {"site": "blocks.0.ln2.hook_normalized"}, "without the gain"),  # an RMS norm's is taken before it
        (
            "gpt2",
            {
                "site": "blocks.0.ln2.hook_normalized",
                "settings": {"model_from_pretrained_kwargs": {"fold_ln": True}},
            },
            "without the gain",
        ),
        ("phi", {"site": "blocks.0.hook_mlp_out"}, "of no family"),
        ("llama", {"site": "self_attn"}, "no site of"),  # one in each layer
    ],
)
def test_what_no_site_has_is_refused_in_one_line(kind, about, words):
    with pytest.raises(GlassbookError, match=words) as error:
        site_of(said(**about), MAKERS[kind]())
    assert "\n" not in str(error.value)


def test_the_stream_before_the_mlp_is_what_was_there_and_what_attention_adds():
    model = tiny("llama")
    hooks = ("hook_resid_pre", "hook_attn_out", "hook_mlp_in")
    sites = [site_of(said(site=f"blocks.1.{hook}"), model) for hook in hooks]
    found = read_sites(model, IDS, sites)
    before, added, after = (found[site] for site in sites)
    torch.testing.assert_close(before + added, after)


def test_a_transcoder_writes_elsewhere():
    model = tiny("gpt2")
    d = said(32, site="blocks.1.ln2.hook_normalized", site_out="blocks.1.hook_mlp_out")
    assert site_of(d, model) == "transformer.h.1.ln_2.out"
    assert site_of(d, model, writes=True) == "transformer.h.1.mlp.out"
    del d.about["site_out"]
    with pytest.raises(GlassbookError, match="does not say at which site its predictions belong"):
        site_of(d, model, writes=True)
    assert site_of(said(site="blocks.0.hook_resid_pre"), model, writes=True) == "transformer.h.0.in"


SITE = "transformer.h.1.out"


def use(context=None, name="openai-community/gpt2", tokenizer=TOKENIZER, **about):
    lm = LanguageModel(tiny("gpt2"), tokenizer, name)
    return check_use(said(site="blocks.1.hook_resid_post", **about), lm, SITE, context)


def test_nothing_is_said_where_nothing_differs():
    kwargs = {"center_writing_weights": False, "fold_ln": True, "n_devices": 2, "revision": None}
    settings = {"prepend_bos": True, "context_size": 64, "seqpos_slice": [None], "model_from_pretrained_kwargs": kwargs}
    for model in ("gpt2-small", "gpt2", "openai-community/GPT2", None, {"name": "gpt2"}):
        assert use(64, model=model, settings=settings) == []


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"settings": {"prepend_bos": False}}, "no BOS token begins"),
        ({"settings": {"context_size": 16}}, "texts of 16 tokens, and here they have up to 30"),
        ({"settings": {"seqpos_slice": [5, None]}}, "positions [5, None]"),
        (
            {"settings": {"model_from_pretrained_kwargs": {"center_writing_weights": True}}},
            "without the mean of what each layer writes",
        ),
        ({"settings": {"model_from_pretrained_kwargs": {"revision": "step1000"}}}, "revision = 'step1000'"),
        ({"model": "pythia-70m-deduped"}, "learnt from pythia-70m-deduped, and this is openai-community/gpt2"),
        ({"model": {"name": "EleutherAI/pythia-70m"}}, "learnt from EleutherAI/pythia-70m"),
    ],
)
def test_what_differs_is_said_in_a_line(about, words):
    (line,) = use(30, **about)
    assert words in line
    assert "\n" not in line


def test_weights_that_were_changed_elsewhere_are_not_mentioned():
    """Values without biases are not the stream."""
    told = {"fold_value_biases": True, "refactor_factored_attn_matrices": True}
    assert use(settings={"model_from_pretrained_kwargs": told}) == []
    lm = LanguageModel(tiny("gpt2"), TOKENIZER, "gpt2")
    heads = said(site="blocks.1.attn.hook_z", settings={"model_from_pretrained_kwargs": told})
    assert len(check_use(heads, lm, site_of(heads, lm.model))) == 2


def test_another_width_or_other_weights_are_refused():
    lm = LanguageModel(tiny("gpt2"), TOKENIZER, "gpt2")
    for d, site, writes in (
        (said(width=24), SITE, False),
        (said(24), SITE, True),
        (said(), "transformer.h.0.mlp.c_proj.in", False),
    ):
        with pytest.raises(GlassbookError, match="open its model, or name its site"):
            check_use(d, lm, site, writes=writes)
    with pytest.raises(GlassbookError, match="another model than this one"):
        check_use(said(weights="0123456789abcdef"), lm, SITE)
    assert check_use(said(weights=fingerprint(lm.model), model={"name": "elsewhere"}), lm, SITE) == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_in_half_precision_cannot_be_compared(dtype):
    exact, half = tiny("gpt2"), LanguageModel(tiny("gpt2").to(dtype), TOKENIZER, "gpt2")
    (line,) = check_use(said(weights=fingerprint(exact)), half, SITE)
    assert "half precision" in line
    assert check_use(said(weights=fingerprint(half.model)), half, SITE) == []


def test_activations_of_a_site_under_another_name_are_not_refused():
    model = tiny("gpt2")
    acts = collect(model, [IDS], [SITE, "transformer.h.0.out"])
    for name in ("blocks.1.hook_resid_post", "h.1", SITE):
        d = said(site=name, **{"from": "SAELens"})
        assert evaluate(d, (acts, site_of(d, model))).n == 8
    for name, origin in ((SITE, {"from": "SAELens"}), (SITE, {}), ("blocks.1.hook_resid_post", {})):
        with pytest.raises(GlassbookError, match="not learnt from such activations"):
            evaluate(said(site=name, **origin), (acts, "transformer.h.0.out"))
