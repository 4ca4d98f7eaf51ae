"""llama2.c's files: the real model byte for byte, our own there and back, and everything that can be wrong."""

import json
import struct
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassbook.errors import GlassbookError
from glassbook.nets import LM, LMConfig, open_model
from glassbook.nets.io.llama2c import group_size, quantise, read_llama2c, write_llama2c
from glassbook.nets.io.llama2c_tokenizer import Llama2cTokenizer


def small(tied: bool = True, **change: float) -> LM:
    torch.manual_seed(0)
    return LM(LMConfig(300, 32, 2, 4, 2, 48, 64, tied=tied, **change)).eval()  # type: ignore[arg-type]


def letters(folder: Path) -> Path:
    """A tokenizer.bin with the letters a-d, the space and two merges."""
    pieces = ["<unk>", "\n<s>\n", "\n</s>\n", *(f"<0x{b:02X}>" for b in range(256)), *" abcd", "ab", " ab", "abc"]
    scores = [0.0] * 259 + [-10.0] * 5 + [-1.0, -3.0, -2.0]
    Llama2cTokenizer(pieces, scores).save(folder)
    return folder / "tokenizer.bin"


def fails(call, *args: object) -> str:
    with pytest.raises(GlassbookError) as error:
        call(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_stories260k_writes_its_story_token_for_token(stories: Path):
    expected = json.loads((stories / "expected_greedy.json").read_text())
    lm = open_model(stories / "stories260K.bin")
    ids = expected["greedy_token_ids"]
    got = lm.model.generate(torch.tensor([[1]]), max_new_tokens=len(ids) - 1)  # type: ignore[operator]
    assert got[0].tolist() == ids
    assert lm.decode(got[0]) == expected["text"]
    assert lm.generate("", tokens=len(ids) - 1) == [expected["text"]]


def test_the_real_tokenizer_reads_the_story_as_the_model_wrote_it(stories: Path):
    expected = json.loads((stories / "expected_greedy.json").read_text())
    tokenizer = Llama2cTokenizer.load(stories / "tok512.bin")
    assert len(tokenizer) == 512
    assert tokenizer.encode(expected["text"]) == expected["greedy_token_ids"][1:]
    for text in ("", " ", "x", "  two spaces\n\n", "naïve 👋\x00 <s> <0x0A>"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert [tokenizer.token(id) for id in (1, 403, 13, 3 + 0xC3)] == ["<s>", " Once", "\n", "<0xC3>"]


def test_the_real_model_survives_version_1(stories: Path, tmp_path: Path):
    model = read_llama2c(stories / "stories260K.bin")
    write_llama2c(model, tmp_path / "v1.bin")
    again, ids = read_llama2c(tmp_path / "v1.bin"), torch.randint(0, 512, (2, 30))
    assert again.config == model.config
    assert torch.equal(again(ids).logits, model(ids).logits)


@pytest.mark.parametrize("tied", [True, False])
def test_version_1_there_and_back(tied: bool, tmp_path: Path):
    model = small(tied)
    write_llama2c(model, tmp_path / "model.bin")
    again, ids = read_llama2c(tmp_path / "model.bin"), torch.randint(0, 300, (2, 20))
    assert again.config == model.config
    assert torch.equal(again(ids).logits, model(ids).logits)
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


def test_llama2c_rotates_neighbouring_channels(tmp_path: Path):
    """The file's rows of q hold channel 2i and 2i+1 of a head side by side: ours are i and i + half."""
    model = small()
    write_llama2c(model, tmp_path / "model.bin")
    c = model.config
    norms = (2 * c.n_layers + 1) * c.d_model
    start = 256 + 4 * (norms + c.vocab * c.d_model)
    row = 4 * c.d_model
    data = (tmp_path / "model.bin").read_bytes()
    second = torch.frombuffer(bytearray(data[start + row : start + 2 * row]), dtype=torch.float32)
    assert torch.equal(second, model.state_dict()["blocks.0.attn.q.weight"][c.head_dim // 2])


def test_an_untied_version_0_file_is_read(tmp_path: Path):
    """Version 0 put together by hand from version 1's tensors, which are the same in another order."""
    model = small(tied=False)
    write_llama2c(model, tmp_path / "v1.bin")
    c, data, at = model.config, (tmp_path / "v1.bin").read_bytes(), 256
    keys = c.n_kv_heads * c.head_dim
    norms, embed = c.n_layers * c.d_model, c.vocab * c.d_model
    matrix, hidden = c.n_layers * c.d_model**2, c.n_layers * c.d_model * c.d_hidden
    sizes = {"norm1": norms, "norm2": norms, "norm": c.d_model, "embed": embed, "q": matrix}
    sizes |= {"k": c.n_layers * keys * c.d_model, "v": c.n_layers * keys * c.d_model, "o": matrix}
    sizes |= {"w1": hidden, "w2": hidden, "w3": hidden, "head": embed}
    part = {}
    for name, size in sizes.items():
        part[name] = data[at : at + 4 * size]
        at += 4 * size
    assert at == len(data)
    part["tables"] = bytes(4 * c.context * c.head_dim)
    header = struct.pack("<7i", 32, 48, 2, 4, 2, -300, 64)
    order = "embed norm1 q k v o norm2 w1 w2 w3 norm tables head".split()
    (tmp_path / "v0.bin").write_bytes(header + b"".join(part[name] for name in order))
    again, ids = read_llama2c(tmp_path / "v0.bin"), torch.randint(0, 300, (2, 20))
    assert again.config == c
    assert torch.equal(again(ids).logits, model(ids).logits)


def test_models_that_are_cut_short_or_none_say_so(tmp_path: Path):
    write_llama2c(small(), tmp_path / "good.bin")
    good, bad = (tmp_path / "good.bin").read_bytes(), tmp_path / "bad.bin"
    for data, says in [
        (b"", "truncated"),
        (good[:20], "truncated"),
        (good[:100], "truncated"),
        (good[:-1], "truncated"),
        (good[: len(good) // 2], "truncated"),
        (good + b"\0\0\0\0", "too long"),
        (good[:4] + struct.pack("<i", 3) + good[8:], "version 3"),
        (good[:4] + struct.pack("<i", 2) + good[8:], "groups of 0"),
        (b"once upon a time there was no model here", "no sense"),
        (struct.pack("<7i", 32, 48, 2, 5, 5, 300, 64), "does not split"),
        (struct.pack("<7i", 2**27, 48, 2, 2, 2, 300, 64), "truncated"),
    ]:
        bad.write_bytes(data)
        assert says in fails(read_llama2c, bad)
    assert "cannot be read" in fails(read_llama2c, tmp_path / "absent.bin")
    assert "rope_theta" in fails(write_llama2c, small(rope_theta=5e5), bad)


def test_the_tokenizer_merges_the_best_pair_first_and_keeps_track(tmp_path: Path):
    tokenizer = Llama2cTokenizer.load(letters(tmp_path))
    text = "abcd é"
    assert [tokenizer.token(id) for id in tokenizer.encode(text)] == [" ", "abc", "d", " ", "<0xC3>", "<0xA9>"]
    assert tokenizer.offsets(text) == [(0, 0), (0, 3), (3, 4), (4, 5), (5, 6), (5, 6)]
    assert tokenizer.decode([1, *tokenizer.encode(text), 2]) == text


def merge_by_hand(pieces: list[str], scores: list[float], text: str) -> list[int]:
    """`encode` of llama2.c's run.c: merge the neighbours whose union scores best, of equal ones the leftmost."""
    ids = {piece: i for i, piece in enumerate(pieces) if i >= 259}
    tokens = [t for c in f" {text}" for t in ([ids[c]] if c in ids else [3 + byte for byte in c.encode()])]
    while True:
        unions = [ids.get(pieces[a] + pieces[b]) for a, b in pairwise(tokens)]
        scored = [(scores[union], -at, union) for at, union in enumerate(unions) if union is not None]
        if not scored:
            return tokens
        _, at, union = max(scored)
        tokens[-at : 2 - at] = [union]


@given(
    st.lists(st.text(" abc", min_size=2, max_size=4), unique=True, max_size=10),
    st.lists(st.text(" abcdé", min_size=1, max_size=25), min_size=1, max_size=5),
)
def test_merges_are_those_of_llama2c(merged: list[str], texts: list[str]):
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256)), *" abc", *merged]
    scores = [0.0] * 263 + [-float(i) for i in range(len(merged))]
    tokenizer = Llama2cTokenizer(pieces, scores)
    for text in texts:
        assert tokenizer.encode(text) == merge_by_hand(pieces, scores, text)
        ends = [end for _, end in tokenizer.offsets(text)]
        assert ends == sorted(ends)
        assert ends[-1] == len(text)
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_an_open_order_of_merges_is_refused():
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256)), *" ab", "ab", "ba"]
    assert "same score" in fails(Llama2cTokenizer, pieces, [0.0] * 262 + [-1.0, -1.0])


