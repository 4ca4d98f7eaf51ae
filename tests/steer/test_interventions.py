"""Clamping, ablation and conditions: identities, the same by hand, and under caches and padding."""

import pytest
import torch
import transformers

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, TopK
from glassbook.steer import (
    Ablate,
    Clamp,
    Latents,
    Vector,
    When,
    after_prompt,
    feature,
    first,
    mean_difference,
    residual_norms,
    steer,
    threshold,
)
from glassbook.trace import trace
from glassbook.trace.roles import blocks

PROMPTS = ["i went up to my friend and said", "i think", "the quick brown fox"]


def site(lm, layer=1, side="out"):
    return f"{blocks(lm.model)[layer]}.{side}"


@pytest.fixture
def coder():
    torch.manual_seed(1)
    return Dictionary(32, 64, TopK(8))


def read(lm, at, text=PROMPTS[0]):
    with torch.no_grad(), trace(lm.model, read=at) as t:
        lm.model(input_ids=torch.tensor([lm.encode(text)]))
    return t[at]


def test_features_at_their_own_values_change_no_bit(lm, coder):
    at = site(lm)
    silent = int((coder.encode(read(lm, at)) == 0).all(1).all(0).nonzero()[0])
    with steer(lm, Clamp(coder, {silent: 0.0}, at)):
        steered = read(lm, site(lm, 2))
    assert torch.equal(steered, read(lm, site(lm, 2)))


def test_clamping_keeps_what_the_dictionary_does_not_explain(lm, coder):
    """x + (wanted - z) W_dec is decode(changed codes) + (x - decode(codes))."""
    at, x = site(lm), read(lm, site(lm))
    z = coder.encode(x)
    changed = z.clone()
    changed[..., 3], changed[..., 40] = 5.0, 0.0
    expected = coder.decode(changed) + (x - coder.decode(z))
    with steer(lm, Clamp(coder, {40: 0.0, 3: 5.0}, at)):
        torch.testing.assert_close(read(lm, at), expected.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["clamp", "ablate", "gated"])
def test_caches_and_padding_change_nothing(lm, coder, kind):
    at = site(lm)
    torch.manual_seed(3)
    v = Vector({at: torch.randn(32)}).unit()
    size, when = residual_norms(lm, [at])[at], None
    what = {"clamp": Clamp(coder, {3: 2 * size}, at), "ablate": Ablate(v), "gated": v * (3 * size)}[kind]
    if kind == "gated":
        condition = Vector({site(lm, 0): torch.randn(32)})
        probe = When(condition, above=0.0)
        with steer(lm, v, when=probe):
            lm.generate(PROMPTS, tokens=1)
        # Halfway between two rows: at a value itself the last bit, another on each processor, would decide.
        low, high = probe.values.sort().values[-2:]
        assert high - low > 1e-3
        when = When(condition, above=float(low + high) / 2)  # one row is let through
    with steer(lm, what, when=when):
        together = lm.generate(PROMPTS, tokens=10)
        assert together == lm.generate(PROMPTS, tokens=10, use_cache=False)
        assert together == [lm.generate([p], tokens=10)[0] for p in PROMPTS]
    assert together != lm.generate(PROMPTS, tokens=10)


def test_nothing_is_left_along_an_ablated_direction(lm):
    at = site(lm)
    a, b = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    with steer(lm, Ablate(Vector({at: a}), Vector({at: b}))):
        x = read(lm, at)
    plain = read(lm, at)
    assert float((x @ torch.stack([a, b], 1)).abs().max()) < 1e-3
    q = torch.linalg.qr(torch.stack([a, b], 1))[0]
    torch.testing.assert_close(x, plain - plain @ q @ q.T, rtol=1e-4, atol=1e-4)


def test_ablation_after_the_prompt_leaves_the_prompt(lm):
    at = site(lm)
    with steer(lm, Ablate(Vector({at: torch.ones(32)})), where=after_prompt()), trace(lm.model, read=at) as t:
        lm.generate(["i think"], tokens=3)
    prompt, first, second = t.calls(at)
    assert float(prompt.sum(-1).abs().min()) > 1e-3
    assert float(torch.cat([first, second]).sum(-1).abs().max()) < 1e-3


