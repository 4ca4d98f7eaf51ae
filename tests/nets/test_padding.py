"""Texts of different lengths in one batch: each has the numbers that it has alone, or the batch is refused."""

import pytest
import torch
from tiny_models import CONTEXT, TOKENIZER, tiny

from glassbook.circuits import Task, logit_difference, logit_lens, patch
from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, ReLU, evaluate
from glassbook.nets import LM, LanguageModel, LMConfig, next_token_nll
from glassbook.nets.proof import proved
from glassbook.trace import trace
from glassbook.train.objectives import next_token

TEXTS = ["the cat sat on the mat and the dog ran", "the cat", ""]
COUNTED = ["gpt2", "gpt_neo", "gpt_bigcode", "biogpt", "xglm", "ctrl", "openai-gpt", "opt", "bert decoder"]
FROM_PADS = ["roberta decoder"]  # its first position is the one after the pads'
RELATIVE = ["gptj", "bloom", "mpt", "mamba", "mistral", "mixtral", "roformer decoder"]


def opened(kind: str) -> LanguageModel:
    return proved(LanguageModel(tiny(kind), TOKENIZER, kind))


def ids(lm: LanguageModel, text: str) -> torch.Tensor:
    return torch.tensor([lm.encode(text)])


@pytest.mark.parametrize("kind", [*COUNTED, *FROM_PADS, *RELATIVE])
@torch.no_grad()
def test_a_text_in_a_batch_has_the_numbers_that_it_has_alone(kind: str):
    lm = opened(kind)
    assert lm.pads_left
    batch = lm.batch(TEXTS)
    logits, nll = lm.model(**batch).logits, next_token_nll(lm.model, *batch.values())
    for row, text in enumerate(TEXTS):
        alone = lm.model(input_ids=ids(lm, text))
        n = alone.logits.shape[1]
        torch.testing.assert_close(logits[row, -n:], alone.logits[0], atol=2e-4, rtol=1e-4)
        if n > 1:
            want = next_token_nll(lm.model, ids(lm, text))[0]
            torch.testing.assert_close(nll[row, -n + 1 :], want, atol=2e-4, rtol=1e-4)
    new = lm.generate_ids(TEXTS, tokens=4)
    assert new == [lm.generate_ids([text], tokens=4)[0] for text in TEXTS]
    step = ids(lm, TEXTS[1])
    for token in new[1]:
        assert int(lm.model(input_ids=step).logits[0, -1].argmax()) == token
        step = torch.cat([step, torch.tensor([[token]])], 1)


