"""Roles: the same names on every family, proved, and refused where the parts do not add up."""

import pytest
import torch
import transformers as T
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets import LM, LMConfig
from glassbook.trace import trace
from glassbook.trace.roles import explicit_attention, roles

SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT = {**SIZES, "vocab_size": 61, "bos_token_id": 0, "eos_token_id": None, "pad_token_id": None}
GROUPED = {**TEXT, "num_key_value_heads": 2, "head_dim": 8}


def gpt2():
    config = T.GPT2Config(vocab_size=61, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=None)
    return T.GPT2LMHeadModel(config)


def neox(parallel=True):
    return T.GPTNeoXForCausalLM(T.GPTNeoXConfig(**TEXT, use_parallel_residual=parallel))


def vit():
    config = T.ViTConfig(**SIZES, image_size=16, patch_size=8)
    return T.ViTForImageClassification(config)


MAKERS = {
    "ours": lambda: LM(LMConfig(61, 32, 2, 4, 2, 48, context=64)),
    "gpt2": gpt2,
    "neox": neox,
    "neox in series": lambda: neox(parallel=False),
    "llama": lambda: T.LlamaForCausalLM(T.LlamaConfig(**GROUPED)),
    "mistral": lambda: T.MistralForCausalLM(T.MistralConfig(**GROUPED)),
    "qwen2": lambda: T.Qwen2ForCausalLM(T.Qwen2Config(**TEXT, num_key_value_heads=2)),
    "qwen3": lambda: T.Qwen3ForCausalLM(T.Qwen3Config(**GROUPED)),
    "gemma": lambda: T.GemmaForCausalLM(T.GemmaConfig(**GROUPED)),
    "gemma2": lambda: T.Gemma2ForCausalLM(T.Gemma2Config(**GROUPED)),
    "gemma3": lambda: T.Gemma3ForCausalLM(T.Gemma3TextConfig(**GROUPED)),
    "mixtral": lambda: T.MixtralForCausalLM(T.MixtralConfig(**GROUPED, num_local_experts=4)),
    "vit": vit,
}


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    return {name: make().eval() for name, make in MAKERS.items()}


def given(name):
    if name == "vit":
        return {"pixel_values": torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))}
    return {"input_ids": torch.randint(61, (2, 9), generator=torch.Generator().manual_seed(1))}


