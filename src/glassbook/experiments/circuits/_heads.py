"""Attention heads as evidence: which ones do what, the moment at which they form, and those of a pre-trained model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from glassbook.experiments import kit

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.circuits import Head
    from glassbook.notebook import Run


def pretrained_heads(run: Run, model: str) -> dict[str, float]:
    """The heads of a model that nobody trained to copy; its tokens are random ones of its vocabulary."""
    import torch

    from glassbook.circuits import ablate_heads, copying_loss, head_means, head_scores, repeated_tokens
    from glassbook.trace.roles import roles

    lm = kit.open_model(run, model)
    r, period = roles(lm.model), 20
    bos = lm.encode("")[0] if lm.encode("") else None
    tokens = torch.arange(lm.vocab // 8, lm.vocab)
    pick, ids = (
        repeated_tokens(48, period, tokens, bos=bos, seed=run.rng(name).seed)
        for name in ("random tokens that pick heads", "random tokens")
    )
    picked, scores = (head_scores(r, rows, period)["induction"] for rows in (pick, ids))
    heads = [divmod(i, r.n_heads) for i in picked.flatten().argsort(descending=True).tolist()]
    best, rest = heads[:4], heads[4:]
    generator = run.rng("other heads").torch()
    others = [rest[i] for i in torch.randperm(len(rest), generator=generator)[:4].tolist()]
    means, (first, later) = head_means(r, [{"input_ids": ids}]), copying_loss(lm.model, ids, period)
    rises = []
    for chosen in (best, others):
        with ablate_heads(r, chosen, means):
            rises.append(copying_loss(lm.model, ids, period)[1] - later)
    run.table("pretrained", [{"head": f"{la}.{h}", "induction": float(scores[la, h])} for la, h in heads])
    return {
        "pretrained_copying": 1 - later / first,
        "pretrained_induction_score": score_of_best(scores, picked),
        "pretrained_drop": rises[0],
        "pretrained_drop_of_others": rises[1],
    }


def heads_that(scores: Tensor) -> list[Head]:
    """Heads that give at least half of their attention in one way."""
    return [(layer, h) for layer, row in enumerate(scores.tolist()) for h, x in enumerate(row) if x >= 0.5]


def score_of_best(scores: Tensor, picked: Tensor) -> float:
    """The score of the head that other rows pick as the best."""
    return float(scores.flatten()[picked.argmax()])


def reach(steps: list[int], values: list[float], share: float) -> float:
    """The first step at which a curve reaches a share of its largest value; NaN if it never rises above 0."""
    wanted = share * max(values)
    return next(s for s, v in zip(steps, values, strict=True) if v >= wanted) if wanted > 0 else math.nan
