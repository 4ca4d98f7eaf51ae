"""A folder's generation settings: what ends a text counts, everything else does not."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import TOKENIZER, VOCAB, tiny
from transformers import AutoModelForCausalLM

from glassbook.errors import GlassbookError
from glassbook.nets import LM, LanguageModel, open_model, save_model

PROMPTS = ["the cat sat", "the dog"]
FAMILIES = ["llama", "gpt2", "mistral"]  # the first opens as ours
SETTINGS = [
    {"no_repeat_ngram_size": 1},
    {"bad_words_ids": [[i] for i in range(3, VOCAB - 1)]},
    {"suppress_tokens": list(range(3, VOCAB - 1)), "begin_suppress_tokens": [5]},
    {"sequence_bias": [[[VOCAB - 1], 100.0]]},
    {"guidance_scale": 3.0, "repetition_penalty": 5.0, "encoder_repetition_penalty": 3.0},
    {"forced_eos_token_id": 1, "min_new_tokens": 1, "max_time": 1e-4},
    {"exponential_decay_length_penalty": [1, 5.0], "stop_strings": ["a"], "max_length": 2},
    {"return_dict_in_generate": True, "output_scores": True, "output_attentions": True},
    {"num_return_sequences": 2, "num_beams": 3, "renormalize_logits": True, "prompt_lookup_num_tokens": 2},
    {"min_p": 0.5, "typical_p": 0.2, "epsilon_cutoff": 0.5, "eta_cutoff": 0.5, "top_k": 1, "top_h": 0.1},
    {"do_sample": True, "temperature": 0.1, "cache_implementation": "static", "use_cache": False},
]


def folder_of(kind: str, folder: Path, **change: Any) -> Path:
    tiny(kind, **change).save_pretrained(folder)
    TOKENIZER.save(folder)
    (folder / "generation_config.json").unlink()
    return folder


def write(file: Path, **facts: Any) -> None:
    file.write_text(json.dumps((json.loads(file.read_text()) if file.exists() else {}) | facts))


def until(ids: list[int], *ends: int) -> list[int]:
    return ids[: next((i for i, id in enumerate(ids) if id in ends), len(ids))]


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_text_ends_at_any_of_the_tokens_that_the_folder_names(kind: str, tmp_path: Path):
    folder = folder_of(kind, tmp_path)
    lm = open_model(folder)
    assert isinstance(lm.model, LM) == (kind == "llama")
    free = lm.generate_ids(PROMPTS, tokens=16)
    one, two = free[0][3], free[1][5]
    for generation, config, ends in [
        ({"eos_token_id": [1, one, two]}, {}, (1, one, two)),
        ({"eos_token_id": two}, {"eos_token_id": one}, (two,)),
        ({"temperature": 0.5}, {"eos_token_id": [one, 1]}, (one, 1)),
        ({}, {"eos_token_id": one}, (one,)),
        ({}, {"eos_token_id": None}, (1,)),  # the tokenizer's
        ({"eos_token_id": [VOCAB + 50]}, {}, (1,)),  # the model cannot say it
    ]:
        (folder / "generation_config.json").write_text(json.dumps(generation))
        if not generation:
            (folder / "generation_config.json").unlink()
        write(folder / "config.json", **config)
        lm = open_model(folder)
        want = [until(ids, *ends) for ids in free]
        assert lm.generate_ids(PROMPTS, tokens=16) == want
        if ends[0] == 1:
            assert lm.generate_ids(PROMPTS[:1], tokens=16, use_cache=False) == want[:1]


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_saved_model_ends_its_texts_as_before_here_and_in_transformers(kind: str, tmp_path: Path):
    folder = folder_of(kind, tmp_path / "first")
    free = open_model(folder).generate_ids(PROMPTS[:1], tokens=8)[0]
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, free[3]]}))
    save_model(open_model(folder), tmp_path / "again")
    lm, want = open_model(tmp_path / "again"), until(free, free[3])
    assert lm.generate_ids(PROMPTS[:1], tokens=8) == [want]
    theirs, ids = AutoModelForCausalLM.from_pretrained(tmp_path / "again").eval(), lm.batch(PROMPTS[:1])["input_ids"]
    new = theirs.generate(ids, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :].tolist()
    assert new == [*want, free[3]]


def test_our_model_fills_up_an_ended_row_and_stops_when_all_have_ended():
    model = LanguageModel(LM(_config()).eval(), TOKENIZER, "ours").model
    assert isinstance(model, LM)
    ids = torch.tensor([[5, 6], [7, 8]])
    free = model.generate(ids, max_new_tokens=8)[:, 2:].tolist()
    ends = [free[0][1], free[1][3]]
    got = model.generate(ids, max_new_tokens=8, eos_token_id=ends)[:, 2:].tolist()
    for have, plain in zip(got, free, strict=True):
        n = len(until(plain, *ends)) + 1
        assert have == [*plain[:n], *[ends[0]] * (len(have) - n)]
    assert torch.equal(model.generate(ids, max_new_tokens=8, eos_token_id=[]), model.generate(ids, max_new_tokens=8))


def _config():
    from glassbook.nets import LMConfig

    torch.manual_seed(1)
    return LMConfig(VOCAB, 32, 2, 4, 2, 48, 64, tied=False)


@pytest.mark.parametrize("content", ["{", "[]", '{"eos_token_id": "</s>"}', '{"eos_token_id": [1, null]}'])
@pytest.mark.parametrize("kind", FAMILIES[:2])
def test_settings_that_make_no_sense_are_one_line(kind: str, content: str, tmp_path: Path):
    folder = folder_of(kind, tmp_path)
    (folder / "generation_config.json").write_text(content)
    with pytest.raises(GlassbookError, match=r"eos_token_id|generation_config") as error:
        open_model(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["gpt2", "mistral", "mamba"])
def test_all_other_settings_of_a_folder_are_left_alone(kind: str, tmp_path: Path):
    folder = folder_of(kind, tmp_path)
    lm = open_model(folder)
    greedy, sampled = (lm.generate_ids(PROMPTS, tokens=6, temperature=t) for t in (0.0, 1.0))
    everything = {key: value for some in SETTINGS for key, value in some.items()}
    for facts in [*SETTINGS, everything] if kind == "gpt2" else [everything]:
        write(folder / "generation_config.json", **facts)
        lm = open_model(folder)
        assert lm.generate_ids(PROMPTS, tokens=6) == greedy, facts
        assert lm.generate_ids(PROMPTS, tokens=6, temperature=1.0) == sampled, facts
        (folder / "generation_config.json").unlink()
    save_model(lm, tmp_path / "again")
    assert open_model(tmp_path / "again").generate_ids(PROMPTS, tokens=6) == greedy
    # older checkpoints keep such settings in config.json
    write(folder / "config.json", **SETTINGS[0] | SETTINGS[4] | SETTINGS[6])
    assert open_model(folder).generate_ids(PROMPTS, tokens=6) == greedy


def test_the_settings_of_a_model_of_ones_own_are_left_alone_and_kept():
    lm = LanguageModel(tiny("gpt2"), TOKENIZER, "mine")
    greedy, sampled = (lm.generate_ids(PROMPTS, tokens=6, temperature=t) for t in (0.0, 1.0))
    own = lm.model.generation_config
    for facts in SETTINGS:
        own.update(**facts)
    for _ in range(2):
        assert lm.generate_ids(PROMPTS, tokens=6) == greedy
        assert lm.generate_ids(PROMPTS, tokens=6, temperature=1.0) == sampled
    assert lm.model.generation_config is own
    assert own.num_beams == 3
    own.eos_token_id = [1, greedy[0][2]]  # but what ends a text counts
    assert lm.generate_ids(PROMPTS, tokens=6)[0] == until(greedy[0], greedy[0][2])
