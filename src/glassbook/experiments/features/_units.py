"""Monosemanticity of a dictionary's features and of their rivals: their values, and how much one label says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassbook.experiments import kit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from glassbook.features import Dictionary
    from glassbook.notebook.runs.rng import Rng

OFTEN = 20
"""Units and labels that occur on fewer tokens are left out."""


def units(
    features: Dictionary, k: int, x: Tensor, held_out: Tensor, neurons: Tensor, rng: Rng, stand_in: bool
) -> dict[str, Tensor]:
    """Values of features, neurons, components and random directions on held-out tokens; none is negative.

    All but features have two signs, which count as two units; neurons and components also come made sparse.

    Args:
        features: the dictionary.
        k: how many of its features are active on a token, and how many units of whatever is made as sparse.
        x: [N, d] activations that it was learnt from.
        held_out: [n, d] activations.
        neurons: [n, m] those of the block's neurons.
        rng: of random directions.
        stand_in: other random directions stand in for the features.
    """
    import torch

    from glassbook.features import both_signs
    from glassbook.features.classical import pca

    components = pca(x, x.shape[1]).encode(held_out)
    random, other = (kit.frozen_random(x, features.width, k, rng.child(name)) for name in ("rival", "stand-in"))
    rivals = {
        "neurons": neurons, "sparse neurons": strongest(neurons, k), "components": components,
        "sparse components": strongest(components, k), "random": random.encode(held_out),
    }  # fmt: skip
    with torch.no_grad():
        ours = both_signs(other.encode(held_out)).relu() if stand_in else features.encode(held_out)
    return {"features": ours} | {name: both_signs(values).relu() for name, values in rivals.items()}


def strongest(values: Tensor, k: int) -> Tensor:
    """Units [n, m] made as sparse as features: of each token the k that are farthest from their mean, in units of
    their spread, as those distances; 0 elsewhere."""
    z = (values - values.mean(0)) / values.std(0).clamp(min=1e-6)
    kept = z.abs().topk(k, dim=1).indices
    return z.new_zeros(z.shape).scatter_(1, kept, z.gather(1, kept))


def explained(
    values: Mapping[str, Tensor], labels: Tensor, tokens: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Share of each unit's variance that its best attribute or token explains, and by attributes alone.

    Args:
        values: from `units`.
        labels: bool [n, attributes].
        tokens: int [n].
    """
    import torch

    from glassbook.measure.monosemanticity import single_label_r2

    _, token, count = tokens.unique(return_inverse=True, return_counts=True)
    either = torch.cat([labels, torch.nn.functional.one_hot(token, len(count)).bool()], 1)
    either, labels = (kinds[:, kinds.sum(0) >= OFTEN] for kinds in (either, labels))
    often = {unit: (latents != 0).sum(0) >= OFTEN for unit, latents in values.items()}
    by_either, by_attribute = (
        {unit: single_label_r2(latents, kinds)[0][often[unit]] for unit, latents in values.items()}
        for kinds in (either, labels)
    )
    return by_either, by_attribute


def token_bits(values: Mapping[str, Tensor], tokens: Tensor) -> dict[str, Tensor]:
    """Entropy of each unit's activation over the current token [n], in bits."""
    import torch

    from glassbook.measure.monosemanticity import label_entropy

    found = {}
    for unit, latents in values.items():
        index = torch.arange(latents.shape[1]).expand_as(latents)
        parts = zip(latents.split(64, 1), index.split(64, 1), strict=True)
        bits = torch.cat([label_entropy(z, i - i[0, 0], tokens, z.shape[1]) for z, i in parts])
        found[unit] = bits[(latents > 0).sum(0) >= OFTEN]
    return found


def named(measure: str, values: Mapping[str, float]) -> dict[str, float]:
    """Numbers of each unit as results of a run: "explained_sparse_neurons"."""
    return {f"{measure}_{unit.replace(' ', '_')}": value for unit, value in values.items()}


def dense_or_sparse(values: Mapping[str, float], unit: str) -> tuple[float, float]:
    """The lower and the higher number of a kind of unit as it is and made sparse; NaN if one was not measured."""
    import torch

    both = torch.tensor([values[unit], values[f"sparse {unit}"]])
    return float(both.amin()), float(both.amax())
