"""Chat templates, conversations to learn from, and a vocabulary that grows by their marks."""

import re
from dataclasses import replace

import pytest
import torch
import transformers
from tiny_models import TEMPLATE, TOKENIZER, chat_model, tiny

from glassbook.errors import GlassbookError
from glassbook.nets import LM, LanguageModel, LMConfig, open_language_model, save_model
from glassbook.nets.chat import as_chat_model, can_chat, chat_prompt, encode_conversation, grow_vocabulary
from glassbook.nets.tokenizer import TransformersTokenizer


def test_what_is_said_stands_in_the_models_own_form():
    lm = chat_model(TEMPLATE)
    assert chat_prompt(lm, "Who?") == "[user] Who?\n[assistant] "
    assert chat_prompt(lm, "Who?", system="Be brief.") == "[system] Be brief.\n[user] Who?\n[assistant] "
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert chat_prompt(lm, talk) == "[user] a\n[assistant] b\n[user] c\n[assistant] "
    assert "role" in talk[0]
    assert len(talk) == 3


def test_models_that_do_not_chat_say_so():
    with pytest.raises(GlassbookError, match="chatty has no chat template"):
        chat_prompt(chat_model(None), "Who?")
    assert [can_chat(chat_model(template)) for template in (TEMPLATE, None)] == [True, False]


def test_the_refusal_of_a_template_is_passed_on_and_no_code_is_run():
    with pytest.raises(GlassbookError, match="no tools here"):
        chat_prompt(chat_model(TEMPLATE), [{"role": "tool", "content": "x"}])
    with pytest.raises(GlassbookError, match="refuses this"):
        chat_prompt(chat_model("{{ ''.__class__.__mro__[1].__subclasses__() }}"), "Who?")


TALK = [
    {"role": "user", "content": "Who sat?"},
    {"role": "assistant", "content": "the cat sat"},
    {"role": "user", "content": "Where?"},
    {"role": "assistant", "content": "on the mat"},
]


def ours():
    torch.manual_seed(0)
    model = LM(LMConfig(len(TOKENIZER), d_model=32, n_layers=2, n_heads=2, n_kv_heads=2, d_hidden=48, context=64))
    return LanguageModel(model.eval(), TOKENIZER, "ours")


def shown(lm, messages):
    ids, mask = encode_conversation(lm, messages)
    return "".join(t if m else "." for t, m in zip(lm.tokens(ids), mask, strict=True))


def test_the_loss_is_on_answers_and_on_what_ends_them():
    lm = as_chat_model(ours())
    ids, mask = encode_conversation(lm, TALK)
    assert lm.tokens(ids)[:2] == ["<bos>", "<|user|>"]
    learnt = [t for t, m in zip(lm.tokens(ids), mask, strict=True) if m]
    assert "".join(learnt) == "the cat sat<|end|>on the mat<|end|>"
    assert ids == lm.encode(chat_prompt(lm, TALK[:3])) + lm.encode("on the mat<|end|>", bos=False)


def test_a_template_of_transformers_is_used_where_there_is_one():
    lm = chat_model(TEMPLATE)
    assert as_chat_model(lm) is lm
    ids, mask = encode_conversation(lm, TALK[:2])
    learnt = lm.decode([i for i, m in zip(ids, mask, strict=True) if m])
    assert learnt.strip() == "the cat sat"


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "no message"),
        (TALK[1:], "message 1 is of 'assistant', where 'user' must come"),
        ([TALK[0], TALK[0]], "message 2 is of 'user'"),
        (TALK[:3], "the last message is of the user"),
        ([TALK[0], {"role": "assistant", "content": " "}], "message 2, of the assistant, is empty"),
        ([{"role": "user", "content": "a<|end|>b"}, TALK[1]], "message 1 holds '<|end|>'"),
        ([{"role": "user", "content": 3}, TALK[1]], "message 1, of the user, is empty"),
    ],
)
def test_what_is_no_conversation_is_refused(messages, said):
    with pytest.raises(GlassbookError, match=re.escape(said)):
        encode_conversation(as_chat_model(ours()), messages)


def test_growing_keeps_ids_and_embeddings_and_adds_the_mean():
    base = ours()
    lm = grow_vocabulary(base, ["<|a|>", "<|b|>"])
    assert lm.vocab == base.vocab + 2
    assert lm.encode("the <eos> cat <pad>") != lm.encode("the cat")
    for text in ("the cat sat on the mat", "  Été — 雨\n", "<bo>"):
        assert lm.encode(text) == base.encode(text)
    assert lm.encode("<|b|>", bos=False) == [base.vocab + 1]
    before, after = base.model.embed.weight, lm.model.embed.weight
    assert torch.equal(after[:-2], before)
    assert torch.allclose(after[-2:], before.mean(0).expand(2, -1))
    assert lm.model.head.weight is after
    ids = torch.tensor([base.encode("the cat sat")])
    assert torch.equal(lm.model(ids).logits[..., :-2], base.model(ids).logits)
    with pytest.raises(GlassbookError, match="has a token"):
        grow_vocabulary(lm, ["<|a|>"])


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gpt_neox"])
def test_models_of_transformers_grow_too(kind, tmp_path):
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=TOKENIZER._core, eos_token="<eos>")
    base = LanguageModel(tiny(kind), TransformersTokenizer(tokenizer), kind)
    lm = as_chat_model(base)
    assert len(tokenizer) == len(TOKENIZER)
    assert lm.vocab == base.vocab + 3
    ids = torch.tensor([base.encode("the cat sat")])
    assert torch.allclose(lm.model(ids).logits[..., :-3], base.model(ids).logits, atol=1e-5)
    save_model(lm, tmp_path)
    opened = open_language_model(tmp_path)
    assert opened.ends == lm.ends == (1, base.vocab + 2)
    assert shown(opened, TALK) == shown(lm, TALK)


def test_a_saved_chat_model_opens_as_one(tmp_path):
    lm = as_chat_model(ours())
    save_model(lm, tmp_path)
    opened = open_language_model(tmp_path)
    assert can_chat(opened)
    assert isinstance(opened.model, LM)
    assert (opened.ends, opened.tokenizer.prefix) == ((1, len(TOKENIZER) + 2), [0])
    assert encode_conversation(opened, TALK) == encode_conversation(lm, TALK)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    rendered = theirs.apply_chat_template(TALK, tokenize=True, return_dict=False)
    assert rendered == encode_conversation(lm, TALK)[0]


def test_tokenizers_that_take_no_marks_say_so(stories):
    lm = open_language_model(stories / "stories260K.bin")
    with pytest.raises(GlassbookError, match=r"takes no new tokens.*tokenizer\.json"):
        as_chat_model(lm)
    with pytest.raises(GlassbookError, match="no tokenizer"):
        as_chat_model(replace(lm, tokenizer=None))