def test_a_condition_lets_only_its_rows_through(lm):
    at = site(lm)
    texts = ["my friend", "the fox"]
    early = site(lm, 0)
    condition = mean_difference(lm, texts[:1], texts[1:], early, token="mean")
    v = Vector({at: torch.randn(32)}).unit() * residual_norms(lm, [at])[at] * 4
    cut = threshold(lm, condition, texts[:1], texts[1:])
    plain = lm.generate(texts, tokens=8)
    when = When(condition, above=cut)
    with steer(lm, v, when=when):
        steered = lm.generate(texts, tokens=8)
    assert steered[0] != plain[0]
    assert steered[1] == plain[1]
    assert (when.values > cut).tolist() == [True, False]
    with steer(lm, v):
        assert lm.generate(texts[:1], tokens=8) == steered[:1]
    with steer(lm, v, when=When(condition, above=2.0)):  # no cosine is
        assert lm.generate(texts, tokens=8) == plain


def test_a_condition_read_too_late_is_refused(lm):
    late = Vector({site(lm, 2): torch.ones(32)})
    with (
        pytest.raises(GlassbookError, match="before the condition"),
        steer(lm, Vector({site(lm, 1): torch.ones(32)}), when=When(late, 0.0)),
    ):
        lm.generate(["i think"], tokens=1)


def test_the_threshold_makes_the_fewest_mistakes(lm):
    early = site(lm, 0)
    v = mean_difference(lm, ["my friend said"], ["the quick fox"], early, token="mean")
    cut = threshold(lm, v, ["my friend said", "my friend"], ["the quick fox", "the fox"])
    when = When(v, above=cut)
    with steer(lm, Vector({site(lm): torch.ones(32)}), when=when):
        lm.generate(["my friend said", "the quick fox"], tokens=1)
    assert (when.values > cut).tolist() == [True, False]


def test_together_with_vectors_and_strengths(lm, coder):
    at = site(lm)
    v = Vector({at: torch.ones(32)})
    with steer(lm, [(v, 2.0), (Clamp(coder, {3: 5.0}, at), 1.0)]):
        x = read(lm, at)
    added = read(lm, at) + 2
    expected = added + (5.0 - coder.encode(added)[..., 3:4]) * coder.direction(3)
    torch.testing.assert_close(x, expected.detach(), rtol=1e-4, atol=1e-4)
    with pytest.raises(GlassbookError, match="have no strength"), steer(lm, Ablate(v), coeff=2.0):
        pass


def test_what_cannot_be_is_refused(lm, coder):
    with pytest.raises(GlassbookError, match="no feature 64"):
        Clamp(coder, {64: 1.0}, site(lm))
    with pytest.raises(GlassbookError, match="no feature to clamp"):
        Clamp(coder, {}, site(lm))
    with pytest.raises(GlassbookError, match="only directions"):
        Ablate(Vector({site(lm): torch.ones(2, 32)}, positional=True))
    with pytest.raises(GlassbookError, match="one direction at one site"):
        When(Vector({site(lm, 0): torch.ones(32), site(lm, 1): torch.ones(32)}), 0.0)
    with pytest.raises(GlassbookError, match="31 dimensions"), steer(lm, Vector({site(lm): torch.ones(31)})):
        lm.generate(["i think"], tokens=1)


class Autoencoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = torch.nn.Conv2d(1, 3, 4), torch.nn.Linear(3, 16)

    def forward(self, image):
        return self.decoder(torch.tanh(self.encoder(image).flatten(1)))


