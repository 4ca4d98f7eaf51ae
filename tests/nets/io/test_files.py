"""Opening and saving models, and one clear line for everything that cannot be opened."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaConfig
from transformers import LlamaForCausalLM as Llama

from glassbook.errors import GlassbookError
from glassbook.nets import BPE, LM, LanguageModel, LMConfig, open_model, save_model, train_bpe
from glassbook.nets.io import files
from glassbook.nets.io.llama2c import write_llama2c

TOKENIZER = train_bpe(["The ranger saw a fox on the north ridge."] * 20, 300)
VOCAB = len(TOKENIZER)
IDS = torch.randint(0, VOCAB, (2, 12), generator=torch.Generator().manual_seed(0))


def ours(tied: bool = True) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(LM(LMConfig(VOCAB, 32, 2, 4, 2, 48, 64, tied=tied)).eval(), TOKENIZER, "small")


def gpt2(folder: Path) -> Path:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def fails(name: object, says: str, **arguments: object) -> None:
    with pytest.raises(GlassbookError) as error:
        open_model(name, **arguments)  # type: ignore[arg-type]
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("tied", [True, False])
def test_our_folders_open_here_and_in_transformers(tmp_path: Path, tied: bool):
    lm = ours(tied)
    save_model(lm, tmp_path)
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
    again = open_model(tmp_path)
    assert isinstance(again.model, LM)
    assert isinstance(again.tokenizer, BPE)
    assert not again.model.training
    assert again.model.config == lm.model.config
    assert torch.equal(again.model(IDS).logits, lm.model(IDS).logits)
    theirs, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    torch.testing.assert_close(theirs(IDS).logits, lm.model(IDS).logits, atol=1e-4, rtol=0)
    text = "The ranger — 狐 saw"
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == TOKENIZER.encode(text)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 1, 2)


def test_half_precision_is_kept_on_disk_and_opened_as_float32(tmp_path: Path):
    lm = ours()
    want = lm.model(IDS).logits
    save_model(replace(lm, model=lm.model.half()), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float16"
    again = open_model(tmp_path)
    assert next(again.model.parameters()).dtype == torch.float32
    torch.testing.assert_close(again.model(IDS).logits, want, atol=1e-3, rtol=0)


def test_a_llama_folder_opens_as_ours_and_an_unsupported_one_as_theirs(tmp_path: Path):
    for bias in (False, True):
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64, attention_bias=bias,
        )  # fmt: skip
        theirs = Llama(config).eval()
        theirs.save_pretrained(tmp_path / str(bias), max_shard_size="20KB")
        assert (tmp_path / str(bias) / "model.safetensors.index.json").exists()
        lm = open_model(tmp_path / str(bias))
        assert isinstance(lm.model, LM) is not bias
        torch.testing.assert_close(lm.model(IDS).logits, theirs(IDS).logits, atol=1e-4, rtol=0)


def test_transformers_models_are_opened_and_saved_with_any_tokenizer(tmp_path: Path):
    lm = open_model(gpt2(tmp_path / "gpt2"), tokenizer=TOKENIZER)
    assert (lm.context, lm.vocab) == (64, VOCAB)
    assert lm.parameters == sum(p.numel() for p in lm.model.parameters())
    assert not lm.model.training
    save_model(lm, tmp_path / "again")
    again = open_model(tmp_path / "again")
    assert again.generate("The fox", tokens=8) == lm.generate("The fox", tokens=8)


def test_the_tokenizer_can_be_given_in_every_form(tmp_path: Path):
    folder = gpt2(tmp_path / "gpt2")
    TOKENIZER.save(tmp_path)
    for form in (tmp_path / "tokenizer.json", str(tmp_path / "tokenizer.json"), tmp_path, TOKENIZER):
        assert open_model(folder, tokenizer=form).encode("fox") == [0, *TOKENIZER.encode("fox")]
    assert open_model(folder, tokenizer="bytes").encode("fox") == [256, *b"fox"]


def test_a_bare_tokenizer_json_takes_its_specials_from_the_config(tmp_path: Path):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = gpt2(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "bos_token_id": 2, "eos_token_id": [3, 4]}))
    core = Tokenizer(models.WordLevel({"fox": 0, "ranger": 1, "^": 2, "$": 3}, unk_token="fox"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    core.save(str(folder / "tokenizer.json"))
    lm = open_model(folder)
    assert lm.tokenizer is not None
    assert lm.encode("ranger fox") == [1, 0]  # it puts nothing before a text
    assert (lm.tokenizer.bos, lm.tokenizer.eos, lm.tokenizer.pad) == (None, 3, None)
    core.post_processor = processors.TemplateProcessing(single="^ $A", special_tokens=[("^", 2)])  # type: ignore[assignment]
    core.save(str(folder / "tokenizer.json"))
    lm = open_model(folder)
    assert lm.encode("ranger fox") == [2, 1, 0]


def test_opening_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    folder = gpt2(tmp_path)
    TOKENIZER.save(folder)
    capfd.readouterr()
    open_model(folder)
    assert capfd.readouterr() == ("", "")


def test_without_a_tokenizer_the_model_opens_and_text_says_what_to_pass(tmp_path: Path):
    lm = open_model(gpt2(tmp_path))
    assert lm.tokenizer is None
    assert lm.model(IDS).logits.shape == (2, 12, VOCAB)
    for call in (lambda: lm.encode("x"), lambda: lm.decode([1]), lambda: lm.tokens([1]), lambda: lm.generate("x")):
        with pytest.raises(GlassbookError, match="pass tokenizer="):
            call()


def test_paths_that_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    fails(tmp_path / "absent", "no such file or folder")
    fails("./absent", "no such file or folder")
    fails("absent.bin", "no such file or folder")
    fails("nobody-here/no-such-model", "hub cannot be reached")
    fails(tmp_path, "no config.json")
    fails(gpt2(tmp_path), "no such file", tokenizer=tmp_path / "absent.json")
    fails(tmp_path, "holds no tokenizer", tokenizer=tmp_path)


def test_the_builtin_model_opens_or_says_that_it_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(files.BUILTIN_MODELS, "builtin", tmp_path / "model")
    fails("builtin", "install it again")
    save_model(ours(), tmp_path / "model")
    assert open_model("builtin").name == "builtin"


def test_pickles_are_refused(tmp_path: Path):
    save_model(replace(ours(), tokenizer=None), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    fails(tmp_path, "holds no safetensors")
    torch.save({}, tmp_path / "pytorch_model.bin")
    torch.save({}, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    torch.save({}, tmp_path / "model.pth")
    fails(tmp_path, "can run code")
    for name in ("pytorch_model.bin", "old.bin", "model.pth"):
        fails(tmp_path / name, "can run code")


@pytest.mark.parametrize("family", ["ours", "gpt2"])
def test_broken_folders_say_what_is_broken(tmp_path: Path, family: str):
    if family == "ours":
        save_model(ours(), tmp_path)
    else:
        gpt2(tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    data, settings = weights.read_bytes(), config.read_text()
    for content in (b"", data[:5], data[:100], data[:-1], b"garbage" * 100):
        weights.write_bytes(content)
        fails(tmp_path, str(tmp_path))
    weights.write_bytes(data)
    for content, says in [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        (json.dumps({**json.loads(settings), "model_type": "no-such-thing"}), "no-such-thing"),
        (json.dumps({**json.loads(settings), "num_hidden_layers": 3, "n_layer": 3}), "lack"),
        (json.dumps({**json.loads(settings), "vocab_size": VOCAB + 1}), "has shape"),
    ]:
        config.write_text(content)
        fails(tmp_path, says)


@pytest.mark.parametrize("family", ["ours", "gpt2"])
@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        (["num_hidden_layers", "n_layer", 10**9], "cannot hold"),
        (["vocab_size", "vocab_size", 2**40], "cannot hold"),
        (["hidden_size", "n_embd", 2**31], "cannot hold"),
        (["num_attention_heads", "n_head", 0], "must be a whole number from 1 on"),
        (["num_hidden_layers", "n_layer", -2], "must be a whole number from 1 on"),
        (["vocab_size", "vocab_size", "many"], "must be a whole number from 1 on"),
        (["hidden_size", "n_embd", 1e9], "must be a whole number from 1 on"),
    ],
)
def test_sizes_that_cannot_be_are_refused_before_anything_is_allocated(tmp_path: Path, family: str, sizes, says: str):
    save_model(ours(), tmp_path) if family == "ours" else gpt2(tmp_path)
    config = tmp_path / "config.json"
    key = sizes[0] if family == "ours" else sizes[1]
    config.write_text(json.dumps({**json.loads(config.read_text()), key: sizes[2]}))
    fails(tmp_path, says)


def test_files_of_other_kinds_and_tokenizers_too_large(tmp_path: Path):
    save_model(ours(), tmp_path)
    fails(tmp_path / "model.safetensors", "give the folder")
    larger = train_bpe(["The ranger saw a fox and told of seven wolves by some lake."] * 20, 400)
    write_llama2c(ours().model, tmp_path / "model.bin")  # type: ignore[arg-type]
    fails(tmp_path / "model.bin", f"knows only {VOCAB}", tokenizer=larger)
    (tmp_path / "tokenizer.json").write_text("{}")
    fails(tmp_path, "tokenizer.json")
