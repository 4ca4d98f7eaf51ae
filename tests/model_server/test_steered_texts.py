"""Steered texts: each prompt by itself, the random control, and what the highlights say."""

from __future__ import annotations

import shutil

import pytest
import torch
from tiny_models import chat_model

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary
from glassbook.features.dashboard import build_dashboard
from glassbook.model_server import continuations
from glassbook.model_server.highlights import words
from glassbook.model_server.sources import opened
from glassbook.model_server.steered_texts import steer_texts
from glassbook.nets import model_path, open_model
from glassbook.nets.chat import chat_prompt
from glassbook.notebook import Notebook
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.steer import in_norms, mean_difference
from glassbook.steer.spec import read_settings
from glassbook.trace import read_sites

PAIR = {"plus": " bride", "minus": " storm", "site": "blocks.2.in", "coeff": 2}
PROMPTS = ["The", "One day, Tam came to the ford.", "The heron"]
SITE = "blocks.3.out"


@pytest.fixture(scope="module")
def lm():
    return open_model("builtin")


@pytest.fixture(scope="module")
def feature(tmp_path_factory, lm):
    """A notebook, and as a source the most active feature of the built-in dictionary on a few sentences."""
    nb = Notebook.create(tmp_path_factory.mktemp("steered") / "nb")
    ids = torch.tensor(lm.encode("The heron slept near the mill weir. The fox ran to the ford."))
    with nb.start_run("toy", {}) as run:
        d = Dictionary.load(model_path("builtin").parent / "dictionary.safetensors")
        d.save(run.artifact("d.safetensors"))
        x = read_sites(lm.model, {"input_ids": ids[None]}, [SITE])[SITE][0]
        about = {"model": "builtin", "site": SITE, "dictionary": "d.safetensors"}
        build_dashboard(
            d, x, lm, run.folder / "artifacts", tokens=ids, sequence=torch.zeros(len(ids)), about=about
        )  # fmt: skip
    rows, _ = FeatureDashboard(run.folder).rows(order="density", descending=True, limit=1)
    return nb, {"run": run.id, "index": rows[0].index, "coeff": 0.5}, d, rows[0].max


def steered(lm, source, nb=None, **changed):
    settings = {"sources": [source], "prompts": PROMPTS, "tokens": 12, "random": True, **changed}
    with torch.no_grad():
        return steer_texts(nb, lm, read_settings(settings))  # a pair needs no notebook


@pytest.mark.parametrize("temperature", [0.8, 0.0])
def test_a_prompts_texts_do_not_depend_on_the_other_prompts(lm, temperature):
    together = steered(lm, PAIR, temperature=temperature)["results"]
    alone = [steered(lm, PAIR, prompts=[prompt], temperature=temperature)["results"][0] for prompt in PROMPTS]
    backwards = steered(lm, PAIR, prompts=PROMPTS[::-1], temperature=temperature)["results"][::-1]
    assert together == alone == backwards


def test_plain_texts_are_those_of_the_model_itself(lm):
    for result in steered(lm, PAIR, seed=3)["results"]:
        prompt = result["prompt"]
        assert result["plain"] == prompt + lm.generate(prompt, tokens=12, temperature=0.8, seed=3)[0]


def test_plain_texts_are_generated_once_for_all_strengths(lm, monkeypatch):
    steered(lm, PAIR, seed=11)
    asked = []
    generate = continuations._generate
    monkeypatch.setattr(continuations, "_generate", lambda *given: asked.append(given) or generate(*given))
    steered(lm, {**PAIR, "coeff": 1}, seed=11, random=False)
    assert len(asked) == len(PROMPTS)


def test_the_random_vector_is_seeded_and_left_out_unless_asked_for(lm):
    one, again, other = (steered(lm, PAIR, seed=seed) for seed in (0, 0, 1))
    assert one == again
    assert one["control"].keys() == {"words_changed", "nll", "distinct_2"}
    assert [r["random"] for r in one["results"]] != [r["random"] for r in other["results"]]
    without = steered(lm, PAIR, random=False)
    assert without["control"] is None
    assert all(r.keys() == {"prompt", "plain", "steered", "pieces"} for r in without["results"])
    for with_it, result in zip(one["results"], without["results"], strict=True):
        assert result["steered"] == with_it["steered"]


