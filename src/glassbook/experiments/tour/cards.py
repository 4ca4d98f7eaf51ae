"""Short descriptions of features: what each is active on, which attributes it detects, for tables and the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from glassbook.experiments import kit
from glassbook.notebook.runs.feature_dashboard import Feature, Name

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.features.coder import Coder

BEFORE, AFTER = 8, 3
"""Tokens of context shown on either side."""
DETECTORS = ("dictionary", "best neuron", "random dictionary", "best word")


def detect_attributes(
    sae: Coder, random: Coder, x: Tensor, hidden: Tensor, documents: kit.Documents, index: tuple[Tensor, Tensor],
    tokens: Tensor, decode: Callable[[list[int]], str],
) -> list[dict[str, Any]]:  # fmt: skip
    """How well each attribute of the world is detected, a row for each.

    The best feature is chosen by average precision on half of the sentences, and its threshold with it, and measured on
    the others (`features.detect`). So are its rivals: the best neuron, among those of the block's MLP and the axes of
    the residual stream; the best random direction; and the presence of the best word or pair of words.

    Args:
        sae: the dictionary.
        random: its rival.
        x: [n, d] activations that both read.
        hidden: [n, d_hidden] activations of the neurons.
        documents: where they are from.
        index: ([n], [n]) document and position of each row.
        tokens: [n] token ids.
        decode: token ids to text.

    Returns:
        kind, value, feature; of each detector its average precision and, as "<detector> lift", how far its F1 lies
        between that of calling every sentence positive (0) and 1; of the feature its precision and recall, and the lift
        on the half that chose it.
    """
    import torch

    from glassbook.features import Sentences, both_signs, detect
    from glassbook.features.detect import WORD, word_rivals

    text = Sentences.of(documents.sentence[index], documents.labels[index])
    scores: dict[str, Tensor] = dict(zip(DETECTORS, (
        text.pool(sae.encode, x),
        torch.cat([text.pool(both_signs, hidden), text.pool(both_signs, x)], 1),
        text.pool(lambda part: both_signs(random.encode(part)), x),
    ), strict=False))  # fmt: skip
    found = detect(scores, text.present) | {WORD: word_rivals(text, tokens, decode)[WORD]}
    ours = found["dictionary"]
    return [
        {
            "kind": kind, "value": value, "feature": int(ours.best[i]),
            **{name: float(d.average_precision[i]) for name, d in found.items()},
            **{f"{name} lift": float(d.lift[i]) for name, d in found.items()},
            "first lift": float(ours.first_lift[i]),
            "precision": float(ours.precision[i].nan_to_num(0)), "recall": float(ours.recall[i]),
            "half precision": float(ours.half_precision[i]), "half recall": float(ours.half_recall[i]),
            "top precision": float(ours.top_precision[i]),
        }
        for i, (kind, value) in enumerate(documents.attributes)
        if bool(ours.judged[i])
    ]  # fmt: skip


def shares(attributes: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Detector -> share of the attributes that it detects: the lift of its F1 is at least `kit.NAMED`."""
    n = max(len(attributes), 1)
    return {name: sum(row[f"{name} lift"] >= kit.NAMED for row in attributes) / n for name in DETECTORS}


def results(attributes: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The shares as results of a run, with the leads over neurons and random directions."""
    share = shares(attributes)
    ours, neurons, random, word = (share[name] for name in DETECTORS)
    return {
        "attributes_detected": ours, "neurons_detected": neurons, "random_detected": random, "word_detected": word,
        "detected_beyond_neurons": ours - neurons, "detected_beyond_random": ours - random,
    }  # fmt: skip


def named(attributes: Sequence[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Feature -> rows of the attributes that it is named after, by the half that chose it; the best first."""
    found: dict[int, list[dict[str, Any]]] = {}
    for row in sorted(attributes, key=lambda row: -row["first lift"]):
        if row["first lift"] >= kit.NAMED:
            found.setdefault(row["feature"], []).append(row)
    return found


def names(attributes: Sequence[dict[str, Any]]) -> dict[int, list[Name]]:
    """Feature -> its names for a dashboard; their score is the average precision."""
    return {
        feature: [
            Name(f"{row['kind']}: {row['value']}", "truth", row["dictionary"], {}, row["half precision"],
                 row["half recall"], row["top precision"])
            for row in rows
        ]
        for feature, rows in named(attributes).items()
    }  # fmt: skip


def card(feature: Feature, rows: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """A feature in short: index, density, leading tokens, share of the first of them, contexts, label, names, score.

    Args:
        feature: of the dashboard.
        rows: of the attributes that it is named after; each name tells precision and recall.
    """
    return {
        "index": feature.index,
        "density": feature.density,
        "tokens": [token for token, _ in feature.tokens[:5]],
        "share": feature.tokens[0][1] if feature.tokens else 0.0,
        "contexts": [_context(context) for context in feature.contexts[:2] if context],
        "label": feature.label or None,
        "names": [f"{row['kind']} {row['value']} (precision {row['precision']:.2f}, recall {row['recall']:.2f})"
                  for row in rows],
        "score": feature.score,
    }  # fmt: skip


def ranked(cards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cards, the most telling first: labelled ones, one of each kind in turn; then those on few tokens."""
    labelled = sorted((card for card in cards if card["label"]), key=lambda card: -(card["score"] or 0))
    if not labelled:
        return sorted(cards, key=lambda card: (not card["tokens"], -card["share"] * min(card["density"], 0.02) ** 0.5))
    seen: dict[str, int] = {}
    turn = {}
    for card in labelled:
        kind = str(card["label"]).split(":")[0]
        turn[card["index"]] = seen[kind] = seen.get(kind, -1) + 1
    first = sorted(labelled, key=lambda card: (turn[card["index"]], -(card["score"] or 0)))
    return first + [card for card in cards if not card["label"]]


def _context(context: Sequence[tuple[str, float]]) -> str:
    """Some tokens around the strongest one, which stands between « and »."""
    at = max(range(len(context)), key=lambda i: context[i][1])
    pieces = [token for token, _ in context]
    lead = " " if pieces[at].startswith(" ") else ""
    before, after = pieces[max(0, at - BEFORE) : at], pieces[at + 1 : at + 1 + AFTER]
    return f"{''.join(before)}{lead}«{pieces[at].strip()}»{''.join(after)}".strip()
