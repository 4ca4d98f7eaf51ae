"""Short descriptions of features: what each is active on, which attribute it detects, for tables and the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glassbook.experiments import kit
from glassbook.notebook.runs.feature_dashboard import Feature, Name

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.features.coder import Coder

BEFORE, AFTER = 8, 3
"""Tokens of context shown on either side."""
DETECTORS = ("dictionary", "best neuron", "random dictionary")
BAR = 0.9
"""AUROC from which on an attribute counts as detected."""


def detect_attributes(
    sae: Coder, random: Coder, x: Tensor, hidden: Tensor, documents: kit.Documents, index: tuple[Tensor, Tensor]
) -> list[dict[str, Any]]:
    """How well each attribute of the world is detected: kind, value, feature, and an AUROC for each detector.

    The best feature is chosen on half of the sentences and measured on the others (`features.detect`), and so is the
    best neuron, among those of the block's MLP and the axes of the residual stream.

    Args:
        sae: the dictionary.
        random: its rival.
        x: [n, d] activations that both read.
        hidden: [n, d_hidden] activations of the neurons.
        documents: where they are from.
        index: ([n], [n]) document and position of each row.
    """
    import torch

    from glassbook.features import Sentences, both_signs, detect

    text = Sentences.of(documents.sentence[index], documents.labels[index])
    scores = {
        "dictionary": text.pool(sae.encode, x), "random": text.pool(lambda part: both_signs(random.encode(part)), x),
        "neurons": torch.cat([text.pool(both_signs, hidden), text.pool(both_signs, x)], 1),
    }  # fmt: skip
    detected = detect(scores, text.present)
    ours = detected["dictionary"]
    return [
        {
            "kind": kind, "value": value, "feature": int(ours.best[i]), "dictionary": float(ours.auroc[i]),
            "best neuron": float(detected["neurons"].auroc[i]),
            "random dictionary": float(detected["random"].auroc[i]), "first F1": float(ours.first_f1[i]),
            "precision": float(ours.half_precision[i]), "recall": float(ours.half_recall[i]),
            "top precision": float(ours.top_precision[i]),
        }
        for i, (kind, value) in enumerate(documents.attributes)
        if bool(ours.judged[i])
    ]  # fmt: skip


def shares(attributes: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Detector -> share of the attributes that it detects."""
    return {name: sum(row[name] >= BAR for row in attributes) / max(len(attributes), 1) for name in DETECTORS}


def results(attributes: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The shares as results of a run, with the leads over both rivals."""
    share = shares(attributes)
    ours, neurons, random = (share[name] for name in DETECTORS)
    return {
        "attributes_detected": ours, "neurons_detected": neurons, "random_detected": random,
        "detected_beyond_neurons": ours - neurons, "detected_beyond_random": ours - random,
    }  # fmt: skip


def names(attributes: Sequence[dict[str, Any]]) -> dict[int, list[Name]]:
    """Feature -> the attributes that it detects best, by its F1 on the half that chose it; their score is the AUROC."""
    found: dict[int, list[Name]] = {}
    for row in sorted(attributes, key=lambda row: -row["first F1"]):
        if row["first F1"] >= kit.NAMED:
            label, fits = f"{row['kind']}: {row['value']}", (row["precision"], row["recall"], row["top precision"])
            found.setdefault(row["feature"], []).append(Name(label, "truth", row["dictionary"], {}, *fits))
    return found


def card(feature: Feature) -> dict[str, Any]:
    """A feature in short: index, density, leading tokens, share of the first of them, contexts, names and AUROC."""
    return {
        "index": feature.index,
        "density": feature.density,
        "tokens": [token for token, _ in feature.tokens[:5]],
        "share": feature.tokens[0][1] if feature.tokens else 0.0,
        "contexts": [_context(context) for context in feature.contexts[:2] if context],
        "label": feature.label or None,
        "names": [str(n) if n.precision is not None or n.score is None else f"{n.label} ({n.score:.2f})"
                  for n in feature.names],
        "auroc": feature.score,
    }  # fmt: skip


def ranked(cards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cards, the most telling first: labelled ones, one of each kind in turn; then those on few tokens."""
    labelled = sorted((card for card in cards if card["label"]), key=lambda card: -(card["auroc"] or 0))
    if not labelled:
        return sorted(cards, key=lambda card: (not card["tokens"], -card["share"] * min(card["density"], 0.02) ** 0.5))
    seen: dict[str, int] = {}
    turn = {}
    for card in labelled:
        kind = str(card["label"]).split(":")[0]
        turn[card["index"]] = seen[kind] = seen.get(kind, -1) + 1
    first = sorted(labelled, key=lambda card: (turn[card["index"]], -(card["auroc"] or 0)))
    return first + [card for card in cards if not card["label"]]


def _context(context: Sequence[tuple[str, float]]) -> str:
    """Some tokens around the strongest one, which stands between « and »."""
    at = max(range(len(context)), key=lambda i: context[i][1])
    pieces = [token for token, _ in context]
    lead = " " if pieces[at].startswith(" ") else ""
    before, after = pieces[max(0, at - BEFORE) : at], pieces[at + 1 : at + 1 + AFTER]
    return f"{''.join(before)}{lead}«{pieces[at].strip()}»{''.join(after)}".strip()
