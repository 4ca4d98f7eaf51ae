"""Settings of SAELens' files, of all its versions: each is expressed, found to change nothing, or refused.

The formulas are those of SAELens 3.22.2, 5.11.0 and 6.54.12, written out.
"""

import json

import pytest
import torch
from safetensors.torch import save_file

from glassbook.circuits import SAESite
from glassbook.errors import GlassbookError
from glassbook.features import evaluate
from glassbook.features.formats import load, load_sae_lens, save_sae_lens
from glassbook.steer import Clamp

D, F = 8, 16
G = torch.Generator().manual_seed(5)
W = {
    "W_enc": torch.randn(D, F, generator=G),
    "W_dec": torch.randn(F, D, generator=G),
    "b_enc": torch.randn(F, generator=G),
    "b_dec": torch.randn(D, generator=G),
}
X = torch.randn(9, D, generator=G) * 3 + 1
FLAT = {"d_in": D, "d_sae": F, "dtype": "torch.float32", "model_name": "gpt2-small", "hook_name": "blocks.1.hook_z"}
NESTED = {"architecture": "standard", "d_in": D, "d_sae": F, "metadata": {"hook_name": "blocks.1.hook_z"}}


@pytest.fixture
def folder(tmp_path):
    """folder(settings, tensors) -> where they are."""

    def make(settings=None, tensors=None, base=FLAT):
        save_file({k: v.contiguous() for k, v in (W | (tensors or {})).items()}, tmp_path / "sae_weights.safetensors")
        (tmp_path / "cfg.json").write_text(json.dumps(base | (settings or {})))
        return tmp_path

    return make


def pre(x, subtract=True):
    return (x - W["b_dec"] * subtract) @ W["W_enc"] + W["b_enc"]


def top(a, k):
    values, at = a.topk(k)
    return torch.zeros_like(a).scatter_(-1, at, values.relu())


def close(got, wanted):
    torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-5)


def refused(folder, words, **more):
    with pytest.raises(GlassbookError, match=words) as problem:
        load_sae_lens(folder, **more)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("how", ["expected_average_only_in", True])
@pytest.mark.parametrize("base", [FLAT, NESTED], ids=["flat", "nested"])
def test_a_scale_that_was_never_folded_is_asked_for(folder, how, base):
    here = folder({"normalize_activations": how}, base=base)
    with pytest.raises(GlassbookError, match="constant that is not in its files"):
        load(here)
    for nonsense in (0.0, -1.0, float("nan"), float("inf")):
        refused(here, "constant that is not in its files", scale=nonsense)
    d, raw = load_sae_lens(here, 0.05), X / 0.05
    codes = pre(raw * 0.05).relu()
    close(d.encode(raw), codes)
    close(d(raw), (codes @ W["W_dec"] + W["b_dec"]) / 0.05)
    (here / "activation_scaler.json").write_text('{"scaling_factor": 0.05, "has_whitening": false}')
    close(load(here).encode(raw), codes)  # a checkpoint of version 6 keeps the constant beside the weights


def test_a_scale_and_latents_in_units_of_the_decoder(folder):
    """SAELens folds the constant first, so that latents stay lengths, then in the activations' own units."""
    settings = {"architecture": "topk", "k": 3, "rescale_acts_by_decoder_norm": True}
    settings["normalize_activations"] = "expected_average_only_in"
    d, raw = load_sae_lens(folder(settings, base=NESTED), 0.05), X / 0.05
    norms = W["W_dec"].norm(dim=1)
    codes = top(pre(raw * 0.05) * norms / 0.05, 3)
    close(d.encode(raw), codes)
    close(d(raw), codes / norms @ W["W_dec"] + W["b_dec"] / 0.05)


def test_a_scale_that_is_not_needed_is_refused(folder):
    refused(folder(), "give no scale", scale=0.5)
    refused(folder({"normalize_activations": "layer_norm"}), "give no scale", scale=0.5)


def test_activations_normed_one_by_one(folder):
    mean, std = X.mean(-1, keepdim=True), X.std(-1, keepdim=True)
    coefficient = D**0.5 / X.norm(dim=-1, keepdim=True)
    for how, normed, back in (
        ("layer_norm", (X - mean) / (std + 1e-5), lambda y: y * std + mean),
        ("constant_norm_rescale", X * coefficient, lambda y: y / coefficient),
    ):
        for subtract in (True, False):
            d = load(folder({"normalize_activations": how, "apply_b_dec_to_input": subtract}))
            codes = pre(normed, subtract).relu()
            assert d.about["site"] == "blocks.1.hook_z"
            close(d.encode(X), codes)
            close(d.decode_sparse(*d.encode_sparse(X)), codes @ W["W_dec"] + W["b_dec"])
            close(d(X), back(codes @ W["W_dec"] + W["b_dec"]))
            left = (X - d(X)).square().sum() / (X - X.mean(0)).square().sum()
            assert abs(evaluate(d, X).explained_variance - (1 - float(left))) < 1e-5 * float(left)
            assert not d.encode(torch.zeros(1, D)).isnan().any()
            assert d.encode(X.bfloat16()).dtype == torch.float32
    with pytest.raises(GlassbookError, match="norms each activation by itself"):
        SAESite(d, "blocks.1.out")
    with pytest.raises(GlassbookError, match="norms each activation by itself"):
        Clamp(d, {3: 1.0}, "blocks.1.out")
    refused(folder({"architecture": "transcoder", "normalize_activations": "layer_norm"}), "norms what it reads")


