"""Small models with roles, and pairs of random inputs that differ in one token."""

import pytest
import torch
import transformers

from glassbook.circuits import Task, logit_difference
from glassbook.nets import LM, LMConfig
from glassbook.trace.roles import roles

VOCAB = 61
TEXT = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "bos_token_id": 0,
    "eos_token_id": None,
    "pad_token_id": None,
}
MAKERS = {
    "ours": lambda: LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, context=64)),
    "gpt2": lambda: transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=VOCAB, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=None
        )
    ),
    "llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**TEXT)),
    "mixtral": lambda: transformers.MixtralForCausalLM(transformers.MixtralConfig(**TEXT, num_local_experts=4)),
}


@pytest.fixture(scope="session")
def models():
    torch.manual_seed(0)
    made = {name: make().eval() for name, make in MAKERS.items()}
    for model in made.values():
        with torch.no_grad():
            for p in model.parameters():
                if p.dim() >= 2:
                    p.mul_(4)  # so that layers matter
    return made


@pytest.fixture(params=MAKERS)
def model(request, models):
    return models[request.param]


@pytest.fixture
def opened(model):
    return roles(model)


@pytest.fixture
def task():
    g = torch.Generator().manual_seed(3)
    clean = torch.randint(VOCAB, (3, 8), generator=g)
    corrupted = clean.clone()
    corrupted[:, 2] = (clean[:, 2] + 7) % VOCAB
    right, wrong = torch.randint(VOCAB, (2, 3), generator=g)
    return Task({"input_ids": clean}, {"input_ids": corrupted}, logit_difference(right, wrong))
