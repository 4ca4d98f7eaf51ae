"""The files in `files/` were written, and read, by the peers' own code: see benchmarks/peers/write_files.py."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from glassbook.errors import GlassbookError
from glassbook.features import BatchTopK, Dictionary, Gated, JumpReLU, Matryoshka, ReLU, TopK
from glassbook.features.formats import load, save_sae_lens

FILES = Path(__file__).parent / "files"
CASES = sorted(path.parent for path in FILES.rglob("expected.safetensors"))


@pytest.mark.parametrize("folder", CASES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_codes_and_reconstruction_are_the_peers(folder):
    expected = load_file(folder / "expected.safetensors")
    d = load(folder)
    assert (expected["codes"] != 0).any()
    torch.testing.assert_close(d.encode(expected["x"]), expected["codes"], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(d(expected["x"]), expected["out"], atol=1e-5, rtol=1e-5)
    assert d.about["from"] == {"sae_lens": "SAELens"}.get(folder.parent.name, folder.parent.name)


@pytest.mark.parametrize("folder", CASES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_what_was_loaded_is_saved_and_loaded_as_our_own(folder, tmp_path):
    d, x = load(folder), load_file(folder / "expected.safetensors")["x"]
    d.save(tmp_path / "d.safetensors")
    again = load(tmp_path / "d.safetensors")
    assert torch.equal(again.encode(x), d.encode(x))
    assert again.about == d.about


def test_every_case_that_the_peers_have_is_there():
    assert len([p for p in CASES if p.parent.name == "sae_lens"]) == 10
    assert len([p for p in CASES if p.parent.name == "sparsify"]) == 3
    assert len([p for p in CASES if p.parent.name == "dictionary_learning"]) == 7


def random(d, seed=0):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in d.parameters():
            p.copy_(torch.randn(p.shape, generator=g) * 0.7)
        for p in (d.theta, d.gain):
            if p is not None:
                p.abs_()
    return d


@pytest.mark.parametrize(
    "d",
    [
        Dictionary(6, 14, ReLU()),
        Dictionary(6, 14, TopK(3)),
        Dictionary(6, 14, BatchTopK(3, 0.7)),
        Dictionary(6, 14, Matryoshka(BatchTopK(3, 0.7), (4, 14))),
        Dictionary(6, 14, JumpReLU()),
        Dictionary(6, 14, Gated()),
        Dictionary(6, 14, ReLU(), 4),
        Dictionary(6, 14, JumpReLU(), 4),
        Dictionary(6, 14, ReLU(), 4, skip=True),
        Dictionary(6, 14, BatchTopK(3, 0.7), 4, skip=True),
    ],
    ids=lambda d: f"{type(d.rule).__name__}{'-transcoder' * d.transcodes}{'-skip' * (d.W_skip is not None)}",
)
def test_saelens_layout_round_trip(d, tmp_path):
    d = random(d)
    d.about = {"model": "m", "site": "blocks.1.out"}
    x = torch.randn(9, 6, generator=torch.Generator().manual_seed(1))
    again = load(save_sae_lens(d, tmp_path / "sae"))
    torch.testing.assert_close(again.encode(x), d.encode(x), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(again(x), d(x), atol=1e-5, rtol=1e-5)
    assert again.about == {"model": "m", "site": "blocks.1.out", "from": "SAELens"}


def test_what_saelens_does_not_have_is_refused(tmp_path):
    for d, why in (
        (Dictionary(6, 14, TopK(3), parts=(2, 4)), "crosscoders"),
        (Dictionary(6, 14, TopK(3), 4), "no transcoder with TopK"),
        (Dictionary(6, 14, BatchTopK(3)), "no threshold yet"),
    ):
        with pytest.raises(GlassbookError, match=why):
            save_sae_lens(d, tmp_path / "sae")
    assert not (tmp_path / "sae").exists()


# --- layouts whose own programs cannot be installed: the definitions, written out -----------------------------------


def test_gemma_scope(tmp_path):
    g = torch.Generator().manual_seed(3)
    W = {"W_enc": (6, 14), "W_dec": (14, 6), "b_enc": (14,), "b_dec": (6,), "threshold": (14,)}
    W = {name: torch.randn(shape, generator=g) for name, shape in W.items()}
    W["threshold"].abs_()
    x = torch.randn(9, 6, generator=g)
    for place in ("layer_1/width_14/average_l0_3", "transcoder/layer_1"):
        path = tmp_path / place / "params.npz"
        path.parent.mkdir(parents=True)
        np.savez(path, **{name: t.numpy() for name, t in W.items()})
        pre = x @ W["W_enc"] + W["b_enc"]
        codes = pre.relu() * (pre > W["threshold"])
        for d in (load(path), load(path.parent)):
            torch.testing.assert_close(d.encode(x), codes, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(d(x), codes @ W["W_dec"] + W["b_dec"], atol=1e-5, rtol=1e-5)
            assert d.transcodes == place.startswith("transcoder")


@pytest.mark.parametrize("kind", ["ReLU", "TopK"])
def test_openai(kind, tmp_path):
    g = torch.Generator().manual_seed(4)
    shapes = {"pre_bias": (6,), "latent_bias": (14,), "encoder.weight": (14, 6), "decoder.weight": (6, 14)}
    W = {name: torch.randn(shape, generator=g) for name, shape in shapes.items()}
    more = {"stats_last_nonzero": torch.zeros(14, dtype=torch.int64), "activation": kind}
    torch.save({**W, **more, "activation_state_dict": {"k": 3} if kind == "TopK" else {}}, tmp_path / "layer5.pt")
    x = torch.randn(9, 6, generator=g) * 3 + 1
    h, mean, size = x, 0.0, 1.0
    if kind == "TopK":
        mean = x.mean(-1, keepdim=True)
        size = (x - mean).std(-1, keepdim=True)
        h = (x - mean) / (size + 1e-5)
    pre = (h - W["pre_bias"]) @ W["encoder.weight"].T + W["latent_bias"]
    if kind == "TopK":
        values, at = pre.topk(3)
        codes = torch.zeros_like(pre).scatter_(1, at, values.relu())
    else:
        codes = pre.relu()
    d = load(tmp_path / "layer5.pt")
    torch.testing.assert_close(d.encode(x), codes, atol=1e-5, rtol=1e-5)
    wanted = (codes @ W["decoder.weight"].T + W["pre_bias"]) * size + mean
    torch.testing.assert_close(d(x), wanted, atol=1e-5, rtol=1e-5)


# --- files that must not be loaded ----------------------------------------------------------------------------------


class Evil:
    def __reduce__(self):
        return (print, ("this code ran",))


def one_line(path, words, capsys=None):
    with pytest.raises(GlassbookError, match=words) as problem:
        load(path)
    assert "\n" not in str(problem.value)


def test_pickles_run_no_code(tmp_path, capsys):
    (tmp_path / "a.pt").write_bytes(pickle.dumps({"encoder.weight": Evil()}))
    one_line(tmp_path / "a.pt", "would run code")
    torch.save({"encoder.weight": Evil()}, tmp_path / "b.pt")
    one_line(tmp_path / "b.pt", "would run code")
    np.savez(tmp_path / "params.npz", W_enc=np.array([Evil()], dtype=object))
    one_line(tmp_path / "params.npz", "would run code")
    assert "this code ran" not in capsys.readouterr().out


def copy(name, tmp_path):
    return Path(shutil.copytree(FILES / name, tmp_path / "copy"))


def change(folder, file, **changed):
    tensors = load_file(folder / file)
    save_file({name: t for name, t in (tensors | changed).items() if t is not None}, folder / file)


def test_damaged_files_are_refused(tmp_path):
    one_line(tmp_path / "nothing", "there is no file or folder")
    (tmp_path / "empty").mkdir()
    one_line(tmp_path / "empty", "holds no dictionary")
    folder = copy("sae_lens/topk", tmp_path)
    weights = folder / "sae_weights.safetensors"
    change(folder, weights.name, W_dec=torch.full((14, 6), torch.nan))
    one_line(folder, "not finite")
    change(folder, weights.name, W_dec=torch.zeros(13, 6))
    one_line(folder, "damaged")
    change(folder, weights.name, W_dec=torch.zeros(14, 6), b_enc=torch.zeros(13))
    one_line(folder, "b_enc has shape")
    change(folder, weights.name, b_enc=None)
    one_line(folder, "has no b_enc")
    weights.write_bytes(weights.read_bytes()[:100])
    one_line(folder, "damaged")
    (folder / "cfg.json").write_text("{")
    one_line(folder, "JSON")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"normalize_activations": "covariance_whitening"}, "'covariance_whitening', which is not supported"),
        ({"architecture": "temporal"}, "not supported"),
        ({"finetuning_scaling_factor": True}, "scaling factor"),
        ({"k": 99}, "k = 99"),
        ({"k": "many"}, "how many latents"),
    ],
)
def test_settings_that_no_weights_can_express_are_refused(changed, words, tmp_path):
    folder = copy("sae_lens/topk", tmp_path)
    settings = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps(settings | changed))
    one_line(folder, words)