@pytest.mark.parametrize(
    ("settings", "factor"),
    [
        ({"normalize_activations": False}, None),
        ({"normalize_activations": None}, None),
        ({"finetuning_scaling_factor": False}, "scaling_factor"),
        ({"finetuning_scaling_factor": True}, "scaling_factor"),
        ({}, "finetuning_scaling_factor"),
        ({"activation_fn": "relu"}, None),
        ({"activation_fn_str": "relu", "activation_fn_kwargs": None}, None),
        ({"hook_head_index": None, "reshape_activations": "hook_z"}, None),
    ],
)
def test_older_spellings_and_settings_that_change_nothing(folder, settings, factor):
    d = load(folder(settings, {factor: torch.ones(F)} if factor else {}))
    close(d.encode(X), pre(X).relu())
    assert d.about == {"model": "gpt2-small", "site": "blocks.1.hook_z", "from": "SAELens"}


def test_older_names_of_the_site(folder):
    old = {("hook_point" if key == "hook_name" else key): value for key, value in FLAT.items()}
    assert load(folder(base=old)).about["site"] == "blocks.1.hook_z"
    old["hook_point_head_index"] = 3
    assert load(folder(base=old)).about["head"] == 3
    assert load(folder({"hook_head_index": 0})).about["head"] == 0
    assert load(folder(base=NESTED)).about == {"site": "blocks.1.hook_z", "from": "SAELens"}


@pytest.mark.parametrize(
    "settings",
    [
        {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 3}},
        {"activation_fn": "topk", "activation_fn_kwargs": {"k": 3.0}, "architecture": "standard"},
        {"architecture": "topk", "k": 3},
        {"architecture": "topk", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 3}},
    ],
)
def test_spellings_of_topk(folder, settings):
    close(load(folder(settings)).encode(X), top(pre(X), 3))


@pytest.mark.parametrize(
    ("settings", "tensors", "words"),
    [
        ({"finetuning_scaling_factor": True}, {"scaling_factor": torch.full((F,), 2.0)}, "from fine-tuning"),
        ({"finetuning_scaling_factor": False}, {"scaling_factor": torch.full((F,), 2.0)}, "from fine-tuning"),
        ({}, {"finetuning_scaling_factor": torch.zeros(F)}, "from fine-tuning"),
        ({"activation_fn_str": "tanh-relu"}, {}, "tanh-relu"),
        ({"architecture": "jumprelu", "activation_fn_str": "topk"}, {"threshold": torch.ones(F)}, "topk"),
        ({"activation_fn": "topk", "activation_fn_kwargs": [3]}, {}, "how many latents"),
        ({"architecture": "topk", "k": 3, "activation_fn_kwargs": {"postact_fn": "abs"}}, {}, "than ReLU"),
        ({"architecture": "abstopk", "k": 3}, {}, "architecture 'abstopk'"),
        ({"normalize_activations": "covariance_whitening"}, {}, "covariance_whitening"),
        ({"normalize_activations": ["none"]}, {}, "normalize_activations"),
        ({}, {"threshold": torch.ones(F)}, "holds threshold"),
        ({"architecture": "transcoder"}, {"W_skip": torch.ones(D, D)}, "holds W_skip"),
        ({"architecture": "jumprelu"}, {}, "has no threshold"),
    ],
)
def test_what_would_change_the_latents_and_cannot_be_expressed_is_refused(folder, settings, tensors, words):
    refused(folder(settings, tensors), words)


TRAINED = {
    "prepend_bos": False,
    "context_size": 128,
    "seqpos_slice": [1, None],
    "model_class_name": "HookedTransformer",
    "model_from_pretrained_kwargs": {"center_writing_weights": True},
}


@pytest.mark.parametrize("nested", [False, True])
def test_settings_of_the_activations_are_kept_and_saved_again(folder, nested, tmp_path):
    here = {"model_name": "gpt2-small", "hook_name": "blocks.1.hook_resid_pre", **TRAINED}
    d = load(folder({"metadata": here} if nested else here, base=NESTED if nested else FLAT))
    assert d.about["settings"] == TRAINED
    again = load(save_sae_lens(d, tmp_path / "again"))
    assert again.about == d.about
    d.save(tmp_path / "own.safetensors")
    assert load(tmp_path / "own.safetensors").about == d.about


def test_settings_that_say_nothing_are_left_out(folder):
    nothing = {"prepend_bos": None, "context_size": None, "model_from_pretrained_kwargs": {}}
    assert "settings" not in load(folder(nothing)).about
    assert load(folder({"prepend_bos": True})).about["settings"] == {"prepend_bos": True}


def test_where_a_transcoder_writes_is_kept(folder, tmp_path):
    there = {"architecture": "transcoder", "hook_name_out": "blocks.1.hook_mlp_out"}
    d = load(folder(there))
    assert d.about["site_out"] == "blocks.1.hook_mlp_out"
    assert load(save_sae_lens(d, tmp_path / "again")).about == d.about
