"""Features and their rivals as detectors of the Reserve's attributes, what ablating them does to those, and what a
dictionary loses of the activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassbook import charts
from glassbook.experiments import kit

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.experiments.kit import Documents
    from glassbook.features import Coder, Detected, Sentences
    from glassbook.features.ablation import Unit
    from glassbook.features.detect import Scorer
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run
    from glassbook.notebook.runs.rng import Rng
    from glassbook.trace import Activations
    from glassbook.train import Batch

FEATURES, RANDOM, DIFFERENCE = "features", "random directions", "difference of means"
RIVALS = ("neurons", "residual axes", RANDOM, DIFFERENCE)
"""Detectors whose best unit is ablated beside the feature."""
UNTRAINED = "untrained model"
"""The detector that is learnt in the same way as the features, on the same model with random weights."""
PART = 8
"""Reconstruction and loss are compared on one of so many held-out rows and batches: matching pursuit is slow."""
COST = 0.05
"""Nats that an attribute's own tokens must lose by one of two ablations, or there is nothing to compare."""
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


def reconstruction(
    lm: LanguageModel, site: str, features: Coder, random: Coder, acts: Activations, batches: Sequence[Batch]
) -> dict[str, float]:
    """A dictionary's scores on held-out activations and on the model's loss, beside those of random directions."""
    from glassbook.features import evaluate

    x = acts.read(site)
    loss: dict[str, Any] = {"model": lm.model, "site": site, "batches": batches[::PART], "skip": kit.special_ids(lm)}
    ours, theirs = (evaluate(d, x[::PART], **loss) for d in (features, random))
    return {
        **ours.numbers(),
        "dead_share": evaluate(features, x).dead,
        "random_explained_variance": theirs.explained_variance,
        "random_ce_recovered": theirs.ce_recovered,
        "variance_lost_over_random": (1 - ours.explained_variance) / (1 - theirs.explained_variance),
        "ce_lost_over_random": (1 - ours.ce_recovered) / (1 - theirs.ce_recovered),
    }


def detectors(
    features: Coder, random: Coder, acts: Activations, site: str, neurons: str, text: Sentences, labels: Tensor
) -> dict[str, Detector]:
    """Name -> detector: features, their rivals with both signs (neurons, residual axes, random directions), and the
    difference of means.

    Args:
        features: the dictionary.
        random: its rival.
        acts: the activations.
        site: which of them the dictionaries read.
        neurons: which of them are the neurons'.
        text: their sentences.
        labels: bool [tokens, attributes].
    """
    import torch

    from glassbook.features import both_signs

    x = acts.read(site)
    mean, first = x.mean(0), text.unit < len(text.present) // 2

    def signed(directions: Tensor) -> Tensor:
        return torch.cat([directions, -directions])

    return {
        FEATURES: Detector(site, features.encode, features.W_dec.detach()),
        "neurons": Detector(neurons, both_signs, signed(torch.eye(acts.dim(neurons)))),
        "residual axes": Detector(site, lambda x: both_signs(x - mean), signed(torch.eye(acts.dim(site)))),
        RANDOM: Detector(site, lambda x: both_signs(random.encode(x)), signed(random.W_dec)),
        DIFFERENCE: _difference(site, x[first], labels[first].float()),
    }


def _difference(site: str, x: Tensor, labels: Tensor) -> Detector:
    """A direction for each attribute, from the mean of the tokens without it to the mean of those with it.

    Half-way between the two means its score is 0.
    """
    import torch

    n, total = labels.sum(0)[:, None], labels.T @ x
    there, elsewhere = total / n.clamp(min=1), (x.sum(0) - total) / (len(x) - n).clamp(min=1)
    directions = torch.nn.functional.normalize(there - elsewhere, dim=1)
    middle = ((there + elsewhere) / 2 * directions).sum(1)
    return Detector(site, lambda part: part @ directions.T - middle, directions)


