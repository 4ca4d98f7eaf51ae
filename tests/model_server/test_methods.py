"""The model server: a real process on the built-in model, asked as the notebook in a browser asks it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from glassbook.assets.reference import reference_runs
from glassbook.errors import GlassbookError
from glassbook.features import Dictionary
from glassbook.features.dashboard import build_dashboard
from glassbook.model_server import ModelServer, available_models
from glassbook.nets import model_path, open_model, save_model
from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.steer import actadd
from glassbook.trace import read_sites


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A notebook with a run that kept a dictionary, its dashboard, a vector and a model."""
    nb = Notebook.create(tmp_path_factory.mktemp("server") / "nb")
    lm = open_model("builtin")
    with nb.start_run("toy", {}) as run:
        d = Dictionary.load(model_path("builtin").parent / "dictionary.safetensors")
        d.save(run.artifact("d.safetensors"))
        x = torch.randn(50, d.d_in, generator=torch.Generator().manual_seed(0))
        about = {"model": "builtin", "site": "blocks.3.out", "dictionary": "d.safetensors"}
        build_dashboard(
            d, x, lm, run.folder / "artifacts", tokens=torch.arange(50), sequence=torch.zeros(50), about=about
        )
        actadd(lm, " winter", " summer", "blocks.2.in").save(run.artifact("v.safetensors"))
        lm_folder = run.artifact("model")
        save_model(lm, lm_folder)
    return nb


@pytest.fixture(scope="module")
def ask(notebook):
    """Requests to one model server, in one loop."""
    server, loop = ModelServer(notebook.folder), asyncio.new_event_loop()

    def call(method, **params):
        return loop.run_until_complete(server.call(method, **params))

    call.server, call.loop = server, loop
    yield call
    loop.run_until_complete(server.close())
    loop.close()


def test_the_client_imports_no_torch():
    code = "import sys, glassbook.model_server; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_models_are_found_without_opening_any(ask, notebook):
    names = [model["name"] for model in available_models(notebook) if model["origin"] != "published"]
    run = notebook.runs()[0].id
    assert names == ["builtin", "builtin-vae", f"run:{run}/model"]
    assert ask.server._process is None


def test_a_model_says_what_it_is(ask, notebook):
    said = ask("open", model="builtin")
    assert said["parameters"] == 1_476_224
    assert said["blocks"] == [f"blocks.{i}" for i in range(6)]
    sites = {site["name"]: site for site in said["sites"]}
    form = "tokens × 128"
    assert sites["blocks.3.out"] == {"name": "blocks.3.out", "shape": [1, 4, 128], "dtype": "float32", "form": form}
    assert sites["blocks.0.attn.pattern.out"]["form"] == "2 × tokens × tokens"
    assert sites["in#0"]["form"] == "tokens"
    assert ask("open", model=f"run:{notebook.runs()[0].id}/model")["parameters"] == 1_476_224


def test_samples_are_those_of_the_model(ask):
    said = ask("sample", model="builtin", prompt="The fox", tokens=12, temperature=0.8, seed=3)["text"]
    assert said == open_model("builtin").generate(["The fox"], tokens=12, temperature=0.8, seed=3)[0]
    assert said == ask("sample", model="builtin", prompt="The fox", tokens=12, temperature=0.8, seed=3)["text"]


def test_attention_looks_back_and_sums_to_one(ask):
    said = ask("attention", model="builtin", prompt="The fox slept near the old bridge.")
    assert len(said["layers"]) == 6
    for layer in said["layers"]:
        pattern = torch.tensor(layer["heads"])
        assert pattern.shape == (2, len(said["tokens"]), len(said["tokens"]))
        assert pattern.triu(1).abs().max() == 0
        torch.testing.assert_close(pattern.sum(-1), torch.ones(pattern.shape[:2]), atol=0.02, rtol=0)