def test_latents_of_an_autoencoder():
    torch.manual_seed(0)
    model, image, latents = Autoencoder().eval(), torch.randn(5, 1, 4, 4), Latents(3)
    z = torch.tanh(model.encoder(image).flatten(1))
    moved, held = z.clone(), z.clone()
    moved[:, 1] += 2.0
    held[:, 2] = 0.5
    wanted = {name: model.decoder(code) for name, code in (("moved", moved), ("held", held))}
    without = model.decoder(z * torch.tensor([0.0, 1.0, 1.0]))
    with steer(model, feature(latents, 1, "decoder.in"), coeff=2.0):
        assert torch.equal(model(image), wanted["moved"])
    with steer(model, Clamp(latents, {2: 0.5}, "decoder.in")):
        assert torch.allclose(model(image), wanted["held"], atol=1e-6)
    with steer(model, Ablate(feature(latents, 0, "decoder.in"))):
        assert torch.allclose(model(image), without, atol=1e-6)
    where = first()
    with pytest.raises(GlassbookError, match="no token"), steer(model, feature(latents, 1, "decoder.in"), where=where):
        model(image)
    with pytest.raises(GlassbookError, match="choose 0 to 2"):
        latents.direction(3)


def test_a_part_called_on_its_own_has_no_positions_whatever_prompt_came_before(lm):
    name = f"{blocks(lm.model)[1]}.mlp"
    with steer(lm, Vector({f"{name}.out": torch.ones(32)}), where=after_prompt()):
        lm.generate([PROMPTS[0]], tokens=2)
        with pytest.raises(GlassbookError, match="no token positions"):
            lm.model.get_submodule(name)(torch.randn(1, 3, 32))


def test_the_patches_of_an_image_model():
    torch.manual_seed(0)
    config = transformers.ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
                                    image_size=8, patch_size=4)  # fmt: skip
    model, image = transformers.ViTModel(config).eval(), torch.randn(2, 3, 8, 8)
    [name, last], v = blocks(model), torch.randn(16)
    block = model.get_submodule(name)
    with torch.no_grad(), trace(model, read=f"{last}.in") as t, steer(model, Vector({f"{name}.out": v})):
        model(image)
    handle = block.register_forward_hook(lambda _m, _a, out: out + v if torch.is_tensor(out) else (out[0] + v,))
    with torch.no_grad(), trace(model, read=f"{last}.in") as by_hand:
        model(image)
    handle.remove()
    assert torch.equal(t[f"{last}.in"], by_hand[f"{last}.in"])


@torch.no_grad()
@pytest.mark.parametrize("skip", [0, 1, 3])
def test_the_reader_chooses_which_first_positions_a_condition_leaves_out(lm, skip):
    early, prompt = site(lm, 0), PROMPTS[0]
    v = Vector({early: torch.randn(32, generator=torch.Generator().manual_seed(2))})
    when = When(v, above=2.0, skip=skip)
    with steer(lm, Vector({site(lm): torch.ones(32)}), when=when):
        lm.generate([prompt, PROMPTS[1]], tokens=1)
    cosine = torch.nn.functional.cosine_similarity(read(lm, early, prompt)[0], v.rows[early][0], dim=-1)
    torch.testing.assert_close(when.values[0], cosine[skip:].mean(), rtol=1e-4, atol=1e-5)
    # the threshold is of the same positions: it parts the two
    cut = threshold(lm, v, [prompt], [PROMPTS[1]], skip=skip)
    low, high = sorted(when.values.tolist())
    assert when.values[0] < when.values[1] or low < cut < high


def test_leaving_out_the_first_position_is_the_default_and_less_than_none_is_refused(lm):
    v = Vector({site(lm, 0): torch.ones(32)})
    assert When(v, 0.0).skip == 1
    for refused in (lambda: When(v, 0.0, skip=-1), lambda: threshold(lm, v, ["my"], ["the"], skip=-2)):
        with pytest.raises(GlassbookError, match="0 or more first positions"):
            refused()


def test_a_prompt_of_skipped_positions_alone_has_the_value_0(lm):
    when = When(Vector({site(lm, 0): torch.ones(32)}), above=0.1, skip=100)
    with steer(lm, Vector({site(lm): torch.ones(32)}), when=when):
        steered = lm.generate(PROMPTS[:1], tokens=3)
    assert when.values.tolist() == [0.0]
    assert steered == lm.generate(PROMPTS[:1], tokens=3)
