"""Models in bfloat16 and float16, as large ones are run, beside float32 lenses and dictionaries.

Everything works, and what comes out is that of the same weights in float32 up to rounding.
"""

import copy

import pytest
import torch

from glassbook.circuits import (
    Graph,
    SAESite,
    Task,
    ablate_heads,
    attribute,
    direct_attribution,
    edge_scores,
    feature_effects,
    fit_tuned_lens,
    head_means,
    logit_difference,
    logit_lens,
    patch,
    stitch,
)
from glassbook.features import Dictionary, ReLU, TopK, evaluate
from glassbook.nets import LanguageModel
from glassbook.steer import Ablate, Clamp, Vector, feature, steer
from glassbook.trace.roles import roles

IDS = torch.randint(61, (2, 6), generator=torch.Generator().manual_seed(1))
RIGHT, WRONG = torch.tensor([5, 7]), torch.tensor([6, 8])
TASK = Task({"input_ids": IDS}, {"input_ids": (IDS + 3) % 61}, logit_difference(RIGHT, WRONG))
BATCH = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}


def results(model):
    torch.manual_seed(4)
    sae, transcoder = Dictionary(32, 64, ReLU()), Dictionary(32, 64, TopK(4), 32, skip=True)
    lm, opened = LanguageModel(model, None, "half"), roles(model)
    names = opened.names
    stream, mlp = f"{names[0]}.out", SAESite(transcoder, opened["mlp.1.out"], reads=opened["resid.1.mid"])
    lens = fit_tuned_lens(lm, [BATCH, BATCH])
    circuit = feature_effects(model, TASK, [SAESite(sae, stream), mlp], 2)
    small = circuit.top(64)  # all features, so that which are left out does not hang on rounding
    x = torch.randn(2, 5, 32).to(next(model.parameters()).dtype)
    yield "lens", torch.stack(list(logit_lens(lm, BATCH).values()))
    yield "tuned lens", lens(names[0], x)
    yield "transcoder", transcoder(x)
    yield "direct", torch.stack(list(direct_attribution(Graph(opened), lm, {"input_ids": IDS}, RIGHT, WRONG).values()))
    yield "feature effects", torch.cat(circuit.effects)
    yield "feature circuit", torch.tensor(small.without(small.nodes[-1]).metric())
    yield "feature edges", torch.tensor([edge.effect for edge in circuit.top(1).edges()]).abs().sum()
    yield "edges", edge_scores(Graph(opened), TASK, 2)
    yield "patch", patch(model, TASK, [stream], positions=True).values
    yield "attribute", attribute(model, TASK, [stream], positions=True, steps=2).values
    yield "stitch", torch.tensor(stitch(model, stream, model, stream, [BATCH], [BATCH]).stitched)
    scores = evaluate(sae, x, model=model, site=stream, batches=[BATCH])
    yield "evaluate", torch.tensor([scores.explained_variance, scores.kl_dictionary, scores.ce_mean_ablation])
    way = Vector({stream: torch.ones(32)})
    clamps = (Clamp(d, {3: 2.0}, stream) for d in (sae, copy.deepcopy(sae).to(x.dtype)))
    for v in (way, feature(sae, 3, stream), Ablate(way), *clamps):
        with torch.no_grad(), steer(model, v):
            yield f"steer {type(v).__name__}", model(input_ids=IDS).logits
    with torch.no_grad(), ablate_heads(opened, [(0, 1)], head_means(opened, [BATCH])):
        yield "heads", model(input_ids=IDS).logits


@pytest.mark.parametrize(
    ("kind", "dtype", "most"),
    [("ours", torch.bfloat16, 0.06), ("gpt2", torch.float16, 0.01), ("llama", torch.bfloat16, 0.06)],
)
def test_half_precision_gives_what_float32_gives(models, kind, dtype, most):
    exact = copy.deepcopy(models[kind])
    for p in exact.parameters():
        p.data = p.data.to(dtype).float()
    half = copy.deepcopy(exact).to(dtype)
    for (name, a), (_, b) in zip(list(results(half)), list(results(exact)), strict=True):
        size, off = float(b.detach().abs().max()), float((a.detach().float() - b.detach().float()).abs().max())
        assert off <= most * size, (name, off, size)
