"""Steering a call: exact against a hook by hand, the same under padding and caches, gone afterwards."""

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.steer import Vector, actadd, after_prompt, everywhere, first, from_position, last, residual_norms, steer
from glassbook.trace import trace
from glassbook.trace.roles import blocks

PROMPTS = ["i went up to my friend and said", "i think", "the quick brown fox"]
RULES = [first(), last(), after_prompt(), everywhere(), from_position(1), from_position(9)]


def site(lm, layer: int = 1, side: str = "in") -> str:
    return f"{blocks(lm.model)[layer]}.{side}"


def direction(lm, layer: int = 1, seed: int = 0, side: str = "in") -> Vector:
    v = Vector({site(lm, layer, side): torch.randn(32, generator=torch.Generator().manual_seed(seed))})
    return v.unit() * residual_norms(lm, [site(lm, layer, side)])[site(lm, layer, side)]


def logits(lm, text: str = PROMPTS[0]) -> torch.Tensor:
    with torch.no_grad():
        return lm.model(input_ids=torch.tensor([lm.encode(text)])).logits


def hooked(lm, layer: int, change):
    """Install a plain hook on a block's input."""

    def hook(_, args, kwargs):
        return (change(args[0].clone()), *args[1:]), kwargs

    return lm.model.get_submodule(blocks(lm.model)[layer]).register_forward_pre_hook(hook, with_kwargs=True)


def hooks(lm) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in lm.model.modules())


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("start", [0, 2])
def test_actadd_is_bitwise_a_hook_by_hand(lm, layer, start):
    v = actadd(lm, "love", "hatred", site(lm, layer))
    rows = v.rows[site(lm, layer)]

    def change(x):
        if x.shape[1] > 1:  # the prompt: no prompt of this test has one token
            x[:, start : start + len(rows)] += 3.0 * rows
        return x

    handle = hooked(lm, layer, change)
    want, text = logits(lm), lm.generate(PROMPTS[:1], tokens=10)
    handle.remove()
    with steer(lm, v, coeff=3.0, where=from_position(start)):
        assert torch.equal(logits(lm), want)
        assert lm.generate(PROMPTS[:1], tokens=10) == text
    if start == 0:
        with steer(lm, v, coeff=3.0):
            assert torch.equal(logits(lm), want)
    assert not torch.equal(logits(lm), want)


@pytest.mark.parametrize("rule", RULES, ids=lambda w: f"{w.rule}{w.start.n}")
def test_cache_and_padding_change_nothing(lm, rule):
    v = direction(lm)
    with steer(lm, v, coeff=3.0, where=rule):
        together = lm.generate(PROMPTS, tokens=12)
        uncached = lm.generate(PROMPTS, tokens=12, use_cache=False)
        alone = [lm.generate([p], tokens=12)[0] for p in PROMPTS]
    assert together == uncached == alone
    if rule != first():  # one vector on BOS need not change the likeliest token
        assert together != lm.generate(PROMPTS, tokens=12)


@pytest.mark.parametrize("rule", [None, from_position(1), last()], ids=["front", "from1", "back"])
def test_positional_vectors_agree_under_cache_and_padding(lm, rule):
    v = actadd(lm, "love", "hate", site(lm))
    with steer(lm, v, coeff=30.0, where=rule):
        together = lm.generate(PROMPTS, tokens=12)
        assert together == lm.generate(PROMPTS, tokens=12, use_cache=False)
        assert together == [lm.generate([p], tokens=12)[0] for p in PROMPTS]
    assert together != lm.generate(PROMPTS, tokens=12)


@pytest.mark.parametrize(
    ("rule", "touched"),
    [
        (first(), [0]),
        (last(), [7]),
        (everywhere(), list(range(11))),
        (from_position(3), list(range(3, 11))),
        (after_prompt(), [8, 9, 10]),
    ],
    ids=lambda x: getattr(x, "rule", ""),
)
@pytest.mark.parametrize("use_cache", [True, False])
def test_each_rule_touches_its_positions_and_no_others(lm, rule, touched, use_cache):
    # "i think" is 8 tokens with BOS; 4 new tokens mean 3 that are read again.
    with torch.no_grad():
        for p in lm.model.get_submodule(blocks(lm.model)[0]).parameters():
            p.zero_()  # a block that only passes its input on, so that its output shows what was added
    plain = stream(lm, use_cache)
    with steer(lm, direction(lm, 0), coeff=0.01, where=rule):
        steered = stream(lm, use_cache)
    assert len(plain) == 11
    assert [p for p in range(11) if not torch.equal(plain[p], steered[p])] == touched


def stream(lm, use_cache: bool) -> list[torch.Tensor]:
    """The first block's output at each position of a generation (of the last call that read it)."""
    with trace(lm.model, read=site(lm, 0, "out")) as t:
        lm.generate(["i think"], tokens=4, use_cache=use_cache)
    calls = [x[0] for x in t.calls(site(lm, 0, "out"))]
    return list(torch.cat(calls) if use_cache else calls[-1])


def test_a_prompt_of_one_token_is_still_a_prompt(lm):
    v = actadd(lm, "love", "hate", site(lm))
    one = torch.tensor([[5]])
    with pytest.raises(GlassbookError, match="needs 5 prompt tokens, the shortest"), steer(lm, v, coeff=2.0):
        lm.model(input_ids=one)
    row = Vector({site(lm): v.rows[site(lm)][1:2]}, positional=True)
    plain = lm.model(input_ids=one).logits
    with torch.no_grad(), steer(lm, row, coeff=2.0):
        assert not torch.equal(lm.model(input_ids=one).logits, plain)
    assert hooks(lm) == 0


