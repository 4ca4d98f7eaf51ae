"""Absolute positions: the same with and without a KV cache, and however prompts are padded."""

from __future__ import annotations

import pytest
import torch
import transformers
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


# --- states that are no KV cache, or do not count their tokens ------------------------------------------------------

SPACE = {
    "vocab_size": 61, "hidden_size": 32, "state_size": 4, "num_hidden_layers": 2, "bos_token_id": 0,
    "eos_token_id": None, "pad_token_id": 2,
}  # fmt: skip
TEXT = {
    "vocab_size": 61, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "bos_token_id": 0, "eos_token_id": None, "pad_token_id": 2, "max_position_embeddings": 64,
}  # fmt: skip
T = transformers
STATEFUL = {
    "mamba": ("backbone.layers", lambda: T.MambaForCausalLM(T.MambaConfig(**SPACE))),
    "mamba2": (
        "backbone.layers",
        lambda: T.Mamba2ForCausalLM(T.Mamba2Config(**SPACE, num_heads=8, head_dim=8, n_groups=1, chunk_size=8)),
    ),
    "falcon mamba": ("backbone.layers", lambda: T.FalconMambaForCausalLM(T.FalconMambaConfig(**SPACE))),
    "jamba": (
        "model.layers",
        lambda: T.JambaForCausalLM(
            T.JambaConfig(
                **TEXT, attn_layer_period=2, attn_layer_offset=1, num_experts=2, mamba_d_state=4, mamba_dt_rank=4
            )
        ),
    ),
    # Its cache says that it holds 0 tokens, because the first layer keeps no keys.
    "minimax": (
        "model.layers",
        lambda: T.MiniMaxForCausalLM(
            T.MiniMaxConfig(
                **TEXT,
                head_dim=8,
                layer_types=["linear_attention", "full_attention"],
                num_local_experts=2,
                block_size=4,
            )
        ),
    ),
}


@pytest.fixture(scope="module", params=STATEFUL)
def stateful(request):
    torch.manual_seed(0)
    layers, make = STATEFUL[request.param]
    model = make().eval()
    for p in model.parameters():
        if p.dim() >= 2:
            p.data.mul_(3)
    return model, f"{layers}.1.in"


def test_steps_with_a_state_are_decode_steps_at_the_next_positions(stateful):
    model, site = stateful
    seen = []
    with trace(model, edit={site: adding(RULES["everywhere"], seen)}):
        generate(model, batch("left"), True, new=3)
        generate(model, {"input_ids": torch.tensor([[7]])}, True, new=2)  # another text
    left = [[0, 1, 2, 3, 4, 5], [-1, -1, -1, 0, 1, 2], [-1, -1, -1, -1, -1, 0]]
    assert seen == [
        ("prefill", left),
        ("decode", [[6], [3], [1]]),
        ("decode", [[7], [4], [2]]),
        ("prefill", [[0]]),
        ("decode", [[1]]),
    ]


def test_state_on_equals_state_off(stateful):
    model, site = stateful
    # Behind pads MiniMax itself goes on otherwise with a cache than without.
    inputs = {"input_ids": torch.tensor([PROMPTS[0]])} if "MiniMax" in type(model).__name__ else batch("left")
    plain, moved = generate(model, inputs, True, new=5), 0
    for rule in ("the third token", "after the prompt", "last of the prompt"):
        found = []
        for use_cache in (True, False):
            with trace(model, edit={site: adding(RULES[rule])}):
                found.append(generate(model, inputs, use_cache, new=5))
        assert torch.equal(*found)
        moved += not torch.equal(found[0], plain)
    assert moved >= 2  # the edits matter, so that equality means something


