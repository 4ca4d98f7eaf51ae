"""Commands that open a model: a tiny Llama with a tokenizer of its own, and the real stories260K."""

import json

import pytest
import torch

from glassbook.data.tokens import take
from glassbook.data.world import World
from glassbook.features import Dictionary, TopK
from glassbook.features.formats import save_sae_lens
from glassbook.nets import LM, LanguageModel, LMConfig, open_model, save_model, train_bpe
from glassbook.steer import in_norms, mean_difference

PROMPT = "Mira went to the ford"


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """A folder with a Llama of random weights, as transformers saves one, and its BPE."""
    folder = tmp_path_factory.mktemp("llama")
    texts = [document.text for document in take(World().stream(-3), 200)]
    tokenizer = train_bpe(texts, 400)
    torch.manual_seed(0)
    config = LMConfig(vocab=len(tokenizer), d_model=32, n_layers=3, n_heads=2, n_kv_heads=1, d_hidden=48, context=96)
    model = LM(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(6)  # as drawn, what the blocks write is too small to change a token
    save_model(LanguageModel(model, tokenizer, "tiny"), folder / "model")
    (folder / "text.txt").write_text("\n\n".join(texts))
    torch.manual_seed(1)
    Dictionary(32, 64, TopK(4)).save(folder / "d.safetensors", site="blocks.1.out", model=str(folder / "model"))
    return folder


def test_open(glassbook, llama):
    data = glassbook("open", llama / "model", "--json").data()
    assert (data["kind"], data["blocks"]) == ("LM", ["blocks.0", "blocks.1", "blocks.2"])
    assert {"name": "blocks.1.out", "shape": [1, 8, 32]}.items() <= {
        key: value for site in data["sites"] if site["name"] == "blocks.1.out" for key, value in site.items()
    }.items()
    text = glassbook("open", llama / "model", "--tokens", "5").out
    assert "3 blocks" in text
    assert "--all lists them" in text
    assert "blocks.2.out" in glassbook("open", llama / "model", "--all").out
    assert max(map(len, text.splitlines())) <= 120


def test_generate(glassbook, llama):
    data = glassbook("generate", llama / "model", PROMPT, "--tokens", "6", "--json").data()
    assert data["token_ids"] == data["prompt_token_ids"] + data["generated_token_ids"]
    assert len(data["generated_token_ids"]) <= 6
    sampled = [
        glassbook("generate", llama / "model", PROMPT, "--tokens", "6", "--temperature", "1", "--seed", seed).out
        for seed in (1, 1, 2)
    ]
    assert sampled[0] == sampled[1] != sampled[2]
    assert sampled[0].startswith(PROMPT)


def test_greedy_decoding_of_a_real_model(glassbook, stories):
    expected = json.loads((stories / "expected_greedy.json").read_text())
    data = glassbook("generate", stories / "stories260K.bin", "", "--tokens", "256", "--json").data()
    assert data["prompt_token_ids"] == expected["prompt_token_ids"]
    assert data["token_ids"] == expected["greedy_token_ids"]
    assert data["text"].strip() == expected["text"].strip()


def test_steer(glassbook, llama, tmp_path):
    words = ("steer", llama / "model", PROMPT, "--tokens", "8", "--temperature", "1")
    data = glassbook(
        *words, "--add", " storm", "", "--coeff", "40", "--save", tmp_path / "v.safetensors", "--json"
    ).data()
    assert data["plain"] != data["steered"]
    assert data["sites"] == ["blocks.1.in"]
    again = glassbook(*words, "--vector", tmp_path / "v.safetensors", "--coeff", "40", "--json").data()
    assert again["steered"] == data["steered"]
    assert (
        "plain"
        in glassbook(*words, "--feature", f"{llama}/d.safetensors:3", "--coeff", "-2", "--where", "from-position-1").out
    )
    storm, calm = tmp_path / "storm.txt", tmp_path / "calm.txt"
    storm.write_text("The storm came.\n\nThe storm went.\n")
    calm.write_text("The path was long.\n")
    contrast = glassbook(*words, "--contrast", storm, calm, "--json").data()
    assert (contrast["coeff"], contrast["unit"], contrast["sites"]) == (0.3, "norm", ["blocks.1.in"])
    lm = open_model(llama / "model")
    mine = mean_difference(lm, ["The storm came.", "The storm went."], ["The path was long."], "blocks.1.in", "mean")
    assert contrast["norm"] == pytest.approx(in_norms(lm, mine).norm())
    saved = tmp_path / "w.safetensors"
    strong = glassbook(*words, "--contrast", storm, calm, "--coeff", "3", "--save", saved, "--json").data()
    assert strong["steered"] != strong["plain"]
    assert glassbook(*words, "--vector", saved, "--coeff", "3", "--json").data()["steered"] == strong["steered"]
    below = glassbook(
        *words, "--add", " storm", "", "--layer", "0", "--unit", "norm", "--where", "last", "--json"
    ).data()
    assert below["sites"] == ["blocks.0.in"]


def test_features(glassbook, llama):
    words = ("features", llama / "d.safetensors", "--text", llama / "text.txt")
    data = glassbook(*words, "--top", "3", "--json").data()
    header = data["header"]
    assert (header["width"], header["site"], len(data["features"])) == (64, "blocks.1.out", 3)
    card = data["features"][0]
    assert 0 < card["density"] <= 1
    assert "«" in card["contexts"][0]
    text = glassbook(*words, "--top", "5").out
    assert "5 of" in text
    assert max(map(len, text.splitlines()[:-1])) <= 80
    assert "no feature has" in glassbook(*words, "--search", "zeppelin").out


@pytest.fixture
def broken(tmp_path, llama):
    """Files that are no models, by what is wrong with them."""
    whole = (llama / "model" / "model.safetensors").read_bytes()
    folders = {}
    for name, weights in {"truncated": whole[: len(whole) // 2], "corrupt": b"\xff" * 5000}.items():
        folders[name] = tmp_path / name
        folders[name].mkdir()
        for file in ("config.json", "tokenizer.json"):
            (folders[name] / file).write_bytes((llama / "model" / file).read_bytes())
        (folders[name] / "model.safetensors").write_bytes(weights)
    for name, content in {"m.bin": b"\x00" * 100, "cut.bin": b"\x40\x00\x00\x00", "notes.txt": b"hello"}.items():
        folders[name] = tmp_path / name
        folders[name].write_bytes(content)
    torch.save({"x": torch.zeros(2)}, tmp_path / "m.pt")
    folders["pickle"] = tmp_path / "m.pt"
    folders["empty"] = tmp_path / "empty"
    folders["empty"].mkdir()
    folders["missing"] = tmp_path / "nowhere"
    return folders


KINDS = ("truncated", "corrupt", "m.bin", "cut.bin", "notes.txt", "pickle", "empty", "missing")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_model_is_one_line(glassbook, broken, kind):
    line = glassbook("generate", broken[kind], "x").complaint()
    assert str(broken[kind]) in line
    if kind == "pickle":
        assert "pickle" in line


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["features", "{d}", "--model", "{m}", "--site", "blocks.9.out", "--text", "{t}"], "blocks.9.out"),
        (["features", "nowhere.safetensors"], "there is no file or folder nowhere.safetensors"),
        (["features", "{m}/model.safetensors"], "no dictionary"),
        (["features", "{m}"], "holds no dictionary"),
        (["steer", "{m}", "x", "--vector", "nowhere"], "there is no file nowhere"),
        (["steer", "{m}", "x", "--vector", "{d}"], "no steering vector"),
        (["steer", "{m}", "x", "--feature", "{d}"], "write DICT:INDEX"),
        (["steer", "{m}", "Mira went", "--feature", "{d}:999"], "there is no feature 999"),
        (["steer", "{m}", "Mira went", "--add", " a", " b", "--layer", "7"], "layers 0 to 2"),
        (["steer", "{m}", "Mira went", "--contrast", "nowhere", "{t}"], "nowhere cannot be read as text"),
        (["steer", "{m}", "Mira went", "--contrast", "{t}", "/dev/null"], "/dev/null holds no text"),
        (["steer", "{m}", "Mira went", "--contrast", "{m}", "{t}"], "cannot be read as text"),
        (["steer", "{m}", "Mira went", "--contrast", "{t}", "{t}", "--add", " a", " b"], "give one of --add"),
        (["steer", "{m}", "Mira went", "--add", " a", " b", "--where", "there"], "after-prompt"),
        (["generate", "{m}", "x", "--tokens", "0"], "at least 1"),
        (["generate", "{m}", "x", "--chat"], "has no chat template"),
        (["steer", "{m}", "x", "--add", " a", " b", "--chat"], "has no chat template"),
        (["generate", "{m}", "x", "--tokens", "999"], "context"),
        (["generate", "{m}", "x", "--tokenizer", "nowhere/at/all"], "nowhere/at/all"),
        (["tour", "--model", "nowhere.bin", "--notebook", "{n}"], "nowhere.bin"),
        (["tour", "--model", "{m}", "--text", "nowhere.txt", "--notebook", "{n}"], "nowhere.txt"),
    ],
)
def test_what_does_not_fit_is_one_line(glassbook, llama, tmp_path, monkeypatch, words, part):
    monkeypatch.chdir(tmp_path)
    places = {"d": llama / "d.safetensors", "m": llama / "model", "t": llama / "text.txt", "n": tmp_path / "n"}
    answer = glassbook(*[word.format(**places) for word in words])
    assert (answer.code, answer.out) == (2, "")
    assert part in answer.err.splitlines()[-1]
    assert "Traceback" not in answer.err
    assert not (tmp_path / "n").exists()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_every_command_on_a_model_opens_it_in_half_precision(glassbook, llama, tmp_path, dtype):
    how = ("--dtype", dtype, "--device", "cpu")
    data = glassbook("open", llama / "model", "--tokens", "3", *how, "--json").data()
    assert {site["dtype"] for site in data["sites"] if site["name"] == "blocks.1.out"} == {f"torch.{dtype}"}
    assert all(check["proved"] for check in data["checks"])
    words = (llama / "model", PROMPT, "--tokens", "4", *how, "--json")
    assert glassbook("generate", *words).data()["generated_token_ids"]
    for made in (("--add", " storm", ""), ("--feature", f"{llama}/d.safetensors:3")):
        assert glassbook("steer", *words, *made, "--coeff", "40").data()["sites"]
    text = llama / "text.txt"
    found = glassbook("features", llama / "d.safetensors", "--text", text, *how, "--json").data()
    plain = glassbook("features", llama / "d.safetensors", "--text", text, "--json").data()
    assert found["header"] == plain["header"]
    assert abs(found["total"] - plain["total"]) <= 4


