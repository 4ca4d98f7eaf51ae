"""From the stream to the logits: the way is the model's own or none, and directions are seen through it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.functional import normalize

from glassbook.features.dashboard.logits import logit_effects
from glassbook.nets import LanguageModel, open_model
from glassbook.trace.roles import final

SMALL = {"vocab_size": 60, "bos_token_id": 0, "eos_token_id": 1}
LLAMA = {**SMALL, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def _model(kind: str, **more):
    import transformers

    torch.manual_seed(0)
    if kind == "GPT2":
        config = transformers.GPT2Config(**SMALL, n_embd=32, n_layer=2, n_head=2, n_positions=32)
        model = transformers.GPT2LMHeadModel(config)
    else:
        config = getattr(transformers, f"{kind}Config")(**LLAMA, **more)
        model = getattr(transformers, f"{kind}ForCausalLM")(config)
    lm = LanguageModel(model.eval(), None, kind)
    with torch.no_grad():  # a trained norm has a gain
        for name, p in model.named_parameters():
            if "ln_f" in name or name.endswith(("model.norm.weight", "final_layer_norm.weight")):
                p.add_(torch.randn_like(p) * 0.3)
    return lm


@pytest.mark.parametrize("kind", ["GPT2", "Llama", "Gemma", "Granite", "GPTNeoX", "builtin"])
def test_effects_are_what_a_small_step_in_the_stream_does(kind):
    """On a stream of scale 1 that the direction does not change, the logits move by the effects, up to a constant."""
    more = {
        "Gemma": {"num_key_value_heads": 1, "head_dim": 16},
        "Granite": {"num_key_value_heads": 1, "logits_scaling": 4.0},
    }
    lm = open_model("builtin") if kind == "builtin" else _model(kind, **more.get(kind, {}))
    readout = final(lm)
    width = readout.width
    torch.manual_seed(1)
    d = normalize(torch.randn(width) + 1, dim=0)  # its mean is not 0, which a layer norm takes away
    x = torch.randn(width).double()
    for _ in range(50):  # no mean, at right angles to d, scale 1: then adding a little of d leaves the scale as it is
        x = x - x.mean()
        x = x - (x @ (d - d.mean()).double()) / (d - d.mean()).double().square().sum() * (d - d.mean())
    x = x / x.square().mean().sqrt()
    with torch.no_grad():
        norm64, head64 = copy.deepcopy(readout.norm).double(), copy.deepcopy(readout.head).double()
        moved = (head64(norm64(x + 1e-3 * d)) - head64(norm64(x - 1e-3 * d))) / 2e-3
    wanted = readout.scale * (moved - moved.mean()).float()
    torch.testing.assert_close(logit_effects(d[None], readout)[0], wanted, atol=2e-4, rtol=2e-3)


def test_only_the_residual_stream_has_effects(tmp_path):
    from glassbook.features import Dictionary, TopK
    from glassbook.features.dashboard import build_dashboard
    from glassbook.notebook.runs.feature_dashboard import FeatureDashboard

    lm, x, ids = open_model("builtin"), torch.randn(20, 128), torch.arange(20)

    def effects(site: str | None, name: str):
        to, about = tmp_path / name / "artifacts", {"site": site}
        build_dashboard(Dictionary(128, 128, TopK(2)), x, lm, to, tokens=ids, sequence=ids, about=about)
        return FeatureDashboard(tmp_path / name).feature(0).promotes

    assert effects("blocks.2.in", "stream")
    assert not effects("blocks.2.attn.q.out", "queries")
    assert not effects(None, "unknown")
    # Nor has a model whose logits come another way.
    lm.model.register_forward_hook(lambda _module, _args, out: out._replace(logits=out.logits.sin()))
    assert not effects("blocks.2.in", "other")
