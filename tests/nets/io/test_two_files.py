"""A model as two files: ids, logits and text of run.py are those of the model, and what cannot be written says why."""

import ast
import json
import struct
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Core
from tokenizers import decoders, models, pre_tokenizers

from glassbook.data.world import World
from glassbook.errors import GlassbookError
from glassbook.nets import LM, LanguageModel, LMConfig, open_language_model, train_bpe
from glassbook.nets.io import run
from glassbook.nets.io.hugging_face import wrap_tokenizer
from glassbook.nets.io.two_files import byte_stand_ins, read_vocabulary, reordered, widened, write_two_files
from glassbook.nets.tokenizer import byte_tokenizer

AWKWARD = [
    "",
    " ",
    "One day",
    "  two  spaces\n\n\tand tabs ",
    "it's 12,345 o'clock, I'll've said: don't!",
    "naïve café, 你好 ½ Ⅷ ٣ 👋🏽 \u00a0\u2003x\u0085y",
    "\x00\x1c\x1f \x7f<bos><eos> <0x0A> 's 'S '",
]


def lm_of(tokenizer, **change) -> LanguageModel:
    """A small model of random weights with a tokenizer."""
    torch.manual_seed(0)
    base = {"vocab": len(tokenizer), "d_model": 32, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "d_hidden": 48}
    return LanguageModel(LM(LMConfig(**{**base, "context": 64, **change})).eval(), tokenizer, "small")


@pytest.fixture(scope="module")
def ours() -> LanguageModel:
    texts = [document.text for document in islice(World().stream(3), 300)]
    return lm_of(train_bpe(texts, 500))


def opened(folder: Path) -> tuple[run.Model, run.Tokenizer]:
    model = run.Model(str(folder / "model.bin"))
    return model, run.Tokenizer(str(folder / "tokenizer.bin"), model.vocab)


def logits(model: run.Model, ids: list[int]) -> np.ndarray:
    return np.stack([model.forward(id, position) for position, id in enumerate(ids)])


def check(lm: LanguageModel, folder: Path, texts=AWKWARD, within: float = 1e-4, **options) -> None:
    """Ids and logits of the files are the model's, once its tokens have the files' numbers."""
    write_two_files(lm, folder, **options)
    model, tokenizer = opened(folder)
    order = read_vocabulary(lm).order
    for text in texts:
        ids = lm.encode(text)
        assert [order[id] for id in tokenizer.encode(text)] == ids, text
        if ids:
            with torch.no_grad():
                true = lm.model(torch.tensor([ids])).logits[0].numpy()
            assert abs(logits(model, tokenizer.encode(text)) - true[:, order]).max() <= within


