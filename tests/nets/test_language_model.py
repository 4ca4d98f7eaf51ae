"""Text in, text out: the same for our model and for those of transformers."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
)

from glassbook.errors import GlassbookError
from glassbook.nets import LM, LanguageModel, LMConfig, open_model, train_bpe
from glassbook.nets.io.llama import config_to_llama, state_to_llama

TOKENIZER = train_bpe(["The ranger saw a fox on the north ridge."] * 20, 300)
VOCAB = len(TOKENIZER)
PROMPTS = ["The fox", "A ranger on the north ridge saw the", ""]


def ours() -> LanguageModel:
    torch.manual_seed(0)
    model = LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64, tied=False)).eval()
    for p in model.parameters():
        p.data.mul_(8 if p.dim() == 2 else 1)
    return LanguageModel(model, TOKENIZER, "ours")


def theirs(family: str, folder: Path) -> LanguageModel:
    torch.manual_seed(0)
    sizes = {"vocab_size": VOCAB, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes |= {"intermediate_size": 48, "max_position_embeddings": 64, "initializer_range": 0.3}
    special = {"bos_token_id": 0, "eos_token_id": 1}
    if family == "gpt2":
        config = GPT2Config(
            vocab_size=VOCAB, n_positions=64, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3, **special
        )
        model = GPT2LMHeadModel(config)
    elif family == "neox":
        model = GPTNeoXForCausalLM(GPTNeoXConfig(**sizes, **special))
    else:
        experts = {"num_key_value_heads": 2, "num_local_experts": 4, "sliding_window": None}
        model = MixtralForCausalLM(MixtralConfig(**sizes, **special, **experts))
    model.generation_config.do_sample = True  # what a checkpoint prefers must not decide
    model.generation_config.temperature = 0.6
    model.save_pretrained(folder)
    return open_model(folder, tokenizer=TOKENIZER)


@pytest.fixture(params=["ours", "gpt2", "neox", "mixtral"])
def lm(request: pytest.FixtureRequest, tmp_path: Path) -> LanguageModel:
    return ours() if request.param == "ours" else theirs(request.param, tmp_path)


def test_generation_is_greedy_padded_and_silent(lm: LanguageModel, capfd: pytest.CaptureFixture[str], recwarn):
    together = lm.generate(PROMPTS, tokens=12)
    assert together == [lm.generate(prompt, tokens=12)[0] for prompt in PROMPTS]
    assert together == lm.generate(PROMPTS, tokens=12, use_cache=False)
    assert any(together)
    # step by step, with no generate at all
    ids = torch.tensor([lm.encode(PROMPTS[1])])
    for _ in range(12):
        ids = torch.cat((ids, lm.model(ids).logits[:, -1].argmax(-1)[None]), 1)
    new = ids[0, len(lm.encode(PROMPTS[1])) :].tolist()
    assert together[1] == TOKENIZER.decode(new[: new.index(1)] if 1 in new else new)
    captured = capfd.readouterr()
    assert (captured.out, captured.err, [str(w.message) for w in recwarn]) == ("", "", [])


def test_sampling_repeats_with_its_seed_and_leaves_the_global_generator_alone(lm: LanguageModel):
    before = torch.get_rng_state()
    draws = [lm.generate(PROMPTS, tokens=12, temperature=1.5, top_p=0.95, seed=s) for s in (0, 0, 1)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert lm.generate(PROMPTS, tokens=12, temperature=1.5, top_p=1e-9) == lm.generate(PROMPTS, tokens=12)
    assert torch.equal(before, torch.get_rng_state())


def test_our_model_and_transformers_write_the_same_text():
    lm = ours()
    twin = LlamaForCausalLM(LlamaConfig(**config_to_llama(lm.model.config, bos=0, eos=1, pad=2))).eval()  # type: ignore
    twin.load_state_dict(state_to_llama(lm.model))  # type: ignore[arg-type]
    assert LanguageModel(twin, TOKENIZER, "twin").generate(PROMPTS, tokens=25) == lm.generate(PROMPTS, tokens=25)


def test_batches_are_padded_on_either_side():
    lm = ours()
    for side in ("left", "right"):
        batch = lm.batch(PROMPTS, pad=side)
        assert batch["input_ids"].shape == batch["attention_mask"].shape
        for text, ids, mask in zip(PROMPTS, batch["input_ids"], batch["attention_mask"].bool(), strict=True):
            assert ids[mask].tolist() == lm.encode(text)
            assert (ids[~mask] == TOKENIZER.pad).all()
        assert batch["attention_mask"][:, -1 if side == "left" else 0].all()


def test_text_and_tokens():
    lm = ours()
    ids = lm.encode("the fox")
    assert ids[0] == 0
    assert lm.encode("the fox", bos=False) == ids[1:]
    assert lm.decode(torch.tensor(ids)) == "the fox"
    assert lm.tokens(torch.tensor(ids))[0] == "<bos>"
    assert "".join(lm.tokens(ids[1:])) == "the fox"
    assert (lm.context, lm.vocab, lm.device.type) == (64, VOCAB, "cpu")
    assert lm.parameters == sum(p.numel() for p in lm.model.parameters())


def test_what_cannot_be_generated_is_one_line(lm: LanguageModel):
    for call, says in [
        (lambda: lm.generate("The fox", tokens=64), "context of 64"),
        (lambda: lm.generate([]), "empty"),
        (lambda: lm.batch(["x", ""], bos=False), "empty"),
        (lambda: lm.generate("x", temperature=-1.0), "temperature"),
        (lambda: lm.generate("x", top_p=0.0), "top_p"),
    ]:
        with pytest.raises(GlassbookError, match=says) as error:
            call()
        assert "\n" not in str(error.value)


def test_each_text_ends_at_its_own_end_token():
    """A model that only knows what follows what: "a" "b" "c" <eos>, by a head that matches embeddings."""
    lm = ours()
    assert isinstance(lm.model, LM)
    state = lm.model.state_dict()
    for name, value in state.items():
        if name.endswith(("attn.o.weight", "mlp.down.weight", "head.weight")):
            value.zero_()
    chain = [*TOKENIZER.encode("abc"), 1]
    for now, then in pairwise(chain):
        state["head.weight"][then] = state["embed.weight"][now]
    assert lm.generate(["a", "b", "c"], tokens=10) == ["bc", "c", ""]
