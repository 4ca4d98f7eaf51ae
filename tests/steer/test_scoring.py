"""Scores against answers known in closed form, on a model with a planted direction."""

import math
from typing import NamedTuple

import pytest
import torch
import transformers
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel, recall
from glassbook.steer import (
    Vector,
    actadd,
    after_prompt,
    everywhere,
    from_position,
    layer_sweep,
    score,
    steer,
    strength_sweep,
)
from glassbook.steer.effects import effects
from glassbook.trace.roles import blocks

TOPIC, VOCAB = "xyz", 35
ON = ["xyzzy"[i:] + "xzyx" * (1 + i) for i in range(5)]
ON = [text for i in range(2) for text in (t + "zyx"[i:] for t in ON)]
OFF = ["abcdefg" * (1 + i % 3) + "hijk"[i % 4] for i in range(10)]


class Output(NamedTuple):
    logits: Tensor


class Block(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Planted(nn.Module):
    """Predicts every token alike, whatever it reads, unless direction 0 of the stream is written to.

    Writing c there adds c to the logits of the topic's tokens at that position.
    """

    def __init__(self, topic: list[int], width: int = 64) -> None:
        super().__init__()
        self.config = transformers.PreTrainedConfig()
        self.embed = nn.Embedding(VOCAB, width)
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.head = nn.Linear(width, VOCAB, bias=False)
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.weight[topic, 0] = 1.0

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Output:
        x = self.embed(input_ids)
        x = torch.cat([torch.zeros_like(x[..., :1]), x[..., 1:]], dim=-1)
        for block in self.blocks:
            x = block(x)
        return Output(self.head(x))


@pytest.fixture
def planted(characters) -> LanguageModel:
    assert len(characters) == VOCAB
    torch.manual_seed(0)
    return LanguageModel(Planted(characters.encode(TOPIC)).eval(), characters, "planted")


def unit(index: int = 0) -> Vector:
    return Vector({"blocks.1.in": torch.eye(64)[index]})


def expected(c: float) -> tuple[float, float, float]:
    """(on ratio, off ratio, kl) of strength c, by hand."""
    k = len(TOPIC)
    partition = (VOCAB - k + k * math.exp(c)) / VOCAB
    return partition * math.exp(-c), partition, math.log(partition) - c * k / VOCAB


@pytest.mark.parametrize("c", [-1.0, 0.5, 2.0])
@pytest.mark.parametrize("where", [None, from_position(0)])
def test_known_answer(planted, c, where):
    rows = strength_sweep(planted, unit(), ON, OFF, coeffs=[c], controls=(), where=where)
    assert [(row.condition, row.coeff, row.split) for row in rows] == [("vector", c, "all")]
    assert (rows[0].on_topic_ppl_ratio, rows[0].off_topic_ppl_ratio, rows[0].kl) == pytest.approx(expected(c), rel=1e-4)


def test_swapped_is_the_negative_and_random_does_little(planted):
    rows = {
        (r.condition, r.coeff): r
        for r in strength_sweep(planted, unit(), ON, OFF, coeffs=[1.0], controls=("random", "swap"))
    }
    assert rows["swap", 1.0].on_topic_ppl_ratio == pytest.approx(expected(-1.0)[0], rel=1e-4)
    assert rows["vector", 1.0].on_topic_ppl_ratio < 0.55
    assert abs(math.log(rows["random", 1.0].on_topic_ppl_ratio)) < 0.4 * abs(
        math.log(rows["vector", 1.0].on_topic_ppl_ratio)
    )


def test_score_picks_on_dev_and_reports_on_test(planted):
    coeffs = [0.25, 0.5, 1.0, 3.0]
    bound = expected(0.5)[1] + 1e-3
    found = score(planted, unit(), ON, OFF, coeffs=coeffs, controls=("random", "swap"), bound=bound)
    best = found.best["vector"]
    assert (best.test.coeff, best.test.split, best.within_bound) == (0.5, "test", True)
    assert best.test.on_topic_ppl_ratio == pytest.approx(expected(0.5)[0], rel=1e-4)
    low, high = best.on_topic_interval
    assert low == pytest.approx(high, rel=1e-4)  # every topic token moves alike, so no text differs from another
    assert found.best["random"].test.on_topic_ppl_ratio > best.test.on_topic_ppl_ratio
    assert found.best["swap"].test.on_topic_ppl_ratio > 1
    assert len(found.table()) == len(found.rows) == 3 * 4 * 2
    assert found.table()[0]["split"] in ("dev", "test")
    assert score(planted, unit(), ON, OFF, coeffs=coeffs, controls=("random", "swap"), bound=bound) == found


def test_no_strength_within_the_bound_is_said(planted):
    found = score(planted, unit(), ON, OFF, coeffs=[1.0, 3.0], controls=(), bound=1.0)
    assert not found.best["vector"].within_bound
    assert found.best["vector"].test.coeff == 1.0


def test_intervals_hold_the_ratio_where_texts_differ(lm):
    on, off = [t[:12] for t in ON], [t[:12] for t in OFF]
    v = actadd(lm, "xyz", "", f"{blocks(lm.model)[1]}.in")
    found = score(lm, v, on, off, coeffs=[0.2, 0.4], bound=2.0)
    assert set(found.best) == {"vector", "random", "swap", "prompt"}
    for best in found.best.values():
        assert best.on_topic_interval[0] <= best.test.on_topic_ppl_ratio <= best.on_topic_interval[1]
        assert best.off_topic_interval[0] < best.off_topic_interval[1]
    prompts = [row for row in found.rows if row.condition == "prompt"]
    assert [row.coeff for row in prompts] == [None, None]


def test_effects_equal_a_computation_by_hand(lm):
    v = actadd(lm, "we", "", f"{blocks(lm.model)[1]}.in")
    text, rows, space = "wedding bells", v.rows[v.sites[0]], 2
    ids = torch.tensor([lm.encode(text)])
    found = effects(
        lm, [text, "a much longer text to pad with"], {("s", "a", 2.0): 2 * v}, prompt=([9, 10], [space] * 2)
    )

    def loss(ids: Tensor, skip: int) -> Tensor:
        with torch.no_grad():
            logp = lm.model(input_ids=ids).logits.log_softmax(-1)
        return -logp[0, skip:-1].gather(-1, ids[0, skip + 1 :, None]).sum()

    def hook(_, args, kwargs):
        x = args[0].clone()
        x[:, : len(rows)] += 2 * rows
        return (x, *args[1:]), kwargs

    plain = loss(ids, 3)
    block = lm.model.get_submodule(blocks(lm.model)[1])
    handle = block.register_forward_pre_hook(hook, with_kwargs=True)
    steered = loss(ids, 3)
    handle.remove()
    effect = found["s", "a", 2.0]
    assert effect.tokens[0] == ids.shape[1] - 4
    assert float(effect.delta[0]) == pytest.approx(float(steered - plain), rel=1e-3, abs=1e-4)
    with_prefix = [torch.cat((ids[:, :1], torch.tensor([p]), ids[:, 1:]), dim=1) for p in ([9, 10], [space] * 2)]
    assert float(found["", "prompt", None].delta[0]) == pytest.approx(
        float(loss(with_prefix[0], 5) - loss(with_prefix[1], 5)), rel=1e-3, abs=1e-4
    )


def test_layer_sweep_rows(lm):
    names = blocks(lm.model)
    rows = layer_sweep(lm, "xyz", "", [t[:12] for t in ON], [t[:12] for t in OFF], layers=[0, -1], coeffs=[1.0, 2.0])
    assert [(r.site, r.condition, r.coeff) for r in rows] == [
        (f"{names[i]}.in", arm, by) for i in (0, -1) for arm in ("vector", "random") for by in (1.0, 2.0)
    ]
    assert all(r.split == "all" and r.kl > 0 for r in rows)
    with pytest.raises(GlassbookError, match="layers 0 to 2"):
        layer_sweep(lm, "xyz", "", ON, OFF, layers=[3])


def test_unit_norm_is_the_raw_strength_times_the_norm(planted):
    with_norm = score(planted, unit() * 3, ON, OFF, coeffs=[0.1], controls=(), unit="norm")
    norm = planted.model.embed.weight[2:, 1:].norm(dim=1).median().item()
    raw = score(planted, unit() * norm, ON, OFF, coeffs=[0.1], controls=())
    assert with_norm.rows[0].on_topic_ppl_ratio == pytest.approx(raw.rows[0].on_topic_ppl_ratio, rel=0.05)


def test_what_cannot_be_scored_is_refused(planted):
    for arguments, message in [
        ({"coeffs": [1.0, 0.0], "controls": ()}, "other than 0"),
        ({"coeffs": [], "controls": ()}, "other than 0"),
        ({"coeffs": [1.0]}, "needs a text"),
        ({"coeffs": [1.0], "controls": (), "where": after_prompt()}, "end"),
    ]:
        with pytest.raises(GlassbookError, match=message):
            score(planted, unit(), ON, OFF, **arguments)
    with pytest.raises(GlassbookError, match="no unit"):
        strength_sweep(planted, unit(), ON, OFF, coeffs=[1.0], unit="norms")
    with pytest.raises(GlassbookError, match="list of texts"):
        strength_sweep(planted, unit(), "a text", OFF, coeffs=[1.0])
    with pytest.raises(GlassbookError, match="at least 4"):
        score(planted, unit(), ON[:3], OFF)
    with pytest.raises(GlassbookError, match="at least 2 tokens"):
        score(planted, unit(), ["", *ON], OFF, coeffs=[1.0], controls=(), where=everywhere())


def test_recall_counts_the_answers_that_the_model_would_give(lm):
    """What it says by itself is known, with or without others in the batch; an answer with one other letter is not."""
    said = {begin: lm.decode(lm.generate_ids([begin], tokens=3)[0]) for begin in ("the fox", "i think", *"abcdefgh")}
    facts = [(begin, answer) for begin, answer in said.items() if len(answer) == 3][:3]  # no special token among them
    assert recall(lm, facts) == 1
    begin, answer = facts[1]
    wrong = [
        (begin, answer[:2] + ("x" if answer[2] != "x" else "z")),
        (begin, ("x" if answer[0] != "x" else "z") + answer[1:]),
    ]
    assert recall(lm, [*facts, *wrong], batch=2) == pytest.approx(3 / 5)
    away = Vector({f"{blocks(lm.model)[1]}.out": 50 * torch.randn(32, generator=torch.Generator().manual_seed(0))})
    with steer(lm, away):
        assert recall(lm, facts) < 1
    assert recall(lm, facts) == 1
    with pytest.raises(GlassbookError, match="at least one fact"):
        recall(lm, [])
