"""How good `pretrain`'s model is: nats per document and genre, a bigram model beside it, and verdicts on accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glassbook.experiments.kit import Batches

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from glassbook.data.world import Document, World
    from glassbook.nets import LM, LanguageModel


def document_nll(model: LM, input_ids: Tensor, real: Tensor) -> Tensor:
    """Nats that the model needs for each document, given that it begins."""
    import torch

    from glassbook.nets import next_token_nll

    out = []
    with torch.inference_mode():
        for ids, mask in zip(input_ids.split(64), real.split(64), strict=True):
            out.append((next_token_nll(model, ids, mask.long()) * mask[:, 1:]).sum(1))
    return torch.cat(out)


def by_genre(genres: Sequence[str], nll: np.ndarray, nats: np.ndarray, tokens: np.ndarray) -> list[dict[str, Any]]:
    """Loss and entropy of each genre, in nats per token."""
    import numpy as np

    rows = []
    for genre in sorted(set(genres)):
        of = np.array([g == genre for g in genres])
        loss, entropy = float(nll[of].sum() / tokens[of].sum()), float(nats[of].sum() / tokens[of].sum())
        rows.append({"genre": genre, "documents": int(of.sum()), "loss": loss, "entropy": entropy,
                     "loss_over_entropy": loss / entropy})  # fmt: skip
    return rows


def verdicts(lm: LanguageModel, world: World, n: int, seed: int) -> dict[str, float]:
    """How well the model's odds of "the truth" against "a lie" tell true accounts from lies: AUROC and accuracy.

    Accounts are compared with those of the same speaker only: some rangers lie more often, which says nothing about
    the account at hand. Control: the same accounts behind the record of another report.

    Args:
        lm: the model.
        world: where the reports come from.
        n: how many.
        seed: of the reports.
    """
    import torch

    from glassbook.data.tokens import take

    reports = take(world.stream(seed, genre="report"), n)
    true = torch.tensor([_marked(d, "verdict") == "truth" for d in reports])
    speakers = [_marked(d, "speaker") for d in reports]
    ends = [next(s.start for s in d.spans if s.kind == "verdict") for d in reports]
    starts = [d.text[:end] + "That was" for d, end in zip(reports, ends, strict=True)]
    records, accounts = zip(*(text.split(". ", 1) for text in starts), strict=True)
    moved = [f"{record}. {account}" for record, account in zip(records[1:] + records[:1], accounts, strict=True)]
    score, other = _odds_of_truth(lm, starts), _odds_of_truth(lm, moved)
    return {
        "verdict_auroc": _auroc_within(speakers, score, true),
        "verdict_auroc_other_record": _auroc_within(speakers, other, true),
        "verdict_accuracy": float(((score > 0) == true).float().mean()),
    }


def _marked(document: Document, kind: str) -> str:
    return next(span.value for span in document.spans if span.kind == kind)


def _odds_of_truth(lm: LanguageModel, texts: Sequence[str]) -> Tensor:
    """Log odds of " the" against " a" behind each text: "That was the truth" or "That was a lie"."""
    import torch

    truth, lie = (lm.encode(word, bos=False)[0] for word in (" the", " a"))
    odds = []
    for i in range(0, len(texts), 64):
        batch = lm.batch(texts[i : i + 64], pad="left")
        with torch.inference_mode():
            logits = lm.model(**batch).logits[:, -1].float()
        odds.append(logits[:, truth] - logits[:, lie])
    return torch.cat(odds)


def _auroc_within(groups: Sequence[str], score: Tensor, true: Tensor) -> float:
    """AUROC over the pairs of a true and a false one that belong to the same group."""
    import torch

    from glassbook.measure.detection import auroc

    found = total = 0.0
    for group in set(groups):
        of = torch.tensor([g == group for g in groups])
        pairs = int(true[of].sum() * (~true[of]).sum())
        if pairs:
            found, total = found + pairs * float(auroc(score[of], true[of])), total + pairs
    return found / total if total else float("nan")


def bigram_loss(text: Batches, steps: int, input_ids: np.ndarray, real: np.ndarray, vocab: int) -> float:
    """Control: nats per token of an interpolated bigram model counted on the same training text."""
    import numpy as np

    pair, single = np.zeros((vocab, vocab)), np.ones(vocab)
    for step in range(steps):
        rows = text(step)["input_ids"].numpy()
        np.add.at(pair, (rows[:, :-1].ravel(), rows[:, 1:].ravel()), 1)
        np.add.at(single, rows.ravel(), 1)
    before, after, mask = input_ids[:, :-1], input_ids[:, 1:], real[:, 1:]
    unigram = single / single.sum()
    # Witten-Bell: the more different successors a token has had, the more is left to the unigram.
    kinds, total = (pair > 0).sum(1), pair.sum(1)
    weight = total / np.maximum(total + kinds, 1)
    p = weight[before] * pair[before, after] / np.maximum(total[before], 1) + (1 - weight[before]) * unigram[after]
    return float(-(np.log(p) * mask).sum() / mask.sum())
