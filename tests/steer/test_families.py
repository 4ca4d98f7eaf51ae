"""Position rules on many families: a prompt is steered alone as it is in a batch, with the cache as without it."""

import pytest
import torch
from tiny_models import TOKENIZER, tiny

from glassbook.nets import LanguageModel
from glassbook.nets.proof import proved
from glassbook.steer import Vector, after_prompt, everywhere, first, from_position, last, steer
from glassbook.trace import trace
from glassbook.trace.roles import blocks

PROMPTS = ["the cat sat", "the dog", "on the mat and the cat"]
KINDS = [
    "gpt2", "gpt_neo", "biogpt", "xglm", "opt", "bloom", "mistral", "gptj", "bert decoder", "roberta decoder",
    "camembert decoder", "xlm-roberta decoder", "data2vec-text decoder", "roberta-prelayernorm decoder",
]  # fmt: skip

RULES = [first(), last(), after_prompt(), from_position(2), everywhere()]


def opened(kind: str) -> tuple[LanguageModel, str]:
    lm = proved(LanguageModel(tiny(kind), TOKENIZER, kind))
    return lm, f"{blocks(lm.model)[0]}.out"


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_positions_begin_at_zero_alone_and_in_a_batch(kind: str):
    lm, site = opened(kind)
    seen: list[list[int]] = []

    def note(x: torch.Tensor, at) -> torch.Tensor:
        seen.append(at.pos[0].tolist())
        return x + 1e-3

    for prompts in (PROMPTS[1:2], PROMPTS[1:]):
        with trace(lm.model, edit={site: note}):
            lm.generate_ids(prompts, tokens=3)
    n = len(lm.encode(PROMPTS[1]))
    alone, batch = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    assert alone[0] == list(range(n))
    assert [pos for pos in batch[0] if pos >= 0] == list(range(n))
    assert alone[1:] == batch[1:] == [[n], [n + 1]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "rule",
    [first(), last(), after_prompt(), from_position(2), everywhere()],
    ids=["first", "last", "after", "from", "all"],
)
def test_a_prompt_is_steered_alone_as_in_a_batch(kind: str, rule):
    lm, site = opened(kind)
    width = lm.model.get_input_embeddings().weight.shape[1]
    v = Vector({site: torch.randn(width, generator=torch.Generator().manual_seed(0))})
    with steer(lm, v, coeff=6.0, where=rule):
        batch = lm.generate_ids(PROMPTS, tokens=4)
        alone = [lm.generate_ids([prompt], tokens=4)[0] for prompt in PROMPTS]
        uncached = [lm.generate_ids([prompt], tokens=4, use_cache=False)[0] for prompt in PROMPTS]
    assert batch == alone == uncached


@pytest.mark.parametrize("kind", ["gpt2", "roberta decoder", "xlm-roberta decoder", "opt"])
@torch.no_grad()
def test_the_rows_of_a_positional_vector_meet_the_first_tokens(kind: str):
    lm, site = opened(kind)
    width = lm.model.get_input_embeddings().weight.shape[1]
    rows = torch.randn(3, width, generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": torch.tensor([lm.encode(PROMPTS[0])])}
    after = f"{blocks(lm.model)[1]}.in"
    with trace(lm.model, read=after) as plain:
        lm.model(**inputs)
    batch = lm.batch(PROMPTS[:1])
    with steer(lm, Vector({site: rows}, positional=True)), trace(lm.model, read=after) as moved:
        lm.model(**batch)
    change = (moved[after] - plain[after])[0]
    torch.testing.assert_close(change[:3], rows, atol=1e-4, rtol=0)
    assert not change[3:].any()
