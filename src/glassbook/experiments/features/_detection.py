"""Features and their rivals as detectors of the Reserve's attributes, and what ablating them does to those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassbook.experiments import kit

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.experiments.kit import Documents
    from glassbook.features import Coder, Detected, Sentences
    from glassbook.features.ablation import Unit
    from glassbook.features.detect import Scorer
    from glassbook.nets import LanguageModel
    from glassbook.notebook.runs.rng import Rng
    from glassbook.trace import Activations

FEATURES, RANDOM = "features", "random directions"
RIVALS = ("neurons", "residual axes", RANDOM)
"""Detectors whose best unit is ablated beside the feature."""
WITH, WITHOUT = 12, 6
"""Documents with and without an attribute on which its units are ablated."""


@dataclass(frozen=True, eq=False)
class Detector:
    """Units that may detect an attribute.

    Attributes:
        site: whose activations they read.
        score: activations [n, d] -> [n, units].
        directions: [units, d], what each adds to the site at a score of 1.
    """

    site: str
    score: Scorer
    directions: Tensor


def detectors(features: Coder, random: Coder, acts: Activations, site: str, neurons: str) -> dict[str, Detector]:
    """Name -> detector: features, neurons, residual axes and random directions; the last three with both signs."""
    import torch

    from glassbook.features import both_signs

    mean = acts.read(site).mean(0)

    def signed(directions: Tensor) -> Tensor:
        return torch.cat([directions, -directions])

    return {
        FEATURES: Detector(site, features.encode, features.W_dec.detach()),
        "neurons": Detector(neurons, both_signs, signed(torch.eye(acts.dim(neurons)))),
        "residual axes": Detector(site, lambda x: both_signs(x - mean), signed(torch.eye(acts.dim(site)))),
        RANDOM: Detector(site, lambda x: both_signs(random.encode(x)), signed(random.W_dec)),
    }


def detect_all(
    units: Mapping[str, Detector], acts: Activations, text: Sentences, order: Tensor
) -> tuple[dict[str, Detected], float]:
    """What every detector, the presence of one token and a linear probe detect; and what features do by chance.

    Args:
        units: from `detectors`.
        acts: the activations.
        text: their sentences.
        order: a permutation of the sentences.

    Returns:
        name -> what it detects; and by how much the features' mean average precision exceeds the base rate if every
        sentence has the labels of another, which is how much choosing the best of many units gains by itself.
    """
    import torch

    from glassbook.features import both_signs, detect
    from glassbook.features.detect import TOKEN, probe

    scores = {name: text.pool(unit.score, acts.read(unit.site)) for name, unit in units.items()}
    found = detect({**scores, TOKEN: text.tokens(acts.tokens())}, text.present)
    x = acts.read(units[FEATURES].site)
    found["linear probe"] = probe(torch.cat([text.mean(x), text.pool(both_signs, x)], 1), text.present)
    mixed = text.present[order]
    chance = detect({FEATURES: scores[FEATURES]}, mixed)[FEATURES]
    base = mixed[len(mixed) // 2 :].double().mean(0)
    return found, float((chance.average_precision - base)[chance.judged].mean())


def attribute_rows(found: Mapping[str, Detected], attributes: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """A row for each judged attribute: average precision of each detector, and how well the feature's name fits."""
    from glassbook.features.detect import solved_by_token

    ours, solved = found[FEATURES], solved_by_token(found).tolist()
    return [
        {
            "kind": kind, "value": value, "feature": int(ours.best[i]), "solved by one token": solved[i],
            **{name: float(d.average_precision[i]) for name, d in found.items()},
            **{name: float(getattr(ours, name)[i]) for name in ("precision", "recall", "f1", "auroc")},
        }
        for i, (kind, value) in enumerate(attributes)
        if bool(ours.judged[i])
    ]  # fmt: skip