def detect_all(
    units: Mapping[str, Detector], untrained: tuple[Coder, Tensor], acts: Activations, text: Sentences,
    lm: LanguageModel, order: Tensor,
) -> tuple[dict[str, Detected], float]:  # fmt: skip
    """What every detector, the words and a linear probe detect; and what features do by chance.

    Args:
        units: from `detectors`.
        untrained: a dictionary of the untrained model, and that model's activations [tokens, d].
        acts: the activations.
        text: their sentences.
        lm: the model whose tokens they are.
        order: a permutation of the sentences.

    Returns:
        name -> what it detects; and by how much the features' mean average precision exceeds the base rate if every
        sentence has the labels of another, which is how much choosing the best of many units gains by itself.
    """
    import torch

    from glassbook.features import both_signs, detect
    from glassbook.features.detect import probe, word_rivals

    scores = {name: text.pool(unit.score, acts.read(unit.site)) for name, unit in units.items()}
    dictionary, other = untrained
    found = detect({**scores, UNTRAINED: text.pool(dictionary.encode, other)}, text.present)
    found |= word_rivals(text, acts.tokens(), lm.decode)
    x = acts.read(units[FEATURES].site)
    found["linear probe"] = probe(torch.cat([text.mean(x), text.pool(both_signs, x)], 1), text.present)
    mixed = text.present[order]
    chance = detect({FEATURES: scores[FEATURES]}, mixed)[FEATURES]
    base = mixed[len(mixed) // 2 :].double().mean(0)
    return found, float((chance.average_precision - base)[chance.judged].mean())


def attribute_rows(found: Mapping[str, Detected], attributes: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """A row for each judged attribute: average precision of each detector, and how well the feature's name fits.

    Attributes that the words of a sentence do not solve come first.
    """
    from glassbook.features.detect import solved_by_words

    ours, solved = found[FEATURES], solved_by_words(found).tolist()
    rows = [
        {
            "kind": kind, "value": value, "feature": int(ours.best[i]), "solved by words": solved[i],
            **{name: float(d.average_precision[i]) for name, d in found.items()},
            **{name: float(getattr(ours, name)[i]) for name in ("precision", "recall", "f1", "auroc")},
        }
        for i, (kind, value) in enumerate(attributes)
        if bool(ours.judged[i])
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row["solved by words"])


def detection_results(found: Mapping[str, Detected]) -> dict[str, float]:
    """Mean average precision of each detector, and the features' leads; and both over the attributes that the words
    of a sentence do not solve."""
    from glassbook.features.detect import solved_by_words

    ours, unsolved = found[FEATURES], ~solved_by_words(found)
    numbers: dict[str, float] = {
        "attributes": int(ours.judged.sum()),
        "unsolved_attributes": int((ours.judged & unsolved).sum()),
        "attributes_named": int((ours.judged & (ours.first_lift >= kit.NAMED)).sum()),
    }
    for where, among in (("", None), ("unsolved_", unsolved)):
        means = {name: d.mean(among) for name, d in found.items()}
        numbers |= {f"{_slug(name)}_{where}average_precision": mean for name, mean in means.items()}
        numbers |= {f"{where}beyond_{_slug(name)}": means[FEATURES] - means[name] for name in found}
    return numbers


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
    named = torch.nonzero(ours.judged & (ours.first_lift >= kit.NAMED))[:, 0]
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
    """Mean costs in nats; the number of attributes on which the feature's ablation or a rival's costs COST nats, and
    the share of these on which the feature's costs more.

    Compared are attributes on which the rival can do such damage; shares and means are NaN if there is none.
    """
    numbers = {"ablated_attributes": float(len(rows)), "ablation_cost": _mean([row[FEATURES] for row in rows])}
    for name in RIVALS:
        pairs = [(row[FEATURES], row[name]) for row in rows if row[name] == row[name]]
        decided = [ours > theirs for ours, theirs in pairs if max(ours, theirs) >= COST]
        numbers[f"ablation_pairs_{_slug(name)}"] = len(decided)
        numbers[f"ablation_cost_{_slug(name)}"] = _mean([theirs for _, theirs in pairs])
        numbers[f"ablation_beats_{_slug(name)}"] = _mean([float(ours) for ours in decided])
    return numbers


def draw(run: Run, table: list[dict[str, Any]], detectors: Sequence[str], ablations: list[dict[str, Any]]) -> None:
    """Tables, and charts of how average precision and the costs of ablations are spread."""
    run.table("attributes", table)
    run.table("ablations", ablations)
    rows = [{"kind": row["kind"], "ap": row[name], "detector": name} for row in table for name in detectors]
    precision = charts.Axis("ap", "average precision on held-out sentences", domain=(0, 1))
    run.chart("detection", charts.spread(rows, precision, "detector", "kind", "tick"))
    costs = [{"unit": name, "cost": row[name], "at": "equal damage"} for name in (FEATURES, *RIVALS)
             for row in ablations if row[name] == row[name]]  # fmt: skip
    cost = charts.Axis("cost", "nats that the attribute's own tokens lose")
    run.chart("ablation", charts.spread(costs, cost, "unit", "at", "tick"))


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
