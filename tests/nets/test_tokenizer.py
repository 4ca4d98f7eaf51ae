"""Tokenizers: any text comes back, offsets cover it, and specials stay apart from text."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbook.errors import GlassbookError
from glassbook.nets import BPE, Tokenizer, train_bpe
from glassbook.nets.tokenizer import TransformersTokenizer, byte_tokenizer

TEXTS = ["The ranger saw a fox on the north ridge.", "The fox saw the ranger; it was night."] * 20
SMALL = train_bpe(TEXTS, 290)
BYTES = byte_tokenizer(259)


@pytest.mark.parametrize("tokenizer", [SMALL, BYTES], ids=["bpe", "bytes"])
@given(text=st.one_of(st.text(), st.text(alphabet="<bospade>/ \n\r\t")))
def test_any_text_comes_back_and_offsets_cover_it(tokenizer: Tokenizer, text: str):
    ids, spans = tokenizer.encode(text), tokenizer.offsets(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) == len(spans)
    assert {tokenizer.bos, tokenizer.eos, tokenizer.pad}.isdisjoint(ids)
    assert {i for start, end in spans for i in range(start, end)} == set(range(len(text)))
    for id, (start, end) in zip(ids, spans, strict=True):
        if tokenizer.decode([id]).isascii():
            assert text[start:end] == tokenizer.token(id)


def test_training_is_repeatable_and_finds_the_words():
    again = train_bpe(iter(TEXTS), 290)
    assert [again.token(i) for i in range(len(again))] == [SMALL.token(i) for i in range(len(SMALL))]
    assert [SMALL.token(id) for id in SMALL.encode("the fox saw")][-2:] == [" fox", " saw"]
    assert [SMALL.token(id) for id in range(3)] == ["<bos>", "<eos>", "<pad>"]
    assert (SMALL.bos, SMALL.eos, SMALL.pad, len(SMALL)) == (0, 1, 2, 290)


def test_specials_are_shown_by_token_and_dropped_by_decode():
    assert SMALL.decode([0, *SMALL.encode("a fox"), 1, 2]) == "a fox"
    assert SMALL.token(1) == "<eos>"
    with pytest.raises(GlassbookError, match="no token with id 9999"):
        SMALL.token(9999)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path):
    SMALL.save(tmp_path)
    again, text = BPE.load(tmp_path / "tokenizer.json"), "The <eos> fox — 狐 🦊"
    assert again.encode(text) == SMALL.encode(text)
    assert again.decode(again.encode(text)) == text
    assert again.offsets(text) == SMALL.offsets(text)


def test_bytes_are_their_own_ids():
    assert BYTES.encode("aé\n") == [97, 0xC3, 0xA9, 10]
    assert all(BYTES.encode(chr(b)) == [b] for b in range(128))
    assert (BYTES.bos, BYTES.eos, BYTES.pad, len(BYTES)) == (256, 257, 258, 259)
    bare = byte_tokenizer(256)
    assert (bare.bos, bare.eos, bare.pad, len(bare)) == (None, None, None, 256)
    with pytest.raises(GlassbookError, match="at least 256"):
        byte_tokenizer(255)


def test_a_vocabulary_without_room_for_bytes_is_refused():
    with pytest.raises(GlassbookError, match="at least 259"):
        train_bpe(TEXTS, 258)


@pytest.mark.parametrize("content", ["", "{}", '{"version": "1.0", "model": {"type": "BPE"', "nonsense"])
def test_what_is_no_tokenizer_is_one_line(tmp_path: Path, content: str):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(GlassbookError, match=r"tokenizer\.json") as error:
        BPE.load(tmp_path / "tokenizer.json")
    assert "\n" not in str(error.value)


def test_gpt2_from_its_own_files_passes_the_test_vectors(gpt2_bpe: Path):
    from transformers import GPT2Tokenizer

    merges = (gpt2_bpe / "vocab.bpe").read_text(encoding="utf-8").splitlines()[1:]
    core = GPT2Tokenizer(
        vocab=json.loads((gpt2_bpe / "encoder.json").read_text(encoding="utf-8")),
        merges=[tuple(line.split()) for line in merges if line],  # type: ignore[arg-type]
    )
    tokenizer = TransformersTokenizer(core)
    vectors = json.loads((gpt2_bpe / "test_vectors.json").read_text(encoding="utf-8"))
    for vector in vectors:
        assert tokenizer.encode(vector["text"]) == vector["ids"]
        assert tokenizer.decode(vector["ids"]) == vector["text"]
        assert len(tokenizer.offsets(vector["text"])) == len(vector["ids"])
    assert len(tokenizer) == 50257
    assert (tokenizer.bos, tokenizer.eos, tokenizer.pad) == (50256, 50256, None)
    assert [tokenizer.token(id) for id in tokenizer.encode("This is text")] == ["This", " is", " text"]
    assert tokenizer.offsets("This is text") == [(0, 4), (4, 7), (7, 12)]
    assert tokenizer.token(50256) == "<|endoftext|>"
