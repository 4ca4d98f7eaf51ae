"""Attention head scores (induction, previous-token, duplicate-token heads) and head ablation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets import next_token_nll
from glassbook.trace import At, trace
from glassbook.trace.roles import Roles

Head = tuple[int, int]
"""(layer, head)."""


def repeated_tokens(
    n: int, period: int, tokens: Tensor | int, *, bos: int | None = None, seed: int = 0, times: int = 2
) -> Tensor:
    """Random token sequences that repeat a period: [n, (1 +) period * times] token ids.

    Args:
        n: rows.
        period: random tokens before the repetition; no token twice in a period if there are enough.
        tokens: ids to choose from, or how many there are.
        bos: id to begin each row with.
        seed: of the choice.
        times: how often the period is there.

    Source: Olsson et al. 2022, arXiv:2209.11895.
    """
    choice = torch.arange(tokens) if isinstance(tokens, int) else tokens
    g = torch.Generator().manual_seed(seed)
    if len(choice) >= period:
        picked = torch.stack([choice[torch.randperm(len(choice), generator=g)[:period]] for _ in range(n)])
    else:
        picked = choice[torch.randint(len(choice), (n, period), generator=g)]
    rows = picked.repeat(1, times)
    return rows if bos is None else torch.cat([torch.full((n, 1), bos), rows], 1)


@torch.no_grad()
def head_scores(roles: Roles, ids: Tensor, period: int) -> dict[str, Tensor]:
    """Attention of each head to certain earlier tokens, averaged over the last period of repeated sequences.

    Args:
        roles: of the model.
        ids: from `repeated_tokens`.
        period: of the repetition.

    Returns:
        "current": to the token itself; "previous": to the one before; "duplicate": to the same token one period ago;
        "induction": to the token that followed then; "first": to the first position. Each [layers, heads],
        between 0 and 1.

    Source: Olsson et al. 2022, arXiv:2209.11895, section "prefix matching"; Wang et al. 2022 (duplicate token heads).
    """
    with roles.trace(read="attn.*.pattern") as t:
        roles.model(input_ids=ids)
    later = torch.arange(ids.shape[1] - period, ids.shape[1], device=ids.device)
    back = {"current": 0, "previous": 1, "duplicate": period, "induction": period - 1}
    scores: dict[str, list[Tensor]] = {name: [] for name in (*back, "first")}
    for layer in range(roles.n_layers):
        pattern = t[f"attn.{layer}.pattern"].float()
        for name, steps in back.items():
            scores[name].append(pattern[:, :, later, later - steps].mean((0, 2)))
        scores["first"].append(pattern[:, :, later, 0].mean((0, 2)))
    return {name: torch.stack(rows).cpu() for name, rows in scores.items()}


@torch.no_grad()
def copying_loss(model: nn.Module, ids: Tensor, period: int) -> tuple[float, float]:
    """Mean negative log-likelihood, nats a token, of the first period and of its last repetition.

    The first cannot be predicted; the last can be copied from the context.
    """
    nll = next_token_nll(model, ids)
    start = ids.shape[1] % period  # BOS, if there is one
    first = nll[:, max(start - 1, 0) : start + period - 1]
    return float(first.mean()), float(nll[:, -(period - 1) :].mean())


@torch.no_grad()
def head_means(roles: Roles, batches: Iterable[Mapping[str, Tensor]]) -> Tensor:
    """The mean output of each head before it is mixed, over all tokens of some inputs: [layers, heads, head_dim]."""
    total, count = torch.zeros(roles.n_layers, roles.n_heads, roles.head_dim), 0
    for inputs in batches:
        with roles.trace(read="attn.*.heads") as t:
            roles.model(**inputs)
        real = inputs["attention_mask"].bool() if "attention_mask" in inputs else None
        for layer in range(roles.n_layers):
            x = roles.split(t[f"attn.{layer}.heads"]).float()
            x = x.flatten(0, 1) if real is None else x[real]
            total[layer] += x.sum(0).cpu()
        count += inputs["input_ids"].numel() if real is None else int(real.sum())
    if not count:
        raise GlassbookError("head_means needs at least one batch of inputs")
    return total / count


@contextmanager
def ablate_heads(roles: Roles, heads: Iterable[Head], means: Tensor | None = None) -> Iterator[None]:
    """Ablate heads in every call inside the block: mean ablation with `means`, else zero ablation.

    Args:
        roles: of the model.
        heads: (layer, head) pairs.
        means: from `head_means`, written by each ablated head instead of its output; None: zero.
    """
    ablated = torch.zeros(roles.n_layers, roles.n_heads, dtype=torch.bool)
    for layer, head in heads:
        if not (0 <= layer < roles.n_layers and 0 <= head < roles.n_heads):
            raise GlassbookError(f"there is no head {layer}.{head} in {roles.n_layers} layers of {roles.n_heads} heads")
        ablated[layer, head] = True
    means = torch.zeros(*ablated.shape, roles.head_dim) if means is None else means
    layers = ablated.any(1).nonzero().flatten().tolist()
    edits = {roles[f"attn.{layer}.heads"]: _Ablate(roles, ablated[layer], means[layer]) for layer in layers}
    with trace(roles.model, edit=edits):
        yield


class _Ablate:
    def __init__(self, roles: Roles, ablated: Tensor, value: Tensor) -> None:
        self.roles, self.ablated, self.value = roles, ablated[:, None], value

    def __call__(self, x: Tensor, at: At) -> Tensor:
        self.ablated, self.value = self.ablated.to(x.device), self.value.to(x)
        return torch.where(self.ablated, self.value, self.roles.split(x)).flatten(-2)