def detection_results(found: Mapping[str, Detected]) -> dict[str, float]:
    """Mean average precision of each detector, and the features' leads; over the attributes that one token does not
    solve as well."""
    from glassbook.features.detect import TOKEN, solved_by_token

    unsolved = ~solved_by_token(found)
    everywhere = {name: d.mean() for name, d in found.items()}
    hard = {name: d.mean(unsolved) for name, d in found.items()}
    ours = found[FEATURES]
    return {
        **{f"{_slug(name)}_average_precision": value for name, value in everywhere.items()},
        **{f"{_slug(name)}_unsolved_average_precision": value for name, value in hard.items()},
        **{f"beyond_{_slug(name)}": everywhere[FEATURES] - everywhere[name] for name in (*RIVALS, TOKEN)},
        "beyond_one_token_unsolved": hard[FEATURES] - hard[TOKEN],
        "attributes": int(ours.judged.sum()),
        "unsolved_attributes": int((ours.judged & unsolved).sum()),
        "attributes_named": int((ours.judged & (ours.first_f1 >= kit.NAMED)).sum()),
    }


def ablate(
    lm: LanguageModel, units: Mapping[str, Detector], found: Mapping[str, Detected], documents: Documents,
    labels: Tensor, acts: Activations, rng: Rng, most: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Ablate the feature of an attribute, and its best rivals at equal damage, on documents of the second half.

    Args:
        lm: the model.
        units: from `detectors`.
        found: what they detect.
        documents: where the activations are from.
        labels: bool [documents, T, attributes].
        acts: the activations.
        rng: of the attributes and documents.
        most: attributes to look at, drawn from those that a feature is named after.

    Returns:
        a row for each attribute: damage, and by how much each ablation raises the loss (in nats) at the attribute's own
        tokens; NaN for a rival that cannot do such damage.
    """
    import torch

    from glassbook.features.ablation import Ablation

    ours, draw = found[FEATURES], rng.torch()
    named = torch.nonzero(ours.judged & (ours.first_f1 >= kit.NAMED))[:, 0]
    second = documents.sentence.max(1).values > documents.sentence.max() // 2
    rows = []
    for a in named[torch.randperm(len(named), generator=draw)[:most]].tolist():
        there = (labels[:, 1:, a] & (documents.sentence[:, 1:] >= 0)).any(1)
        chosen = torch.cat([_some(there & second, WITH, draw), _some(~there & second, WITHOUT, draw)])
        batch = documents.batch(chosen)
        own = labels[chosen, : batch["input_ids"].shape[1], a]
        ablation = Ablation(lm.model, batch, own)
        removed = {
            name: _unit(units[name], int(found[name].best[a]), acts, chosen, own) for name in (FEATURES, *RIVALS)
        }
        effect = ablation.effect(removed[FEATURES])
        rivals = {name: ablation.at_damage(removed[name], effect.damage) for name in RIVALS}
        kind, value = documents.attributes[a]
        costs = {name: rival.cost if rival else float("nan") for name, rival in rivals.items()}
        rows.append({"kind": kind, "value": value, "damage": effect.damage, FEATURES: effect.cost, **costs})
    return rows


def ablation_results(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean costs in nats, and the share of attributes on which the feature's ablation costs more than a rival's."""
    numbers = {"ablated_attributes": float(len(rows)), "ablation_cost": _mean([row[FEATURES] for row in rows])}
    for name in RIVALS:
        pairs = [(row[FEATURES], row[name]) for row in rows if row[name] == row[name]]
        numbers[f"ablation_cost_{_slug(name)}"] = _mean([theirs for _, theirs in pairs])
        numbers[f"ablation_beats_{_slug(name)}"] = _mean([float(ours > theirs) for ours, theirs in pairs])
    return numbers


def _unit(detector: Detector, index: int, acts: Activations, chosen: Tensor, like: Tensor) -> Unit:
    """A detector's unit on the chosen documents; where its score is below zero it counts as absent."""
    import torch

    from glassbook.features.ablation import Unit

    document, position = acts.index()
    here = torch.isin(document, chosen)
    row = (document[here, None] == chosen).int().argmax(1)
    with torch.no_grad():
        scores = detector.score(acts.read(detector.site)[here])[:, index].relu()
    values = torch.zeros(like.shape).index_put_((row, position[here]), scores)
    return Unit(detector.site, values, detector.directions[index])


def _some(which: Tensor, n: int, generator: Any) -> Tensor:
    """Up to n of the documents for which `which` is true, drawn at random."""
    import torch

    numbers = torch.nonzero(which)[:, 0]
    return numbers[torch.randperm(len(numbers), generator=generator)[:n]]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _slug(name: str) -> str:
    return name.replace(" ", "_")