def test_a_tokenizer_beside_the_model_is_found(tmp_path: Path):
    letters(tmp_path)
    write_llama2c(small(), tmp_path / "model.bin")
    lm = open_model(tmp_path / "model.bin")
    assert isinstance(lm.tokenizer, Llama2cTokenizer)
    assert lm.decode(lm.encode("ab cd")) == "ab cd"


def test_tokenizers_that_are_cut_short_or_none_say_so(tmp_path: Path):
    good, bad = letters(tmp_path).read_bytes(), tmp_path / "bad.bin"
    for data in (b"", good[:3], good[:-1], good[:-3], good[:10], good[:1000], bytes(100), b"\xff" * 100):
        bad.write_bytes(data)
        assert "bad.bin" in fails(Llama2cTokenizer.load, bad)


@pytest.mark.parametrize(
    "sizes", [(2, 2, 2**28 - 1, 1, 1, 2, 2), (2, 2, 1, 1, 1, 2**27, 2), (2, 2**27, 2**27, 1, 1, 2, 2)]
)
def test_a_header_that_promises_terabytes_is_refused_at_once(tmp_path: Path, sizes):
    file = tmp_path / "model.bin"
    file.write_bytes(struct.pack("<7i", *sizes))
    assert "truncated: it has 28 bytes" in fails(read_llama2c, file)


