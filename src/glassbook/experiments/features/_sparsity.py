"""Sparsity rules at several settings, their scores in a synthetic world, and scores at equal sparsity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from glassbook import charts
from glassbook.experiments import kit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch import Tensor

    from glassbook.features import Coder, SparsityRule
    from glassbook.notebook import Run


PURSUIT = "matching pursuit"
MEASURES = {
    "EV": "explained variance (world)",
    "F1": "F1 of the truth (world)",
    "EV of the model": "explained variance (model)",
    "CE recovered": "CE recovered (model)",
}
"""Column of the table -> title of its chart."""


def same_rule(l0s: Sequence[int]) -> Iterator[tuple[str, SparsityRule]]:
    """BatchTopK under the name of every rule and of matching pursuit: no lead can be due to the rule."""
    from glassbook.features import BatchTopK

    names = [*dict.fromkeys(name for name, _ in rules((1,), (1.0,), 16)), PURSUIT]
    yield from ((name, BatchTopK(k)) for name in names for k in l0s)


def rules(l0s: Sequence[int], l1: Sequence[float], width: int) -> Iterator[tuple[str, SparsityRule]]:
    """(name, rule) of every sparsity rule at each setting, rising.

    Args:
        l0s: numbers of active latents to aim at.
        l1: weights of the ReLU's penalty instead, from few to many active latents.
        width: latents of the dictionaries.
    """
    from glassbook.features import BatchTopK, JumpReLU, Matryoshka, ReLU, TopK

    prefixes = (width // 16, width // 4, width)
    yield from (("TopK", TopK(k)) for k in l0s)
    yield from (("BatchTopK", BatchTopK(k)) for k in l0s)
    yield from (("Matryoshka", Matryoshka(BatchTopK(k), prefixes)) for k in l0s)
    yield from (("JumpReLU", JumpReLU(l0=k)) for k in l0s)
    yield from (("ReLU + L1", ReLU(l1=weight)) for weight in l1)


def truth_scores(coder: Coder, directions: Tensor, truth: Tensor, test: Tensor) -> dict[str, float]:
    """Error and truth of one dictionary of a synthetic world.

    Args:
        coder: the dictionary.
        directions: [features, d] true directions.
        truth: [N, features] strength of each feature in a sample.
        test: [N, d] samples.
    """
    import torch

    from glassbook.measure.matching import cosines, latent_f1, uniqueness
    from glassbook.measure.reconstruction import explained_variance

    with torch.no_grad():
        fired = torch.cat([coder.encode(part) != 0 for part in test.split(2048)])
        rebuilt = torch.cat([coder(part) for part in test.split(2048)])
    W = coder.W_dec.detach()
    return {
        "L0": float(fired.sum(1).float().mean()),
        "EV": explained_variance(test, rebuilt),
        "F1": latent_f1(directions, W, truth > 0, fired),
        "MCC": float(cosines(directions, W).abs().max(0).values.mean()),
        "uniqueness": uniqueness(directions, W),
        "dead": float((~fired.any(0)).float().mean()),
    }


def at_sparsity(rows: list[dict[str, Any]], rule: str, l0: float) -> dict[str, float]:
    """A rule's scores at `l0` active latents, interpolated between its rows (linearly in the logarithm of L0).

    Not measured, NaN, if its settings do not enclose `l0`: by more than 2 %, which training leaves.
    """
    import numpy as np

    points = sorted((row for row in rows if row["rule"] == rule), key=lambda row: row["L0"])
    where = [math.log(max(row["L0"], 1e-9)) for row in points]
    enclosed = where[0] - 0.02 <= math.log(l0) <= where[-1] + 0.02
    return {
        key: float(np.interp(math.log(l0), where, [row[key] for row in points])) if enclosed else math.nan
        for key in ("EV", "F1", "MCC")
    }


def trained(
    run: Run, label: str, x: Tensor, each: Iterable[tuple[str, SparsityRule]], lr: float, width: int, steps: int,
    batch_size: int,
) -> list[tuple[str, Coder]]:  # fmt: skip
    """A dictionary for each (name, rule), from weights of its own, trained on the same batches."""
    import torch

    from glassbook.features import Dictionary

    rng = run.rng(f"dictionaries of the {label}")
    torch.manual_seed(rng.seed)
    saes = [(name, Dictionary(x.shape[1], width, rule)) for name, rule in each]
    how: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "lr": lr, "seed": rng.seed}
    kit.train_saes(run, label, x, [sae for _, sae in saes], **how, log_every=100)
    return [*saes]


def frontier(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Chart of every measure against the number of active latents."""
    points = [
        {"rule": row["rule"], "L0": row["L0"], "score": row[key], "measure": title}
        for key, title in MEASURES.items() for row in rows if key in row
    ]  # fmt: skip
    l0 = charts.Axis("L0", "active latents (L0)", scale="log")
    return charts.lines(points, l0, charts.Axis("score"), "rule", points=True, facet="measure")
