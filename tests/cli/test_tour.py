"""The tour, quickly, on a tiny Llama and on a GPT-2 that transformers made."""

import re
from pathlib import Path

import pytest
import torch

from glassbook.cli.commands.tour import make_notebook
from glassbook.data.tokens import take
from glassbook.data.world import World
from glassbook.errors import GlassbookError
from glassbook.nets import LM, LanguageModel, LMConfig, save_model, train_bpe
from glassbook.notebook import Notebook


@pytest.fixture(scope="module")
def texts():
    return [document.text for document in take(World().stream(-3), 300)]


@pytest.fixture(scope="module")
def tokenizer(texts):
    return train_bpe(texts, 400)


@pytest.fixture(scope="module")
def llama(tmp_path_factory, tokenizer):
    torch.manual_seed(0)
    config = LMConfig(vocab=len(tokenizer), d_model=32, n_layers=3, n_heads=2, n_kv_heads=1, d_hidden=48, context=96)
    folder = tmp_path_factory.mktemp("tiny") / "llama"
    save_model(LanguageModel(LM(config).eval(), tokenizer, "tiny"), folder)
    return folder


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory, tokenizer):
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 96, "vocab_size": len(tokenizer)}
    ids = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    folder = tmp_path_factory.mktemp("tiny") / "gpt2"
    GPT2LMHeadModel(GPT2Config(**sizes, **ids)).save_pretrained(folder)
    tokenizer.save(folder)
    return folder


def check(notebook: Path, data: dict) -> str:
    """The page stands on its own: what it shows is there."""
    [record] = Notebook(notebook).runs()
    assert (record.id, record.status, record.experiment) == (data["run"], "finished", "tour")
    place = Path(data["page"])
    text = place.read_text()
    blocks = Notebook(notebook).page(place.stem).outline().blocks
    charts = {block.data["name"] for block in blocks if block.kind == "chart"}
    assert charts >= {"learning", "steering"}
    assert charts <= set(record.charts)
    assert {"learning", "steering"} <= set(record.charts)
    assert {"features", "steering", "tour", "scores"} <= set(record.tables)
    assert "dictionary.safetensors" in record.artifacts
    assert "explained_variance" in data["results"]
    assert {block.kind for block in blocks} == {"claim", "chart"}
    assert f"[[{record.id}]]" in text
    assert re.search(rf"\]\(/features/{record.id}/\d+\)", text)
    return text


def test_a_llama_that_writes_its_own_text(glassbook, llama, tmp_path):
    answer = glassbook("tour", "--model", llama, "--notebook", tmp_path / "n", "--quick", "--json")
    assert answer.code == 0, answer.err
    text = check(tmp_path / "n", answer.data())
    assert "that the model itself wrote" in text
    assert "# Tour of llama" in text
    assert "too short to judge" in text


def test_a_gpt2_of_transformers_on_a_file(glassbook, gpt2, texts, tmp_path):
    (tmp_path / "text.txt").write_text("\n\n".join(texts))
    words = ("tour", "--model", gpt2, "--text", tmp_path / "text.txt", "--notebook", tmp_path / "n", "--quick")
    answer = glassbook(*words, "--json")
    assert answer.code == 0, answer.err
    assert "`text.txt`" in check(tmp_path / "n", answer.data())
    again = glassbook(*words)
    assert "Open the page" in again.out
    assert {p.title for p in Notebook(tmp_path / "n").pages() if p.kind == "session"} == {
        "Tour of gpt2",
        "Tour of gpt2, 2",
    }


def test_without_a_tokenizer_it_asks_for_one(glassbook, llama, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        (bare / name).write_bytes((llama / name).read_bytes())
    answer = glassbook("tour", "--model", bare, "--notebook", tmp_path / "n", "--quick")
    assert (answer.code, answer.out) == (2, "")
    assert "pass --tokenizer" in answer.err.splitlines()[-1]
    assert not (tmp_path / "n").exists()


def test_too_little_text(glassbook, llama, tmp_path):
    (tmp_path / "short.txt").write_text("A hare ran.")
    answer = glassbook("tour", "--model", llama, "--text", tmp_path / "short.txt", "--notebook", tmp_path / "n")
    assert answer.code == 2
    assert "holds only" in answer.err.splitlines()[-1]


def test_where_the_notebook_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = make_notebook(None)
    assert first.folder == tmp_path / "tour"
    assert make_notebook(None).folder == first.folder
    (tmp_path / "tour" / "glassbook.toml").unlink()
    assert make_notebook(None).folder == tmp_path / "tour-2"
    assert make_notebook(Path("mine")).folder == tmp_path / "mine"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(GlassbookError):
        make_notebook(Path("full"))