def test_words_that_the_plain_text_lacks_are_marked(lm):
    answer = steered(lm, PAIR)
    assert answer["highlights"] == "words"
    assert answer["active_tokens"] == {}
    marked = total = 0
    for result in answer["results"]:
        for name in ("plain", "steered", "random"):
            pieces = result["pieces"][name]
            assert result["prompt"] + "".join(text for text, _ in pieces) == result[name]
        assert not any(value for _, value in result["pieces"]["plain"])
        marked += sum(value > 0 for _, value in result["pieces"]["steered"])
        total += len(words(result["steered"].removeprefix(result["prompt"])))
    assert 0 < answer["words_changed"] == pytest.approx(marked / total, abs=1e-4)


def test_a_feature_tints_the_tokens_that_it_is_active_on(lm, feature):
    nb, source, d, largest = feature
    answer = steered(lm, source, nb)
    assert answer["highlights"] == "activation"
    for result in answer["results"]:
        for name in ("plain", "steered", "random"):
            prompt, text = result["prompt"], result[name]
            pieces = result["pieces"][name]
            assert prompt + "".join(piece for piece, _ in pieces) == text
            ids = lm.encode(text)
            if lm.encode(prompt) != ids[: len(lm.encode(prompt))] or len(ids) - len(lm.encode(prompt)) != len(pieces):
                continue  # what was generated is cut into other tokens when it is read
            x = read_sites(lm.model, {"input_ids": torch.tensor([ids])}, [SITE])[SITE][0]
            expected = d.encode(x)[-len(pieces) :, source["index"]] / largest
            assert [value for _, value in pieces] == pytest.approx(expected.tolist(), abs=2e-3)
    active = answer["active_tokens"]
    assert active.keys() == {"plain", "steered", "random"}
    values = [value for result in answer["results"] for _, value in result["pieces"]["steered"]]
    assert active["steered"] == pytest.approx(sum(value > 0 for value in values) / len(values), abs=1e-4)


def test_a_feature_of_strength_zero_is_read_all_the_same(lm, feature):
    nb, source, _, _ = feature
    answer = steered(lm, {**source, "coeff": 0}, nb)
    assert answer["highlights"] == "activation"
    assert all(r["plain"] == r["steered"] == r["random"] for r in answer["results"])
    assert answer["active_tokens"]["steered"] == answer["active_tokens"]["plain"]
    assert answer["words_changed"] == 0


def test_what_differs_from_a_dictionarys_training_is_said(lm, feature):
    nb, source, _, _ = feature
    assert steered(lm, source, nb)["notes"] == []
    with nb.start_run("toy", {}) as run:
        other = Dictionary.load(model_path("builtin").parent / "dictionary.safetensors")
        other.about = {**other.about, "settings": {"prepend_bos": False}}
        other.save(run.artifact("d.safetensors"))
        made, here = (folder / "artifacts" for folder in (nb.run(source["run"]).folder, run.folder))
        shutil.copytree(made, here, ignore=shutil.ignore_patterns("d.safetensors"), dirs_exist_ok=True)
    answer = steered(lm, {**source, "run": run.id}, nb)
    assert answer["notes"] == ["it was learnt from texts that no BOS token begins, and here one begins every text"]
    assert answer["results"] == steered(lm, source, nb)["results"]


def test_a_chat_model_is_asked_by_its_template():
    lm = chat_model()
    source = {"plus": ["the cat"], "minus": ["a dog"], "site": "model.layers.0.in", "coeff": 4}
    said = steered(lm, source, prompts=["a cat"], chat=True, temperature=0.0)["results"][0]
    assert said["prompt"] == "a cat"
    assert said["plain"] == "a cat\n" + lm.generate(chat_prompt(lm, "a cat"), tokens=12)[0]
    continued = steered(lm, source, prompts=["a cat"], temperature=0.0)["results"][0]["plain"]
    assert continued == "a cat" + lm.generate("a cat", tokens=12)[0]
    with pytest.raises(GlassbookError, match="has no chat template"):
        steered(chat_model(None), source, prompts=["a cat"], chat=True)


def test_lists_of_texts_steer_by_the_difference_of_their_means(lm):
    plus, minus = ["The bride smiled.", "A wedding in spring."], ["The storm came."]
    source = {"plus": plus, "minus": minus, "site": "blocks.2.in"}
    v, detector, notes = opened(None, lm, read_settings({"sources": [source], "prompts": ["x"]}).sources[0])
    assert detector is None
    assert not notes
    expected = in_norms(lm, mean_difference(lm, plus, minus, "blocks.2.in", token="mean"))
    torch.testing.assert_close(v.rows["blocks.2.in"], expected.rows["blocks.2.in"])
    said = steered(lm, {**source, "coeff": 1.5}, temperature=0.0)
    assert said["effect"]["changed_tokens"] > 0
    assert "“The bride smiled.”" in said["label"]