def test_devices_and_precisions_that_are_not_there_are_one_line(glassbook, llama):
    for words in (("open",), ("generate", PROMPT), ("steer", PROMPT, "--add", " storm", "")):
        command, rest = words[0], words[1:]
        assert "no device 'abacus'" in glassbook(command, llama / "model", *rest, "--device", "abacus").complaint()
        assert "--dtype" in glassbook(command, llama / "model", *rest, "--dtype", "int3").complaint()
    assert "no device" in glassbook("features", llama / "d.safetensors", "--device", "abacus").complaint()
    assert "opens no model" in glassbook("features", "--run", "x", "--dtype", "bfloat16").complaint()


def test_a_dictionary_of_saelens_finds_its_site_and_says_what_differs(glassbook, llama, tmp_path):
    torch.manual_seed(1)
    d = Dictionary(32, 64, TopK(4))
    told = {"prepend_bos": False, "context_size": 8, "model_from_pretrained_kwargs": {"center_writing_weights": True}}
    d.about = {"model": "gpt2-small", "site": "blocks.1.hook_resid_post", "settings": told}
    folder = save_sae_lens(d, tmp_path / "sae")
    answer = glassbook("features", folder, "--model", llama / "model", "--text", llama / "text.txt", "--json")
    assert answer.data()["header"]["site"] == "blocks.1.out"
    notes = [line for line in answer.err.splitlines() if line.startswith("note on the dictionary: ")]
    assert len(notes) == 4
    assert all(any(word in note for note in notes) for word in ("gpt2-small", "BOS", "mean", "texts of 8 tokens"))
    steered = glassbook("steer", llama / "model", PROMPT, "--feature", f"{folder}:3", "--tokens", "4", "--json")
    assert steered.data()["sites"] == ["blocks.1.out"]
    assert "gpt2-small" in steered.err
    d.about["site"] = "blocks.9.hook_resid_post"
    save_sae_lens(d, folder)
    words = ("features", folder, "--model", llama / "model", "--text", llama / "text.txt")
    assert "no layer 9" in glassbook(*words).complaint()
    assert glassbook(*words, "--site", "blocks.0.out", "--json").data()["header"]["site"] == "blocks.0.out"