@pytest.mark.parametrize("name", MAKERS)
def test_every_family_has_the_same_names_and_sizes(models, name):
    r = roles(models[name])
    assert (r.n_layers, r.n_heads, r.head_dim) == (2, 4, 8)
    assert {"resid.0.in", "resid.1.out", "attn.0.pattern", "attn.1.heads", "mlp.1.out", "logits"} <= set(r)
    with r.trace(read=["resid.*", "attn.*.out", "mlp.*.out"]) as t:
        models[name](**given(name))
    for layer in (0, 1):
        before, attn, mlp, after = (
            t[role] for role in (f"resid.{layer}.in", f"attn.{layer}.out", f"mlp.{layer}.out", f"resid.{layer}.out")
        )
        torch.testing.assert_close(before + attn + mlp, after, rtol=1e-4, atol=1e-4)
        if f"resid.{layer}.mid" in r:
            torch.testing.assert_close(before + attn, t[f"resid.{layer}.mid"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MAKERS)
def test_patterns_are_probabilities_and_leave_the_output_as_it_was(models, name):
    model, r = models[name], roles(models[name])
    plain = model(**given(name)).logits
    with r.trace(read=["attn.*.pattern", "attn.*.heads"]) as t:
        seen = model(**given(name)).logits
    torch.testing.assert_close(seen, plain, rtol=1e-4, atol=1e-4)
    assert torch.equal(model(**given(name)).logits, plain)  # the fast kernel is back
    for layer in (0, 1):
        pattern = t[f"attn.{layer}.pattern"]
        assert pattern.shape[:2] == (2, 4)
        torch.testing.assert_close(pattern.sum(-1), torch.ones(pattern.shape[:3]))
        if name != "vit":
            assert float(pattern.triu(1).abs().max()) == 0


@pytest.mark.parametrize("name", ["ours", "llama", "gemma2", "vit"])
def test_heads_are_the_pattern_times_the_values(models, name):
    model, r = models[name], roles(models[name])
    with r.trace(read=["attn.1.pattern", "attn.1.v", "attn.1.heads"]) as t:
        model(**given(name))
    v = t["attn.1.v"].unflatten(-1, (-1, r.head_dim)).transpose(1, 2)
    v = v.repeat_interleave(r.n_heads // v.shape[1], dim=1)
    expected = t["attn.1.pattern"] @ v
    torch.testing.assert_close(r.split(t["attn.1.heads"]).transpose(1, 2), expected, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_a_pattern(models):
    model, r = models["ours"], roles(models["ours"])
    with r.trace(read=["attn.1.pattern", "attn.1.heads", "attn.1.v"], grad=True) as t:
        model(**given("ours")).logits.square().sum().backward()
    v = t["attn.1.v"].unflatten(-1, (-1, 8)).repeat_interleave(2, dim=2).transpose(1, 2)
    expected = r.split(t.grad("attn.1.heads")).transpose(1, 2) @ v.transpose(-1, -2)
    torch.testing.assert_close(t.grad("attn.1.pattern"), expected)


def test_our_patterns_can_be_edited(models):
    model, r = models["ours"], roles(models["ours"])
    ids = given("ours")["input_ids"]
    even = lambda x, at: torch.ones_like(x).tril() / torch.ones_like(x).tril().sum(-1, keepdim=True)  # noqa: E731
    with r.trace(read=["attn.0.heads", "attn.0.v"], edit={"attn.0.pattern": even}) as t:
        model(input_ids=ids)
    v = t["attn.0.v"].unflatten(-1, (-1, 8)).repeat_interleave(2, dim=2)
    mean = v.cumsum(1) / torch.arange(1, 10)[:, None, None]
    torch.testing.assert_close(r.split(t["attn.0.heads"]), mean)


@pytest.mark.parametrize("side", ["left", "right"])
def test_our_explicit_attention_minds_pads_and_the_cache(models, side):
    model = models["ours"]
    ids = given("ours")["input_ids"]
    mask = torch.ones_like(ids)
    mask[0, : 3 if side == "left" else 0] = 0
    mask[0, 6 if side == "right" else 9 :] = 0
    plain = model(input_ids=ids, attention_mask=mask).logits
    with trace(model, read="blocks.*.attn.pattern"):
        seen = model(input_ids=ids, attention_mask=mask).logits
        whole = model(input_ids=ids).logits
        cache = model(input_ids=ids[:, :6], use_cache=True).past_key_values
        rest = model(input_ids=ids[:, 6:], past_key_values=cache).logits
    torch.testing.assert_close(seen[mask.bool()], plain[mask.bool()])
    torch.testing.assert_close(rest, whole[:, 6:])


def test_the_attention_of_transformers_is_as_before_after_an_error(models):
    model = models["llama"]
    before = model.config._attn_implementation
    with explicit_attention(model):
        assert model.config._attn_implementation == "eager"
    assert model.config._attn_implementation == before
    with pytest.raises(ValueError, match="input_ids"), explicit_attention(model):
        model()
    assert model.config._attn_implementation == before


def test_the_router_of_a_mixture(models):
    r = roles(models["mixtral"])
    with r.trace(read=["mlp.0.router"]) as t:
        models["mixtral"](**given("mixtral"))
    assert t["mlp.0.router"].shape[-1] == 4


class Scaled(nn.Module):
    """A block of ours that halves what the MLP adds: the parts are there, the sum is another."""

    def __init__(self, block):
        super().__init__()
        self.norm1, self.attn, self.norm2, self.mlp = block.norm1, block.attn, block.norm2, block.mlp

    def forward(self, x, mask=None, rope=None, cache=None):
        x = x + self.attn(self.norm1(x), mask, rope, cache)
        return x + 0.5 * self.mlp(self.norm2(x))


def test_a_model_whose_parts_add_up_otherwise_is_refused():
    torch.manual_seed(0)
    model = LM(LMConfig(61, 32, 2, 4, 2, 48, context=64))
    model.blocks[1] = Scaled(model.blocks[1])
    model.blocks[0] = Scaled(model.blocks[0])
    with pytest.raises(GlassbookError, match=r"resid\.0\.in \+ attn\.0\.out \+ mlp\.0\.out is not"):
        roles(model)
    assert model.training  # as it was


SIZES = {
    "vocab_size": 61, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "pad_token_id": 0,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["Llama", "Qwen2", "Qwen3", "StableLm", "Nemotron", "Gemma3Text"])
def test_heads_are_proved_to_be_side_by_side(kind):
    torch.manual_seed(0)
    config = getattr(T, f"{kind}Config")(**SIZES, **({"head_dim": 8} if kind in ("Qwen3", "Gemma3Text") else {}))
    name = "Gemma3ForCausalLM" if kind == "Gemma3Text" else f"{kind}ForCausalLM"
    found = roles(getattr(T, name)(config).eval())
    assert (found.n_heads, found.head_dim) == (4, 8)


def test_heads_that_are_mixed_before_the_output_are_refused():
    """The heads of a DiffLlama are differences of two; what is read before the output has their outputs in pairs."""
    torch.manual_seed(0)
    model = T.DiffLlamaForCausalLM(T.DiffLlamaConfig(**SIZES)).eval()
    with pytest.raises(GlassbookError, match="not side by side") as problem:
        roles(model)
    assert "\n" not in str(problem.value)


def test_an_unknown_family_and_an_unknown_role_are_refused(models):
    bert = T.BertModel(T.BertConfig(**{**SIZES, "vocab_size": 61}))
    with pytest.raises(GlassbookError, match="no family that is known here"):
        roles(bert)
    r = roles(models["gpt2"])
    with pytest.raises(GlassbookError, match=r"no 'resid\.2\.in'"):
        r["resid.2.in"]
    with pytest.raises(GlassbookError, match="near it"):
        r.select("atn.*")


def test_roles_of_a_core_without_a_head(models):
    r = roles(models["gpt2"].transformer)
    assert r["resid.1.in"] == "h.1.in"


def test_stop_and_gradients_go_by_roles(models):
    model, r = models["ours"], roles(models["ours"])
    ids = given("ours")["input_ids"]
    with r.trace(read=["resid.0.out"], stop=True) as t:
        model(input_ids=ids)
        raise AssertionError("the forward went on")
    assert t["resid.0.out"].shape == (2, 9, 32)
    with r.trace(read=["resid.1.in"], grad=True) as t:
        model(input_ids=ids).logits.sum().backward()
    assert t.grad("resid.1.in").shape == (2, 9, 32)


def test_the_gradient_at_an_input_is_that_modules_alone(models):
    """The stream goes around the MLP as well; what it is given there is not the stream."""
    model = models["ours"]
    ids = given("ours")["input_ids"]
    with trace(model, read=["blocks.1.norm2.in", "blocks.1.norm2.out"], grad=True) as t:
        model(input_ids=ids).logits.square().sum().backward()
    x = t["blocks.1.norm2.in"].detach().requires_grad_()
    model.blocks[1].norm2(x).backward(t.grad("blocks.1.norm2.out"))
    torch.testing.assert_close(t.grad("blocks.1.norm2.in"), x.grad)