def fails(call, *args, **options) -> str:
    with pytest.raises(GlassbookError) as error:
        call(*args, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_program_is_short_and_imports_numpy_alone():
    source = Path(run.__file__).read_text()
    nodes = list(ast.walk(ast.parse(source)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"numpy", "re", "struct", "sys"}
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom)]
    texts = [n.value for n in nodes if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    told = {line for text in texts for line in range(text.lineno, (text.end_lineno or text.lineno) + 1)}
    rows = enumerate(map(str.strip, source.splitlines()), 1)
    assert sum(1 for n, row in rows if row and not row.startswith("#") and n not in told) <= 150


@pytest.mark.parametrize("change", [{}, {"tied": False}, {"rope_theta": 1e5, "norm_eps": 1e-6}, {"n_kv_heads": 1}])
def test_numpy_computes_what_torch_computes(ours, change, tmp_path):
    check(lm_of(ours.tokenizer, **change), tmp_path)


def test_the_version_follows_the_model(ours, tmp_path):
    own = lm_of(ours.tokenizer, rope_theta=500.0)
    for lm, q8, start in (
        (ours, False, struct.pack("<i", 32)),
        (ours, True, b"24ka"),
        (own, False, b"24bg"),
        (own, True, b"24bg"),
    ):
        sizes = write_two_files(lm, tmp_path, q8=q8)
        assert (tmp_path / "model.bin").read_bytes()[:4] == start
        assert sizes == {name: (tmp_path / name).stat().st_size for name in ("model.bin", "tokenizer.bin", "run.py")}
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(sizes)


def test_eight_bits_are_what_torch_computes_with_rounded_matrices(ours, tmp_path):
    from glassbook.nets.io.llama2c import read_llama2c

    write_two_files(ours, tmp_path, q8=True)
    model, tokenizer = opened(tmp_path)
    ids = tokenizer.encode("One day a heron")
    with torch.no_grad():
        true = read_llama2c(tmp_path / "model.bin")(torch.tensor([ids])).logits[0].numpy()
    assert abs(logits(model, ids) - true).max() <= 1e-4


def test_text_follows_seed_temperature_and_top_p(ours, tmp_path):
    write_two_files(ours, tmp_path)
    model, tokenizer = opened(tmp_path)

    def text(**options) -> list[int]:
        return list(run.generate(model, tokenizer.encode("One"), 12, **options))

    order = read_vocabulary(ours).order
    ids = torch.tensor([ours.encode("One")])
    greedy = ours.model.generate(ids, max_new_tokens=12)[0, ids.shape[1] :].tolist()
    assert [order[id] for id in text()] == greedy
    assert text(temperature=1.0, seed=1) == text(temperature=1.0, seed=1) != text(temperature=1.0, seed=2)
    assert text(temperature=1.0, top_p=1e-9, seed=5) == text() == text(temperature=1e-6, seed=5)
    assert list(run.generate(model, tokenizer.encode("One"), 12, ends=[text()[3]])) == text()[: text().index(text()[3])]


@pytest.mark.parametrize("top_p", [0.5, 0.65, 1.0])
def test_sampling_takes_tokens_as_often_as_they_are_likely(top_p):
    p = np.array([0.1, 0.6, 0.3])
    rng = np.random.default_rng(0)
    drawn = np.bincount([run.sample(np.log(p), 1.0, top_p, rng) for _ in range(4000)], minlength=3) / 4000
    kept = {0.5: [0, 1, 0], 0.65: [0, 2 / 3, 1 / 3], 1.0: p}[top_p]
    assert abs(drawn - kept).max() < 0.03


# --- vocabularies -------------------------------------------------------------------------------------------------


def test_the_vocabulary_has_llama2cs_order(ours):
    vocabulary, tokenizer = read_vocabulary(ours), ours.tokenizer
    assert tokenizer is not None
    assert vocabulary.for_c
    assert vocabulary.order[:3] == [tokenizer.pad, tokenizer.bos, tokenizer.eos]
    assert vocabulary.pieces[:3] == [b"<unk>", b"\n", b"\n"]
    assert vocabulary.pieces[3:259] == [bytes([byte]) for byte in range(256)]
    assert sorted(vocabulary.order) == list(range(ours.vocab))
    assert vocabulary.scores[259:] == [-float(rank) for rank in range(len(vocabulary.scores) - 259)]
    assert all(vocabulary.pieces)


def test_a_model_with_reordered_tokens_is_the_same_model(ours):
    order = read_vocabulary(ours).order
    ids = torch.randint(0, ours.vocab, (2, 9))
    new = torch.tensor(order).argsort()
    assert torch.equal(reordered(ours.model, order)(new[ids]).logits, ours.model(ids).logits[..., order])


def test_the_built_in_models_text_has_the_same_ids_by_scores_alone():
    """10,000 documents as run.c reads them: no words, no pairs of merges, only the scores of unions."""
    lm = open_language_model("builtin")
    vocabulary = read_vocabulary(lm)
    stand_in = {byte: c for c, byte in byte_stand_ins().items()}
    ids = {"".join(stand_in[b] for b in piece): id for id, piece in enumerate(vocabulary.pieces) if id > 2}
    merges = [
        (-vocabulary.scores[id], (piece[:cut], piece[cut:]))
        for piece, id in ids.items()
        for cut in range(1, len(piece))
        if piece[:cut] in ids and piece[cut:] in ids
    ]
    core = Core(models.BPE(vocab=ids, merges=[pair for _, pair in sorted(merges, key=lambda merge: merge[0])]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for document in islice(World().stream(-5), 10_000):
        by_scores = [vocabulary.order[id] for id in core.encode(document.text).ids]
        ours = lm.encode(document.text, bos=False)
        at = next((i for i, (a, b) in enumerate(zip(by_scores, ours, strict=False)) if a != b), None)
        assert by_scores == ours, f"token {at} of {document.text!r} is {lm.tokens(by_scores[at : at and at + 1])}"


def test_the_built_in_models_texts_have_the_same_ids(tmp_path):
    lm = open_language_model("builtin")
    write_two_files(lm, tmp_path)
    _, tokenizer = opened(tmp_path)
    order = read_vocabulary(lm).order
    for text in [*AWKWARD, *(document.text for document in islice(World().stream(-6), 200))]:
        assert [order[id] for id in tokenizer.encode(text)] == lm.encode(text)


KNOWN = st.characters(exclude_categories=["Cn", "Cs"])
"""Characters that this Python's tables of Unicode have; those of tokenizers may be newer."""


@given(st.text(KNOWN | st.sampled_from(" \n'st1a."), max_size=40))
@settings(max_examples=300, deadline=None)
def test_words_are_those_of_gpt_2(text: str):
    theirs = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert run.split(text, False) == [text[a:b] for _, (a, b) in theirs.pre_tokenize_str(text)]


@given(st.text(alphabet=" \n1２½ab'st.,", max_size=20))
@settings(max_examples=200, deadline=None)
def test_single_digits_are_words_where_the_tokenizer_says_so(text: str):
    theirs = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    assert run.split(text, True) == [text[a:b] for _, (a, b) in theirs.pre_tokenize_str(text)]


def chat_like(**change) -> LanguageModel:
    """A tokenizer as SmolLM2's: specials first, some bytes missing, no beginning, names in a text are read."""
    core = Core.from_str(json.dumps(description(**change)))
    tokenizer = wrap_tokenizer(core, None, 2, None)
    return replace(lm_of(tokenizer, vocab=len(tokenizer) + 3), ends=(2,))


def description(**change) -> dict:
    stand_ins = [c for c, byte in byte_stand_ins().items() if byte not in (0, 0xC0, 0xFF)]
    merges = [("a", "b"), ("b", "c"), ("ab", "c"), ("Ġ", "a"), ("1", "2"), ("Ġa", "bc")]
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    pieces = [*names, *stand_ins, *(a + b for a, b in merges[:2] + merges[3:])]
    model = models.BPE(vocab={p: i for i, p in enumerate(dict.fromkeys([*pieces, "abc", "xy"]))}, merges=merges)
    core = Core(model)
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens(names)
    return json.loads(core.to_str()) | change


CHAT = [
    "<|im_start|>user\nabc abc 12 bc<|im_end|>\n<|im_start|>",
    "abcabc\x00é xy",
    "<|im_end",
    "a<|im_end|>",
    *AWKWARD,
]


def test_a_tokenizer_with_other_specials_keeps_its_ids(tmp_path):
    lm = chat_like()
    check(lm, tmp_path, CHAT)
    assert read_vocabulary(lm).order == list(range(lm.vocab))
    assert (tmp_path / "model.bin").read_bytes()[:4] == b"24bg"  # run.c would read text wrongly, and refuses it so
    assert opened(tmp_path)[1].ends == (2,)
    assert "leave --for-c out" in fails(write_two_files, lm, tmp_path, for_c=True)


def test_digits_by_themselves_are_carried(tmp_path):
    digits = {"type": "Digits", "individual_digits": True}
    plain = description()["pre_tokenizer"]
    lm = chat_like(pre_tokenizer={"type": "Sequence", "pretokenizers": [digits, plain]})
    check(lm, tmp_path, CHAT)
    assert opened(tmp_path)[1].digits


def test_bytes_alone_are_a_vocabulary(tmp_path):
    check(lm_of(byte_tokenizer(259)), tmp_path)


def test_stories260k_keeps_its_tokenizer(stories, tmp_path):
    lm = open_language_model(stories / "stories260K.bin")
    for q8 in (False, True):
        write_two_files(lm, tmp_path, q8=q8, for_c=True)
        assert (tmp_path / "tokenizer.bin").read_bytes() == (stories / "tok512.bin").read_bytes()
        expected = json.loads((stories / "expected_greedy.json").read_text())
        ids = expected["greedy_token_ids"]
        model, tokenizer = opened(tmp_path)
        assert tokenizer.encode("") == [1]
        assert tokenizer.encode(expected["text"]) == ids
        assert list(run.generate(model, [1], 64)) == ids[1:65]
    check(lm, tmp_path / "float", [text for text in AWKWARD if text])


# --- models that C runs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("theta", "k"), [(1e2, 2), (1e4 ** (1 / 3), 3), (10.0, 4)])
@pytest.mark.parametrize("tied", [True, False])
def test_a_wider_model_has_the_same_logits(theta, k, tied):
    model = LM(LMConfig(300, 32, 2, 4, 2, 48, 64, rope_theta=theta, tied=tied)).eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    wide, ids = widened(model), torch.randint(0, 300, (2, 20))
    assert (wide.config.d_model, wide.config.rope_theta) == (32 * k, 1e4)
    with torch.no_grad():
        true = model.double()(ids).logits
        assert (wide.double()(ids).logits - true).abs().max() < 1e-6 * true.abs().max()


def test_the_built_in_model_is_written_wider_for_c(tmp_path):
    lm = open_language_model("builtin")
    check(lm, tmp_path, ["One day", AWKWARD[4]], for_c=True)
    assert struct.unpack_from("<7i", (tmp_path / "model.bin").read_bytes())[:2] == (256, 384)


# --- the command line of run.py -----------------------------------------------------------------------------------


def python(folder: Path, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-I", "run.py", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_run_py_prints_prompt_and_text(tmp_path):
    lm = open_language_model("builtin")
    write_two_files(lm, tmp_path)
    for prompt in ("One day", "", "naïve"):
        done = python(tmp_path, "model.bin", "-i", prompt, "-n", "20")
        assert done.stdout == f"{prompt}{lm.generate([prompt], tokens=20)[0]}\n"
        assert done.stderr == ""
    said = ["model.bin", "-i", "One day", "-t", "1", "-s", "3", "-p", ".9", "-z", str(tmp_path / "tokenizer.bin")]
    assert (
        python(tmp_path, *said).stdout
        == python(tmp_path, *said).stdout
        != python(tmp_path, *said[:-2], "-s", "4").stdout
    )


def test_run_py_says_in_one_line_what_is_wrong(ours, tmp_path):
    write_two_files(ours, tmp_path)
    (tmp_path / "cut.bin").write_bytes((tmp_path / "model.bin").read_bytes()[:-4])
    (tmp_path / "short.bin").write_bytes(b"no model")
    (tmp_path / "text.bin").write_bytes(b"\xff" * 400)
    for words, says in [
        (["absent.bin"], "No such file"),
        (["cut.bin"], "truncated"),
        (["short.bin"], "cannot run"),
        (["text.bin"], "no llama2.c model"),
        (["model.bin", "-n", "many"], "invalid literal"),
        (["model.bin", "-n", "65"], "do not fit the context of 64"),
        (["model.bin", "-z", "absent"], "No such file"),
        (["model.bin", "-z", "short.bin"], "cannot run"),
    ]:
        done = python(tmp_path, *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    for words in ([], ["model.bin", "-i"], ["model.bin", "--prompt", "x"]):
        assert "python run.py model.bin" in python(tmp_path, *words).stderr


# --- bad input ----------------------------------------------------------------------------------------------------


def test_models_that_are_no_dense_llama_say_why(ours, tmp_path):
    from transformers import GPT2Config, GPT2LMHeadModel, MixtralConfig, MixtralForCausalLM

    sizes = {"vocab_size": ours.vocab, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    mixtral = MixtralForCausalLM(
        MixtralConfig(**sizes, num_attention_heads=2, num_key_value_heads=2, num_local_experts=2)
    )
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=ours.vocab, n_embd=16, n_layer=1, n_head=2))
    for model, says in ((mixtral, "two files hold dense models only"), (gpt2, "it is a gpt2 model")):
        assert says in fails(write_two_files, replace(ours, model=model), tmp_path / "new" / "deep")
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("change", "says"), [({"rope_theta": 5e5}, "500000"), ({"rope_theta": 100.0, "norm_eps": 1e-6}, "1e-06")]
)
def test_what_llama2c_lacks_is_named(ours, change, says, tmp_path):
    assert says in fails(write_two_files, lm_of(ours.tokenizer, **change), tmp_path / "new", for_c=True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"normalizer": {"type": "Lowercase"}}, "first changes the text (Lowercase)"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "not split text as GPT-2"),
        ({"pre_tokenizer": None}, "not split text as GPT-2"),
        (
            {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}},
            "not split",
        ),
    ],
)
def test_rules_of_reading_that_are_not_carried_are_refused(change, says, tmp_path):
    assert says in fails(write_two_files, chat_like(**change), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_other_tokenizers_are_refused(ours, tmp_path):
    unigram = Core(models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0))
    for tokenizer, says in (
        (None, "has no tokenizer"),
        (wrap_tokenizer(unigram, None, None, None), "a Unigram, not a BPE"),
    ):
        assert says in fails(write_two_files, replace(ours, tokenizer=tokenizer), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_stays_as_it_was(ours, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "cannot write" in fails(write_two_files, ours, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    for taken, mine in (("run.py", "model.bin"), ("model.bin", "run.py"), ("tokenizer.bin", "run.py")):
        folder = tmp_path / f"without {taken}"
        (folder / taken).mkdir(parents=True)
        (folder / mine).write_text("mine")
        assert "cannot write" in fails(write_two_files, ours, folder)
        assert (folder / mine).read_text() == "mine"
        assert sorted(path.name for path in folder.iterdir()) == sorted([taken, mine])


def test_the_vocabulary_of_run_py_is_not_opened_as_another(ours, tmp_path):
    write_two_files(ours, tmp_path)
    assert "written for run.py" in fails(open_language_model, tmp_path / "model.bin")
