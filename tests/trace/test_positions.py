"""Absolute positions: the same with and without a KV cache, and however prompts are padded."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets import LM
from glassbook.trace import allow_identity, trace
from glassbook.trace.positions import Forward

PROMPTS = [[5, 17, 9, 33, 21, 8], [40, 3, 12], [7]]
V = torch.linspace(-3, 3, 32)

RULES = {
    "the third token": lambda at: at.pos == 2,
    "from the fourth token": lambda at: at.pos >= 3,
    "after the prompt": lambda at: at.pos >= at.prompt[:, None],
    "the prompt": lambda at: (at.pos >= 0) & (at.pos < at.prompt[:, None]),
    "last of the prompt": lambda at: at.pos == at.prompt[:, None] - 1,
    "everywhere": lambda at: at.real,
}


def batch(side: str) -> dict[str, torch.Tensor]:
    width = max(map(len, PROMPTS))
    ids, mask = torch.zeros(len(PROMPTS), width, dtype=torch.long), torch.zeros(len(PROMPTS), width, dtype=torch.long)
    for i, prompt in enumerate(PROMPTS):
        where = slice(width - len(prompt), None) if side == "left" else slice(len(prompt))
        ids[i, where], mask[i, where] = torch.tensor(prompt), 1
    return {"input_ids": ids, "attention_mask": mask}


def generate(model: nn.Module, inputs: dict, use_cache: bool, new: int = 6, **more) -> torch.Tensor:
    extra = {} if isinstance(model, LM) else {"do_sample": False, "pad_token_id": 0, **more}
    return model.generate(**inputs, max_new_tokens=new, use_cache=use_cache, **extra)[:, inputs["input_ids"].shape[1] :]


def adding(rule, seen=None):
    def fn(x, at):
        if seen is not None:
            seen.append((at.phase, at.pos.tolist()))
        return x + rule(at)[..., None] * V

    return fn


@pytest.mark.parametrize("rule", RULES)
def test_cache_on_equals_cache_off(lm, layers, rule):
    site, inputs = f"{layers(lm)}.1.in", batch("left")
    with trace(lm, edit={site: adding(RULES[rule])}):
        cached = generate(lm, inputs, True)
    with trace(lm, edit={site: adding(RULES[rule])}):
        again = generate(lm, inputs, False)
    assert torch.equal(cached, again)
    assert not torch.equal(cached, generate(lm, inputs, True))  # the edit matters, so that equality means something
    alone = []
    for prompt in PROMPTS:
        with trace(lm, edit={site: allow_identity(adding(RULES[rule]))}):
            alone.append(generate(lm, {"input_ids": torch.tensor([prompt])}, True))
    assert torch.equal(cached, torch.cat(alone))


@pytest.mark.parametrize("rule", RULES)
def test_left_padded_equals_right_padded_equals_alone(lm, layers, rule):
    site = f"{layers(lm)}.1.out"
    logits = {}
    for side in ("left", "right"):
        inputs = batch(side)
        if not isinstance(lm, LM):  # raw transformers do not correct positions for left padding
            inputs["position_ids"] = (inputs["attention_mask"].cumsum(1) - 1).clamp_min(0)
        with torch.no_grad(), trace(lm, edit={site: allow_identity(adding(RULES[rule]))}):
            out = lm(**inputs).logits
        logits[side] = [row[mask.bool()] for row, mask in zip(out, inputs["attention_mask"], strict=True)]
    for i, prompt in enumerate(PROMPTS):
        with torch.no_grad(), trace(lm, edit={site: allow_identity(adding(RULES[rule]))}):
            alone = lm(torch.tensor([prompt])).logits[0]
        assert (logits["left"][i] - alone).abs().max() <= 1e-4
        assert (logits["right"][i] - alone).abs().max() <= 1e-4


def test_positions_and_phases_of_generation(lm, layers):
    left = [[0, 1, 2, 3, 4, 5], [-1, -1, -1, 0, 1, 2], [-1, -1, -1, -1, -1, 0]]
    for use_cache in (True, False):
        seen = []
        with trace(lm, edit={f"{layers(lm)}.0.in": adding(RULES["everywhere"], seen)}):
            generate(lm, batch("left"), use_cache, new=3)
        assert seen[0] == ("prefill", left)
        first = [[*row, row[-1] + 1] for row in left]
        second = [[*row, row[-1] + 1] for row in first]
        if use_cache:
            first, second = [[6], [3], [1]], [[7], [4], [2]]
        assert seen[1:] == [("decode", first), ("decode", second)]


def test_a_prompt_of_one_token_is_a_prefill(lm, layers):
    """Deciding by T == 1 would take it for a decode step, and steering the prompt would silently do nothing."""
    for use_cache in (True, False):
        seen = []
        with trace(lm, edit={f"{layers(lm)}.0.in": adding(RULES["everywhere"], seen)}):
            generate(lm, {"input_ids": torch.tensor([[7]])}, use_cache, new=2)
            generate(lm, {"input_ids": torch.tensor([[7]])}, use_cache, new=2)  # a second text in the same trace
        assert [phase for phase, _ in seen] == ["prefill", "decode", "prefill", "decode"]


def test_calls_of_ones_own_are_prompts_of_their_own(lm, layers):
    """A longer text after its beginning is generation only if both calls say use_cache=False."""
    phases = []
    with torch.no_grad(), trace(lm, edit={f"{layers(lm)}.0.in": lambda x, at: phases.append(at.phase) or x + 1}):
        lm(torch.tensor([[5, 6]]))
        lm(torch.tensor([[5, 6, 7]]))
    assert phases == ["prefill", "prefill"]


def test_the_first_call_after_a_cache_from_outside_is_decode_with_unknown_prompt(lm, layers):
    seen = []
    with torch.no_grad():
        cache = lm(torch.tensor([[5, 6, 7]]), use_cache=True).past_key_values
        with trace(
            lm, edit={f"{layers(lm)}.0.in": lambda x, at: seen.append((at.phase, at.pos.tolist(), at.prompt)) or x + 1}
        ):
            lm(torch.tensor([[8, 9]]), past_key_values=cache, use_cache=True)
            lm(torch.tensor([[8]]), past_key_values=cache, use_cache=True, attention_mask=torch.ones(1, 6))
    assert seen == [("decode", [[3, 4]], None), ("decode", [[5]], None)]


def test_a_prompt_read_in_chunks_has_an_unknown_length(lm, layers):
    """Whether several tokens after a cache are prompt or answer cannot be told, so nothing is guessed."""
    prompts = []

    def note(x, at):
        prompts.append(None if at.prompt is None else at.prompt.tolist())
        return x + 1

    with torch.no_grad(), trace(lm, edit={f"{layers(lm)}.0.in": note}):
        cache = lm(torch.tensor([[5, 6, 7]]), use_cache=True).past_key_values
        lm(torch.tensor([[8]]), past_key_values=cache, use_cache=True)
        lm(torch.tensor([[8, 9]]), past_key_values=cache, use_cache=True)
        lm(torch.tensor([[8]]), past_key_values=cache, use_cache=True)
    assert prompts == [[3], [3], None, None]


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_beams_static_caches_and_embeddings(build, layers, kind):
    model, _ = build(kind)
    site, inputs = f"{layers(model)}.1.in", batch("left")
    found = {}
    for name, more in {
        "beams": {"num_beams": 3},
        "beams without cache": {"num_beams": 3, "use_cache": False},
        "static": {"cache_implementation": "static"},
    }.items():
        arguments = {"use_cache": True, **more}
        with trace(model, edit={site: adding(RULES["after the prompt"])}):
            found[name] = generate(model, inputs, **arguments)
    assert torch.equal(found["beams"], found["beams without cache"])
    with trace(model, edit={site: adding(RULES["after the prompt"])}):
        dynamic = generate(model, inputs, True)
    assert torch.equal(found["static"], dynamic)
    seen = []
    with torch.no_grad(), trace(model, edit={site: adding(RULES["everywhere"], seen)}):
        model(inputs_embeds=model.get_input_embeddings()(inputs["input_ids"]), attention_mask=inputs["attention_mask"])
    assert seen[0][1][1] == [-1, -1, -1, 0, 1, 2]


def test_models_that_are_no_sequences_have_no_positions(build):
    for kind, site in (("resnet", "layer1.out"), ("gru", "out"), ("vae", "decoder.out"), ("vit", "out")):
        model, inputs = build(kind)
        seen = []

        def note(x, at, seen=seen):
            seen.append((at.pos, at.real, at.phase, at.prompt))
            return x + 1

        with torch.no_grad(), trace(model, edit={site: note}):
            model(**inputs)
        assert seen == [(None, None, None, None)]


def test_where_positions_come_from():
    ids = torch.zeros(2, 3, dtype=torch.long)
    gap = torch.tensor([[1, 0, 1], [0, 1, 1]])
    assert Forward({"input_ids": ids, "attention_mask": gap}).pos.tolist() == [[0, -1, 1], [-1, 0, 1]]
    given = Forward({"input_ids": ids, "position_ids": torch.tensor([[4, 5, 6]])})
    assert given.pos.tolist() == [[4, 5, 6], [4, 5, 6]]
    late = Forward({"input_ids": ids, "cache_position": torch.tensor([9, 10, 11])})
    assert (late.phase, late.pos.tolist()[0]) == ("decode", [9, 10, 11])
    prepared = torch.ones(3, 5, dtype=torch.bool).tril() & torch.tensor([True, True, False, False, False])
    padded = {"attention_mask": prepared[None, None], "position_ids": torch.tensor([[0, 1, 1]])}
    assert Forward({"input_ids": ids, **padded}).pos.tolist() == [[0, 1, -1], [0, 1, -1]]
    longer = torch.tensor([[0, 1, 1, 0, 0], [1, 1, 1, 0, 0]])  # a mask for all that is yet to come
    assert Forward({"input_ids": ids, "attention_mask": longer}).pos.tolist() == [[-1, 0, 1], [0, 1, 2]]
    no_cache = Forward({"pixel_values": torch.zeros(1, 3, 4, 4)})
    assert not no_cache.sequence
    assert not Forward({"input_ids": ids, "decoder_input_ids": ids}).sequence


def test_a_mask_that_does_not_cover_the_cache_is_an_error(lm, layers):
    with torch.no_grad():
        cache = lm(torch.tensor([[5, 6, 7]]), use_cache=True).past_key_values
        forward = Forward(
            {"input_ids": torch.tensor([[8]]), "past_key_values": cache, "attention_mask": torch.ones(1, 1)}
        )
    with pytest.raises(GlassbookError, match="all tokens so far"):
        forward.pos  # noqa: B018
    four = Forward({"input_ids": torch.tensor([[8]]), "attention_mask": torch.ones(1, 1, 1, 1, dtype=torch.bool)})
    assert four.real.tolist() == [[True]]
    with pytest.raises(GlassbookError, match="position_ids"):
        four.pos  # noqa: B018
