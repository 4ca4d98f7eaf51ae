"""Tokenizers with more tokens than the model or fewer, and texts that begin with the beginning-of-sequence token."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import TOKENIZER, VOCAB, tiny
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from glassbook.errors import GlassbookError
from glassbook.nets import BPE, LM, LanguageModel, LMConfig, open_model, save_model, train_bpe
from glassbook.nets.io.llama2c_tokenizer import Llama2cTokenizer
from glassbook.nets.tokenizer import TransformersTokenizer

TEXT = "the cat sat"


def theirs(
    folder: Path, *added: str, pad: str = "<pad>", eos: str = "<eos>", first: str = "<bos>"
) -> PreTrainedTokenizerFast:
    """The same tokenizer as one of transformers, which reads the names of specials in a text, saved.

    It puts the tokens named in `first` before each text, "" none.
    """
    core = folder / "core"
    core.mkdir(parents=True, exist_ok=True)
    TOKENIZER.save(core)
    t = PreTrainedTokenizerFast(
        tokenizer_file=str(core / "tokenizer.json"), bos_token="<bos>", eos_token=eos, pad_token=pad
    )
    t.add_tokens(list(added), special_tokens=True)
    if first:
        t.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{first} $A", special_tokens=[(one, t.convert_tokens_to_ids(one)) for one in set(first.split())]
        )
    t.save_pretrained(folder)
    # ours is recognised by the names of its specials
    for file in ("tokenizer.json", "tokenizer_config.json"):
        path = folder / file
        text = path.read_text()
        for ours, other in (("<bos>", "<s>"), ("<eos>", "</s>"), ("<pad>", "[PAD]")):
            text = text.replace(ours, other)
        path.write_text(text)
    return t


def folder_of(kind: str, folder: Path, *added: str, tokenizer: Mapping[str, str] | None = None, **change: Any) -> Path:
    tiny(kind, **change).save_pretrained(folder)
    theirs(folder, *added, **(tokenizer or {}))
    return folder


def one_line(call: Any, says: str) -> None:
    with pytest.raises(GlassbookError, match=says) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_a_folders_own_tokenizer_may_have_more_tokens(kind: str, tmp_path: Path):
    plain = open_model(folder_of(kind, tmp_path))
    lm = open_model(folder_of(kind, tmp_path, "<image>", "<audio>"))
    assert isinstance(lm.tokenizer, TransformersTokenizer)
    assert (len(lm.tokenizer), lm.vocab, lm.tokenizer.added) == (VOCAB + 2, VOCAB, 2)
    assert lm.generate([TEXT, ""], tokens=4) == plain.generate([TEXT, ""], tokens=4)
    for call in (lm.encode, lm.generate, lambda text: lm.batch([TEXT, text])):
        one_line(lambda call=call: call("the <audio> sat"), f"'<audio>' is token {VOCAB + 1}.* knows only {VOCAB}")
    assert lm.tokens([5, VOCAB + 1]) == [*lm.tokens([5]), "<audio>"]
    again = open_model(tmp_path, tokenizer=tmp_path)  # the same, named
    assert again.encode(TEXT) == lm.encode(TEXT)


@pytest.mark.parametrize("kind", ["llama", "gpt_neox"])
def test_an_ordinary_token_that_the_model_lacks_is_met_in_its_text_only(kind: str, tmp_path: Path):
    last = TOKENIZER.token(VOCAB - 1)
    lm = open_model(folder_of(kind, tmp_path, vocab_size=VOCAB - 1))
    assert TOKENIZER.encode(last) == [VOCAB - 1]
    one_line(lambda: lm.encode(last), f"is token {VOCAB - 1}.* knows only {VOCAB - 1}")
    assert lm.encode("zq")[1:] == TOKENIZER.encode("zq")
    assert len(lm.generate(["zq", ""], tokens=3)) == 2


def test_a_strange_tokenizer_that_is_too_large_is_refused_at_once(tmp_path: Path):
    larger = train_bpe(["a fox told of seven wolves by some lake on the north ridge"] * 9, 330)
    folder = folder_of("gpt2", tmp_path)
    one_line(lambda: open_model(folder, tokenizer=larger), f"{len(larger)} tokens but .* knows only {VOCAB}")
    marked = BPE(larger._core.from_str(TOKENIZER._core.to_str()))
    marked._core.add_special_tokens(["<image>"])
    assert (len(marked), marked.added) == (VOCAB + 1, 1)
    assert open_model(folder, tokenizer=marked).encode(TEXT) == [0, *TOKENIZER.encode(TEXT)]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_pad_that_the_model_does_not_know_is_not_used(kind: str, tmp_path: Path):
    lm = open_model(folder_of(kind, tmp_path, vocab_size=VOCAB))
    want = lm.generate_ids([TEXT, "a"], tokens=4)
    assert isinstance(lm.tokenizer, TransformersTokenizer)
    for pad in (VOCAB, VOCAB + 100, -1):
        lm.tokenizer.pad = pad
        batch = lm.batch([TEXT, "a"])
        assert int(batch["input_ids"].max()) < VOCAB
        assert int(batch["input_ids"].min()) >= 0
        assert lm.generate_ids([TEXT, "a"], tokens=4) == want
    save_model(lm, tmp_path / "again")
    AutoModelForCausalLM.from_pretrained(tmp_path / "again")


@pytest.mark.parametrize("kind", ["llama", "gpt_neox", "mamba"])
def test_ids_that_no_token_has_are_shown_as_such(kind: str, tmp_path: Path):
    lm = open_model(folder_of(kind, tmp_path, vocab_size=VOCAB + 40))
    assert lm.vocab == VOCAB + 40
    names = lm.tokens(range(lm.vocab))
    assert names[VOCAB:] == [f"<{id}>" for id in range(VOCAB, VOCAB + 40)]
    assert names[5:VOCAB] == [TOKENIZER.token(id) for id in range(5, VOCAB)]
    assert lm.decode([*lm.encode(TEXT), VOCAB + 7]) == TEXT
    for id in (VOCAB + 40, 10**6, -1):
        one_line(lambda id=id: lm.tokens([5, id]), f"no token with id {id}")
    ids = torch.tensor([[5, VOCAB + 3]])
    assert lm.model(input_ids=ids).logits.shape[-1] == VOCAB + 40


def test_so_are_those_of_every_other_tokenizer(tmp_path: Path):
    model = LM(LMConfig(VOCAB + 9, 32, 1, 4, 2, 48, 64)).eval()
    with torch.no_grad():
        model.embed.weight.zero_()
        model.embed.weight[VOCAB + 4] = 1.0
        model.embed.weight[5] = 1.0  # says itself and the id without a token, of which the later one is larger
        model.embed.weight[VOCAB + 4] *= 2
    lm = LanguageModel(model, TOKENIZER, "ours")
    word = TOKENIZER.token(5)
    assert lm.tokens(lm.generate_ids([word], tokens=2)[0]) == [f"<{VOCAB + 4}>"] * 2
    assert lm.generate([word], tokens=2) == [""]
    pieces = ["<unk>", "\n<s>\n", "\n</s>\n", *(f"<0x{b:02X}>" for b in range(256)), " ", "a"]
    small = LanguageModel(model, Llama2cTokenizer(pieces, [0.0] * len(pieces)), "llama2.c")
    beyond = len(pieces) + 2
    assert small.tokens([260, beyond]) == ["a", f"<{beyond}>"]
    assert small.decode([1, 259, 260, beyond, 260]) == "aa"


@pytest.mark.parametrize("kind", ["llama", "gpt2", "mamba"])
def test_a_text_gets_one_beginning_of_sequence(kind: str, tmp_path: Path):
    lm = open_model(folder_of(kind, tmp_path))
    template = "{{ bos_token }}{% for m in messages %}{{ m.content }}</s>{% endfor %}"
    t = lm.tokenizer.tokenizer  # type: ignore[union-attr]
    prompt = t.apply_chat_template([{"role": "user", "content": TEXT}], tokenize=False, chat_template=template)
    words = TOKENIZER.encode(TEXT)
    for text, want in [
        (prompt, [0, *words, 1]),
        (TEXT, [0, *words]),
        ("", [0]),
        ("<s>", [0]),
        (f"<s><s>{TEXT}", [0, 0, *words]),  # two are written there
        (f"{TEXT}<s>", [0, *words, 0]),
    ]:
        assert lm.encode(text) == want
        assert lm.batch([text])["input_ids"].tolist() == [want]
    assert lm.encode(prompt, bos=False) == [0, *words, 1]
    assert lm.encode(TEXT, bos=False) == words
    assert lm.generate(f"<s>{TEXT}", tokens=4) == lm.generate(TEXT, tokens=4)


@pytest.mark.parametrize("kind", ["llama", "gpt_neox", "mamba"])
def test_a_beginning_that_the_tokenizer_names_but_does_not_put_is_not_put(kind: str, tmp_path: Path):
    """As SmolLM2, Qwen and BLOOM: their models never saw the token before a text."""
    lm = open_model(folder_of(kind, tmp_path, tokenizer={"first": ""}))
    assert lm.tokenizer is not None
    assert (lm.tokenizer.bos, lm.tokenizer.eos) == (None, 1)
    words = TOKENIZER.encode(TEXT)
    assert lm.encode(TEXT) == words
    assert lm.encode(f"<s>{TEXT}") == [0, *words]
    one_line(lambda: lm.batch([TEXT, ""]), "empty text")


def test_a_token_between_texts_also_begins_them(tmp_path: Path):
    """As in GPT-2 and Pythia, whose tokenizers put none."""
    lm = open_model(folder_of("gpt2", tmp_path, tokenizer={"first": "", "eos": "<bos>"}))
    assert lm.tokenizer is not None
    assert (lm.tokenizer.bos, lm.tokenizer.eos) == (0, 0)
    assert lm.encode(TEXT) == [0, *TOKENIZER.encode(TEXT)]


def test_whatever_token_the_tokenizer_puts_first_begins_a_text(tmp_path: Path):
    """As in XGLM, which puts the token of the end there."""
    lm = open_model(folder_of("llama", tmp_path, tokenizer={"first": "<eos>"}))
    assert lm.encode(TEXT) == [1, *TOKENIZER.encode(TEXT)]


@pytest.mark.parametrize("first", ["<bos> <eos>", "<eos> <bos>", "<bos> <bos> <eos>"])
def test_all_tokens_that_a_tokenizer_puts_first_are_put(first: str, tmp_path: Path):
    """As in GLM, which puts [gMASK] and <sop>."""
    folder = folder_of("llama", tmp_path, tokenizer={"first": first})
    lm = open_model(folder)
    assert lm.tokenizer is not None
    want = AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"]
    assert len(want) == len(first.split()) + len(TOKENIZER.encode(TEXT))
    assert lm.encode(TEXT) == want
    assert lm.encode("") == list(lm.tokenizer.prefix) == want[: len(first.split())]
    assert lm.encode(TEXT, bos=False) == TOKENIZER.encode(TEXT)


def test_a_chat_that_begins_with_another_special_token_gets_no_beginning(tmp_path: Path):
    """As in ChatML: the template writes all that the model was tuned on."""
    lm = open_model(folder_of("llama", tmp_path, "<|im_start|>", vocab_size=VOCAB + 1))
    assert lm.encode(f"<|im_start|>{TEXT}") == [VOCAB, *TOKENIZER.encode(TEXT)]
    assert lm.encode(f"{TEXT}<|im_start|>") == [0, *TOKENIZER.encode(TEXT), VOCAB]
    assert lm.encode(f"<pad>{TEXT}")[0] == 0  # plain text for this tokenizer, whose pad is called [PAD]


def test_our_own_tokenizer_reads_its_specials_names_as_text():
    lm = LanguageModel(LM(LMConfig(VOCAB, 32, 1, 4, 2, 48, 64)).eval(), TOKENIZER, "ours")
    ids = lm.encode("<bos>the cat")
    assert ids[0] == 0
    assert 0 not in ids[1:]
    assert lm.decode(ids) == "<bos>the cat"


def test_special_ids_of_the_config_that_the_model_lacks_are_not_saved(tmp_path: Path):
    lm = LanguageModel(LM(LMConfig(VOCAB - 1, 32, 1, 4, 2, 48, 64)).eval(), theirs_with_pad_beyond(tmp_path), "ours")
    save_model(lm, tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["pad_token_id"] is None
    AutoModelForCausalLM.from_pretrained(tmp_path / "saved")


def theirs_with_pad_beyond(folder: Path) -> TransformersTokenizer:
    t = TransformersTokenizer(theirs(folder / "t"))
    t.pad = VOCAB + 5
    return t