@pytest.mark.parametrize("kind", COUNTED[:4])
def test_what_reads_a_padded_batch_gives_the_numbers_of_the_texts_alone(kind: str):
    lm = opened(kind)
    lengths = [len(lm.encode(text)) for text in TEXTS]
    left, right = lm.batch(TEXTS), lm.batch(TEXTS, pad="right")
    loss = next_token()
    torch.testing.assert_close(loss(lm.model, left)[0], loss(lm.model, right)[0], atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        want = torch.cat([next_token_nll(lm.model, ids(lm, text))[0] for text in TEXTS]).mean()
    site = next(name for name, _ in lm.model.named_modules() if name.endswith(".1")) + ".out"
    scores = evaluate(
        Dictionary(32, 64, ReLU()), torch.randn(50, 32), model=lm.model, site=site, batches=[left], skip=()
    )
    assert scores.ce_clean == pytest.approx(float(want), abs=1e-3)
    with trace(lm.model, read=site) as t:
        lm.model(**left)
        lm.model(**right)
    ours, theirs = t.calls(site)
    for row, n in enumerate(lengths):
        torch.testing.assert_close(ours[row, -n:], theirs[row, :n], atol=1e-4, rtol=1e-4)


def test_lenses_and_patches_of_a_padded_batch_are_those_of_the_texts_alone():
    lm = opened("gpt2")
    both, alone = lm.batch(TEXTS), lm.batch(TEXTS[1:2])
    for name, logits in logit_lens(lm, both).items():
        torch.testing.assert_close(logits[1, -1], logit_lens(lm, alone)[name][0, -1], atol=2e-4, rtol=1e-4)
    dirty = ["the dog sat on the mat and the cat ran", "the dog", ""]
    right, wrong = torch.tensor([5, 5, 5]), torch.tensor([9, 9, 9])
    sites = ["transformer.h.1.out"]
    together = patch(lm.model, Task(both, lm.batch(dirty), logit_difference(right, wrong)), sites)
    single = Task(alone, lm.batch(dirty[1:2]), logit_difference(right[:1], wrong[:1]))
    torch.testing.assert_close(together.clean[1], patch(lm.model, single, sites).clean[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["rwkv", "bart decoder", "recurrent_gemma"])
def test_a_model_that_reads_pads_as_text_refuses_them(kind: str):
    # RecurrentGemma's convolutions read what stands before a text, if that is not zero
    lm = proved(LanguageModel(tiny(kind, pad_token_id=None), TOKENIZER, kind))
    assert not lm.pads_left
    for call in (lm.batch, lm.generate, lambda texts: lm.batch_ids([[5, 6], [5]])):
        with pytest.raises(GlassbookError, match="reads pads on the left as text") as error:
            call(TEXTS)
        assert "\n" not in str(error.value)
    with torch.no_grad():
        logits = lm.model(**lm.batch(TEXTS, pad="right")).logits
        for row, text in enumerate(TEXTS):
            alone = lm.model(input_ids=ids(lm, text), use_cache=False).logits[0]
            torch.testing.assert_close(logits[row, : len(alone)], alone, atol=2e-4, rtol=1e-4)
    assert len(lm.batch([TEXTS[0]] * 2)["input_ids"]) == 2
    assert len(lm.generate(TEXTS[0], tokens=3)) == 1


@torch.no_grad()
def test_a_model_whose_positions_depend_on_pads_on_the_right_refuses_them():
    """As ProphetNet's decoder: what it gives for a text depends on how far the text beside it reaches."""
    lm = proved(LanguageModel(tiny("prophetnet", is_decoder=True, is_encoder_decoder=False), TOKENIZER, "prophetnet"))
    assert not lm.pads_right
    with pytest.raises(GlassbookError, match=r"pads on the right .* one at a time") as error:
        lm.batch(TEXTS, pad="right")
    assert "\n" not in str(error.value)
    with pytest.raises(GlassbookError, match="pads on the right"):
        lm.continuation_nll(["the cat", "a"], [[5, 6], [7]])
    alone = lm.continuation_nll(["the cat"], [[5, 6]])
    torch.testing.assert_close(lm.continuation_nll(["the cat", "the cat"], [[5, 6], [5, 6]])[:1], alone)


@pytest.mark.parametrize("kind", ["gpt2", "opt", "biogpt", "bert decoder", "roberta decoder", "mpt", "rwkv", "ours"])
@torch.no_grad()
def test_a_text_may_fill_the_context_and_one_beyond_it_is_one_line(kind: str):
    ours = LM(LMConfig(len(TOKENIZER), 32, 2, 4, 2, 48, CONTEXT)).eval()
    lm = LanguageModel(ours if kind == "ours" else tiny(kind), TOKENIZER, kind)
    # RoBERTa has no position for the places up to that of its pads
    assert lm.context == (CONTEXT - 3 if kind == "roberta decoder" else CONTEXT)
    for pad in ("left", "right"):
        full = lm.batch_ids([[5] * lm.context, [6]][: 1 if kind == "rwkv" else 2], pad=pad)
        assert lm.model(**full).logits.isfinite().all()
        with pytest.raises(GlassbookError, match=f"context of {lm.context}") as error:
            lm.batch_ids([[5] * (lm.context + 1), [6]], pad=pad)
        assert "\n" not in str(error.value)
    long = "the cat sat on " * CONTEXT
    with pytest.raises(GlassbookError, match=f"context of {lm.context}"):
        lm.batch([long])
    cut = lm.batch([long, "a"], pad="right", cut=True)
    assert cut["input_ids"][0].tolist() == lm.encode(long)[: lm.context]
    assert cut["attention_mask"].sum(1).tolist() == [lm.context, len(lm.encode("a"))]