def test_a_prompt_shorter_than_the_vector_is_refused_also_in_a_batch(lm):
    v = actadd(lm, "a long enough text", "", site(lm))
    with pytest.raises(GlassbookError, match="lengthen the prompt"), steer(lm, v):
        lm.generate(PROMPTS, tokens=2)
    assert hooks(lm) == 0


def test_two_calls_in_one_block_are_two_prompts(lm):
    for rule in (last(), after_prompt()):
        with steer(lm, direction(lm), coeff=3.0, where=rule):
            got = [lm.generate([p], tokens=6, use_cache=c)[0] for c in (True, False) for p in ("abc", "abcd")]
        alone = []
        for c in (True, False):
            for p in ("abc", "abcd"):
                with steer(lm, direction(lm), coeff=3.0, where=rule):
                    alone.append(lm.generate([p], tokens=6, use_cache=c)[0])
        assert got == alone


def test_several_vectors_at_one_site_and_at_two(lm):
    a, b, c = direction(lm, 0, 1), direction(lm, 1, 2), direction(lm, 1, 3)
    with steer(lm, [(a, 1.0), (b, -2.0), (c, 0.5)], coeff=2.0):
        got = logits(lm)
    with steer(lm, a, coeff=2.0), steer(lm, b, coeff=-4.0), steer(lm, c):
        torch.testing.assert_close(logits(lm), got)
    with steer(lm, a * 2 + b * -4 + c):
        torch.testing.assert_close(logits(lm), got)
    # Late binding would add the last vector at both sites.
    handles = [hooked(lm, layer, lambda x, v=v: x + v.rows[v.sites[0]]) for layer, v in ((0, a), (1, b))]
    want = logits(lm)
    for handle in handles:
        handle.remove()
    with steer(lm, [(a, 1.0), (b, 1.0)]):
        assert torch.equal(logits(lm), want)


def test_a_positional_vector_and_a_direction_together(lm):
    v, w = actadd(lm, "love", "hate", site(lm, 1)), direction(lm, 1)
    with steer(lm, [(v, 2.0), (w, 1.0)]):
        got = logits(lm)
    with steer(lm, v, coeff=2.0), steer(lm, w):
        torch.testing.assert_close(logits(lm), got)


def test_unit_norm_counts_in_median_norms_without_bos(lm):
    texts = ["some probe text", "and another longer one"]
    with torch.no_grad(), trace(lm.model, read=site(lm)) as t:
        inputs = lm.batch(texts, pad="right")
        lm.model(**inputs)
    norms = [x[1 : int(m.sum())].norm(dim=-1) for x, m in zip(t[site(lm)], inputs["attention_mask"], strict=True)]
    median = float(torch.cat(norms).median())
    v = direction(lm) * 7.5
    with steer(lm, v, coeff=2.0, unit="norm", probe=texts) as done:
        got = logits(lm)
    assert residual_norms(lm, [site(lm)], texts)[site(lm)] == pytest.approx(median, rel=1e-5)
    assert done[0].norm()[site(lm)] == pytest.approx(2 * median, rel=1e-5)
    with steer(lm, v.unit() * median, coeff=2.0):
        torch.testing.assert_close(logits(lm), got)
    with steer(lm.model, v.unit() * median, coeff=2.0):  # a bare module works, in raw units
        torch.testing.assert_close(logits(lm), got)
    with pytest.raises(GlassbookError, match="probe"), steer(lm.model, v, unit="norm"):
        pass


def test_what_steers_nothing_is_refused(lm):
    v = direction(lm)
    for wrong in ((v, 0.0), ([(v, 0.0)], 1.0)):
        with pytest.raises(GlassbookError, match="strength 0"), steer(lm, *wrong):
            pass
    with pytest.raises(GlassbookError, match="no vector"), steer(lm, []):
        pass
    with pytest.raises(GlassbookError), steer(lm, v, where=from_position(60)):
        logits(lm)
    with pytest.raises(GlassbookError), steer(lm, Vector({"blocks.99.in": torch.ones(32)})):
        logits(lm)
    with pytest.raises(GlassbookError, match="no unit 'norms'"), steer(lm, v, unit="norms"):
        pass
    with pytest.raises(GlassbookError, match="31 dimensions"), steer(lm, Vector({site(lm): torch.ones(31)})):
        logits(lm)
    with pytest.raises(GlassbookError, match="before the first"):
        from_position(-1)
    pair = actadd(lm, "a", "b", site(lm))
    with pytest.raises(GlassbookError, match="no place under ever"), steer(lm, pair, where=everywhere()):
        logits(lm)
    assert hooks(lm) == 0


def test_nothing_is_left_behind(lm):
    want, before = logits(lm), hooks(lm)
    with steer(lm, direction(lm), coeff=2.0):
        assert not torch.equal(logits(lm), want)
    with pytest.raises(ZeroDivisionError), steer(lm, direction(lm), coeff=2.0):
        logits(lm, 1 / 0)
    assert torch.equal(logits(lm), want)
    assert hooks(lm) == before


def test_halves_and_gradients(lm):
    v = direction(lm)
    lm.model.to(torch.bfloat16)
    with steer(lm, v, coeff=2.0):
        assert logits(lm).dtype == torch.bfloat16
    lm.model.float()
    with steer(lm, v, coeff=2.0):
        lm.model(input_ids=torch.tensor([[0, 3, 4]])).logits.sum().backward()
    assert all(p.grad is not None for p in lm.model.parameters())