def test_attention_is_what_the_model_computes():
    """Patterns times values, through the output projection, are what the layer gave out."""
    from glassbook.model_server.attention import attention
    from glassbook.trace import trace

    lm = open_model("builtin")
    ids = torch.tensor([lm.encode("The fox slept near the old bridge.")])
    with torch.no_grad(), trace(lm.model, read=["blocks.2.attn.v.out", "blocks.2.attn.out"]) as t:
        lm.model(input_ids=ids)
    with torch.no_grad():
        pattern = attention(lm, ids)["blocks.2"]
        layer, c = lm.model.blocks[2].attn, lm.model.config
        v = t["blocks.2.attn.v.out"].view(ids.shape[1], c.n_kv_heads, c.head_dim).transpose(0, 1)
        v = v.repeat_interleave(c.n_heads // c.n_kv_heads, dim=0)
        out = layer.o((pattern @ v).transpose(0, 1).reshape(ids.shape[1], -1))
    torch.testing.assert_close(out, t["blocks.2.attn.out"][0], atol=1e-4, rtol=1e-3)


def test_attention_and_lens_of_a_model_of_transformers():
    from transformers import GPT2Config, GPT2LMHeadModel

    from glassbook.circuits import logit_lens
    from glassbook.model_server.attention import attention
    from glassbook.nets import LanguageModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=2, n_positions=32)
    lm = LanguageModel(GPT2LMHeadModel(config).eval(), None, "gpt2")
    ids = torch.arange(7)[None]
    with torch.no_grad():
        plain = lm.model(input_ids=ids).logits
        patterns, layers = attention(lm, ids), logit_lens(lm, {"input_ids": ids})
        torch.testing.assert_close(lm.model(input_ids=ids).logits, plain, atol=0, rtol=0)
    assert [p.shape for p in patterns.values()] == [(2, 7, 7)] * 2
    torch.testing.assert_close(layers["transformer.h.1"], plain, atol=1e-5, rtol=1e-4)
    assert lm.model.config._attn_implementation == "sdpa"


def test_the_last_layer_of_the_lens_is_the_model(ask):
    said = ask("lens", model="builtin", prompt="The fox slept", top=2)
    lm = open_model("builtin")
    with torch.no_grad():
        p = lm.model(input_ids=torch.tensor([lm.encode("The fox slept")])).logits[0].softmax(-1)
    best = p.topk(2)
    for t, cell in enumerate(said["layers"][-1]["cells"]):
        assert [c["token"] for c in cell] == lm.tokens(best.indices[t])
        assert [c["p"] for c in cell] == pytest.approx(best.values[t].tolist(), abs=1e-3)


SETTINGS = {"model": "builtin", "prompts": ["The fox walked along the"], "tokens": 10, "temperature": 0.0, "seed": 0}
PAIR = {"plus": " winter", "minus": " summer", "site": "blocks.2.in"}


def test_strength_zero_changes_nothing(ask):
    said = ask("steer", sources=[{**PAIR, "coeff": 0}], **SETTINGS)
    assert said["results"][0]["plain"] == said["results"][0]["steered"]
    assert said["effect"] == {"changed_tokens": 0, "preference_nats": 0}
    assert said["damage"]["nll_plain"] == said["damage"]["nll_steered"]


@pytest.mark.parametrize("where", ["everywhere", "during-prompt", "after-prompt", "last"])
def test_features_pairs_and_files_steer_together(ask, notebook, where):
    run = notebook.runs()[0].id
    strongest = FeatureDashboard(notebook.runs()[0].folder).rows(order="max", descending=True)[0][0].index
    sources = [
        {**PAIR, "coeff": 20},
        {"run": run, "index": strongest, "coeff": 8},
        {"run": run, "artifact": "v.safetensors", "coeff": -2},
    ]
    said = ask("steer", sources=sources, where=where, **SETTINGS)
    assert said["results"][0]["plain"] != said["results"][0]["steered"]
    assert said["effect"]["changed_tokens"] > 0
    if where != "during-prompt":  # the new tokens themselves are not steered then, and may be likelier
        assert said["effect"]["preference_nats"] > 0
        assert said["damage"]["nll_steered"] > said["damage"]["nll_plain"]
    assert said == ask("steer", sources=sources, where=where, **SETTINGS)


@pytest.mark.shipped_evidence
def test_features_of_the_built_in_dictionary_steer_without_a_run(ask):
    (shipped,) = (run for run in reference_runs("dictionary-learning") if FeatureDashboard.exists(run.folder))
    dashboard = FeatureDashboard(shipped.folder)
    assert dashboard.header["dictionary"] == "builtin"
    best = dashboard.rows(order="score", descending=True, limit=1)[0][0].index
    said = ask("steer", sources=[{"run": shipped.id, "index": best, "coeff": 1}], where="everywhere", **SETTINGS)
    assert said["results"][0]["plain"] != said["results"][0]["steered"]
    assert said["highlights"] == "activation"
    tours = FeatureDashboard(reference_runs("tour")[0].folder).rows(limit=1)[0][0].index
    for run, index, told in (
        (shipped.id, 10**6, "this dashboard has 100 of the best"),
        ("reference-tour-0", tours, "names no dictionary"),  # its own did not ship
    ):
        with pytest.raises(GlassbookError, match=told):
            ask("steer", sources=[{"run": run, "index": index, "coeff": 1}], where="everywhere", **SETTINGS)


