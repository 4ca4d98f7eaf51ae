"""Tiny random models with a character tokenizer, as our LM and as three families of transformers."""

import pytest
import torch
import transformers

from glassbook.nets import LM, LanguageModel, LMConfig


class Characters:
    """One token for each character; 0 is BOS and EOS, 1 pads."""

    bos, eos, pad = 0, None, 1
    prefix = (0,)
    alphabet = " abcdefghijklmnopqrstuvwxyzMPST,."

    def __len__(self) -> int:
        return 2 + len(self.alphabet)

    def encode(self, text: str) -> list[int]:
        return [2 + self.alphabet.index(c) for c in text]

    def special(self, id: int) -> bool:
        return False

    def decode(self, ids: list[int]) -> str:
        return "".join(self.token(i) for i in ids if i > 1)

    def token(self, id: int) -> str:
        return ["<bos>", "<pad>", *self.alphabet][id]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(i, i + 1) for i in range(len(text))]


def _model(kind: str) -> torch.nn.Module:
    vocab = len(Characters())
    if kind == "ours":
        return LM(LMConfig(vocab, 32, 3, 4, 2, 64, context=128, tied=False))
    if kind == "gpt2":
        return transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=vocab, n_positions=128, n_embd=32, n_layer=3, n_head=4, bos_token_id=0, eos_token_id=None
            )
        )
    shape = {
        "vocab_size": vocab,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "bos_token_id": 0,
        "eos_token_id": None,
    }
    if kind == "llama":
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape))
    return transformers.MixtralForCausalLM(
        transformers.MixtralConfig(**shape, num_local_experts=4, num_experts_per_tok=2)
    )


@pytest.fixture
def characters() -> Characters:
    """The tokenizer of the tiny models."""
    return Characters()


@pytest.fixture(params=["ours", "gpt2", "llama", "mixtral"])
def lm(request) -> LanguageModel:
    """A tiny random model whose weights are large enough that its greedy tokens vary."""
    torch.manual_seed(0)
    model = _model(request.param).eval()
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 2:
                p.mul_(8)
    return LanguageModel(model, Characters(), request.param)