class Recurrent(nn.Module):
    """A GRU that hands its state on by the given name, in the given form."""

    def __init__(self, name: str, wrap) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.gru, self.head = nn.Embedding(61, 32), nn.GRU(32, 32, batch_first=True), nn.Linear(32, 61)
        self.name, self.wrap = name, wrap

    def forward(self, input_ids, **given):
        state = given.get(self.name)
        y, h = self.gru(self.embed(input_ids), state[0] if isinstance(state, (tuple, list)) else state)
        return {"logits": self.head(y), self.name: self.wrap(h)}


@pytest.mark.parametrize(
    ("name", "wrap"),
    [("state", lambda h: [h]), ("mems", lambda h: (h,)), ("hidden", lambda h: h), ("memory", lambda h: [h])],
)
def test_any_output_that_is_given_back_is_a_state(name, wrap):
    model, prompt, seen = Recurrent(name, wrap).eval(), torch.tensor([[5, 6, 7], [8, 9, 3]]), []

    def note(x, at):
        seen.append((at.phase, at.pos.tolist(), at.prompt.tolist()))
        return x + 1

    with torch.no_grad(), trace(model, edit={"gru.in": note}):
        out = model(input_ids=prompt)
        out = model(input_ids=prompt[:, :1], **{name: out[name]})
        model(input_ids=prompt[:, :1], **{name: out[name]})
        model(input_ids=prompt[:, :2])  # without it: another text
    assert seen == [
        ("prefill", [[0, 1, 2]] * 2, [3, 3]),
        ("decode", [[3]] * 2, [3, 3]),
        ("decode", [[4]] * 2, [3, 3]),
        ("prefill", [[0, 1]] * 2, [2, 2]),
    ]


def test_rwkv_hands_its_state_on_in_a_list():
    config = T.RwkvConfig(vocab_size=61, hidden_size=32, num_hidden_layers=2, attention_hidden_size=32)
    seen = []
    model = T.RwkvForCausalLM(config).eval()
    with trace(model, edit={"rwkv.blocks.1.in": adding(RULES["everywhere"], seen)}):
        model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=3, do_sample=False, pad_token_id=0)
    assert seen == [("prefill", [[0, 1, 2]]), ("decode", [[3]]), ("decode", [[4]])]


def test_a_state_that_was_filled_before_the_trace():
    torch.manual_seed(0)
    model = T.MambaForCausalLM(T.MambaConfig(**SPACE)).eval()
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        state = model(ids, use_cache=True).cache_params
    step = Forward({"input_ids": ids[:, :1], "cache_params": state})
    assert (step.phase, step.start) == ("decode", None)
    with pytest.raises(GlassbookError, match="state was filled before this trace"):
        step.pos  # noqa: B018
    masked = Forward({"input_ids": ids[:, :1], "cache_params": state, "attention_mask": torch.tensor([[0, 1, 1, 1]])})
    assert (masked.phase, masked.pos.tolist()) == ("decode", [[2]])
    state.reset()
    assert Forward({"input_ids": ids, "cache_params": state}).phase == "prefill"
    keys = [(torch.zeros(1, 2, 3, 4), torch.ones(1, 2, 3, 4))]  # as older programs keep them
    assert Forward({"input_ids": ids, "past_key_values": keys, "attention_mask": torch.ones(1, 7)}).pos.tolist() == [
        [4, 5, 6]
    ]


def test_a_mask_for_each_kind_of_layer():
    """Caches of fixed size: generate prepares a mask for layers that see all and one for those that see a window."""
    torch.manual_seed(0)
    kinds = ["sliding_attention", "full_attention"]
    config = T.Gemma3TextConfig(**TEXT, head_dim=8, layer_types=kinds, sliding_window=4)
    model, found = T.Gemma3ForCausalLM(config).eval(), []
    for more in ({}, {"cache_implementation": "static"}):
        seen = []
        with trace(model, edit={"model.layers.1.in": adding(RULES["from the fourth token"], seen)}):
            found.append(generate(model, batch("left"), True, new=4, **more))
        assert seen[1] == ("decode", [[6], [3], [1]])
    assert torch.equal(*found)