@pytest.mark.parametrize(
    ("method", "params", "part"),
    [
        ("nonsense", {}, "there is no method"),
        ("open", {"model": "/no/such/model"}, "no such file"),
        ("open", {"model": "run:../../etc/passwd"}, "no run"),
        ("open", {}, "is not valid"),
        ("open", {"model": "builtin", "more": 1}, "is not valid"),
        ("attention", {"model": "builtin", "prompt": "word " * 2000}, "takes 1 to"),
        ("steer", {**SETTINGS, "sources": [{**PAIR, "coeff": 21}]}, "sources.0.coeff"),
        ("steer", {**SETTINGS, "sources": [{"kind": "x"}]}, "sources.0"),
        ("steer", {**SETTINGS, "sources": [PAIR], "where": "nowhere"}, "no position rule"),
        ("sample", {"model": "builtin", "prompt": "x", "tokens": 100000}, "context"),
    ],
)
def test_what_cannot_be_answered_is_one_line(ask, method, params, part):
    with pytest.raises(GlassbookError, match=part) as error:
        ask(method, **params)
    assert "\n" not in str(error.value)


def test_a_killed_process_is_started_again(ask):
    ask("tokens", model="builtin", text="fox")
    os.kill(ask.server._process.pid, signal.SIGKILL)
    assert ask("tokens", model="builtin", text="fox")["tokens"]


def test_weights_that_were_replaced_on_disk_are_opened_anew(ask, tmp_path):
    lm = open_model("builtin")
    save_model(lm, tmp_path / "model")
    before = ask("sample", model=str(tmp_path / "model"), prompt="One day", tokens=12, temperature=0.0)["text"]
    with torch.no_grad():
        lm.model.get_submodule("blocks.2.mlp.down").weight.mul_(-1)
    save_model(lm, tmp_path / "model")
    after = ask("sample", model=str(tmp_path / "model"), prompt="One day", tokens=12, temperature=0.0)["text"]
    assert after == lm.generate("One day", tokens=12)[0] != before


def test_two_questions_at_once_are_both_answered(ask):
    async def both():
        return await asyncio.gather(*(ask.server.call("tokens", model="builtin", text=t) for t in ("a fox", "an owl")))

    one, two = ask.loop.run_until_complete(both())
    assert "".join(t["text"] for t in one["tokens"]).endswith("fox")
    assert "".join(t["text"] for t in two["tokens"]).endswith("owl")


def test_nobody_asks_and_it_ends(notebook):
    async def asked_once():
        server = ModelServer(notebook.folder, idle=0.2)
        await server.call("tokens", model="builtin", text="fox")
        process = server._process
        await asyncio.wait_for(process.wait(), 20)
        assert (await server.call("tokens", model="builtin", text="fox"))["tokens"]
        await server.close()

    asyncio.run(asked_once())


@pytest.mark.parametrize("kind", ["tuned", "jacobian", "permuted"])
def test_every_lens_ends_in_the_model_and_differs_before(ask, kind):
    logit, other = (ask("lens", model="builtin", prompt="The fox slept", kind=k) for k in ("logit", kind))
    assert (logit["kind"], other["kind"]) == ("logit", kind)
    assert logit["layers"][-1] == other["layers"][-1]
    assert logit["layers"][0] != other["layers"][0]


def test_a_model_that_nobody_fitted_a_lens_to_says_how_to(ask, tmp_path):
    saved = tmp_path / "model"
    shutil.copytree(model_path("builtin"), saved)
    with pytest.raises(GlassbookError, match="glassbook run lenses --model"):
        ask("lens", model=str(saved), prompt="The fox slept", kind="jacobian")


@pytest.mark.shipped_evidence
def test_a_feature_on_ones_own_text(ask):
    """The values are the dictionary's own, as shares of the largest that the dashboard records."""
    record = next(r for r in reference_runs("dictionary-learning") if FeatureDashboard.exists(r.folder))
    index = FeatureDashboard(record.folder).rows("time: night", order="score", descending=True)[0][0].index
    tokens = ask(
        "activations",
        model="builtin",
        run=record.id,
        index=index,
        text="Nobody slept that night, and in the morning it was gone.",
    )["tokens"]
    assert max(tokens, key=lambda pair: pair[1])[0] == " night"
    lm = open_model("builtin")
    d = Dictionary.load(model_path("builtin").parent / "dictionary.safetensors").eval()
    ids = torch.tensor([lm.encode("Nobody slept that night, and in the morning it was gone.")])
    x = read_sites(lm.model, {"input_ids": ids}, ["blocks.3.out"])["blocks.3.out"][0]
    expected = d.encode(x)[:, index] / FeatureDashboard(record.folder).feature(index).max
    assert [value for _, value in tokens] == pytest.approx(expected.tolist(), abs=1e-3)
    with pytest.raises(GlassbookError, match="no feature"):
        ask("activations", model="builtin", run=record.id, index=10**6, text="a")