@pytest.mark.parametrize("tied", [True, False])
def test_a_file_is_as_long_as_its_header_says(tmp_path: Path, tied: bool):
    file = tmp_path / "model.bin"
    write_llama2c(small(tied), file)
    file.write_bytes(file.read_bytes() + bytes(4))
    assert "too long" in fails(read_llama2c, file)


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("tied", [True, False])
def test_every_version_there_and_back(version: int, tied: bool, tmp_path: Path):
    model, ids = small(tied), torch.randint(0, 300, (2, 20))
    write_llama2c(model, tmp_path / "model.bin", version)
    again = read_llama2c(tmp_path / "model.bin")
    assert again.config == model.config
    if version < 2:
        assert torch.equal(again(ids).logits, model(ids).logits)
    else:
        for name, kept in again.state_dict().items():
            true = model.state_dict()[name]
            worst = true.view(-1, 16).abs().amax(1) / 254 if true.dim() == 2 else torch.zeros(1)
            if "attn.q" not in name and "attn.k" not in name:  # their rows stand in another order in the file
                assert ((kept - true).abs() <= 1.001 * worst.max()).all(), name
        write_llama2c(again, tmp_path / "again.bin", version)
        twice = read_llama2c(tmp_path / "again.bin")(ids).logits
        assert torch.allclose(twice, again(ids).logits, atol=1e-5)


def test_a_rotary_base_of_its_own_has_a_mark_that_llama2c_refuses(tmp_path: Path):
    model = small(rope_theta=1e5, norm_eps=1e-6)
    for version in (1, 2):
        write_llama2c(model, tmp_path / "own.bin", version, own=True)
        assert (tmp_path / "own.bin").read_bytes()[:4] == b"24bg"
        assert read_llama2c(tmp_path / "own.bin").config == model.config
    data = bytearray((tmp_path / "own.bin").read_bytes())
    data[64:72] = struct.pack("<d", float("nan"))
    (tmp_path / "own.bin").write_bytes(data)
    assert "make no sense" in fails(read_llama2c, tmp_path / "own.bin")


def test_a_negative_vocabulary_marks_an_untied_head_in_version_0(tmp_path: Path):
    for tied, vocab in ((True, 300), (False, -300)):
        write_llama2c(small(tied), tmp_path / "model.bin", version=0)
        assert struct.unpack_from("<7i", (tmp_path / "model.bin").read_bytes())[5] == vocab


def test_groups_fit_the_rows_of_every_matrix():
    """172, the hidden width of stories260K, is no multiple of 64: runq.c would leave out the end of each row."""
    sizes = {(64, 172): 4, (288, 768): 32, (128, 384): 64, (48, 80): 16, (6, 9): 1}
    for (d, hidden), group in sizes.items():
        assert group_size(LMConfig(300, d, 1, 1, 1, hidden, 8)) == group, (d, hidden)


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=8, max_size=8), st.sampled_from([7, 127]))
def test_a_number_is_off_by_at_most_half_a_step(numbers: list[float], levels: int):
    groups = torch.tensor([numbers, [0.0] * 8])
    whole, scales = quantise(groups, levels)
    assert whole.dtype == torch.int8
    assert int(whole.abs().max()) <= levels
    assert scales[1] == 0
    assert not whole[1].any()
    off = (whole * scales[:, None] - groups).abs()
    assert (off <= scales[:, None] * 0.5001 + 1e-30).all()
