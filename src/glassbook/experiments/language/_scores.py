"""Scores of the model of `pretrain`: loss by genre, verdicts on accounts, spelling, and n-gram models as rivals."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbook.experiments import kit

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from glassbook.data.world import Document, World
    from glassbook.nets import LanguageModel
    from glassbook.notebook.runs.rng import Rng


def document_nll(model: nn.Module, input_ids: Tensor, real: Tensor) -> Tensor:
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


class NGrams:
    """Rival: interpolated n-gram models of orders 1 to `order`, counted on training text (Witten-Bell smoothing).

    The more different tokens have followed a context, the more of its probability is left to the shorter context.

    Args:
        rows: [rows, length] token ids.
        vocab: number of tokens.
        order: of the longest; a model of order n sees n - 1 tokens before the one that it predicts. Of many tokens
            it is less: a run of n has to fit a 64-bit number.
    """

    def __init__(self, rows: np.ndarray, vocab: int, order: int = 5) -> None:
        import numpy as np

        self.vocab = vocab
        single = np.bincount(rows.ravel(), minlength=vocab) + 1.0
        self.unigram = single / single.sum()
        self.counts: dict[int, tuple[np.ndarray, ...]] = {}
        for n in range(2, min(order, rows.shape[1], int(63 / math.log2(vocab))) + 1):
            code, count = np.unique(self._codes(rows, n), return_counts=True)
            context, first = np.unique(code // vocab, return_index=True)
            total, kinds = np.add.reduceat(count, first), np.diff(first, append=len(code))
            self.counts[n] = code, count, context, total, kinds

    def losses(self, input_ids: np.ndarray, real: np.ndarray) -> dict[int, float]:
        """Nats per token that each order from 2 up needs for documents; both arrays [documents, length]."""
        import numpy as np

        p, mask, found = self.unigram[input_ids[:, 1:]], real[:, 1:], {}
        for n, (code, count, context, total, kinds) in self.counts.items():
            if n <= input_ids.shape[1]:
                asked, shorter = self._codes(input_ids, n), p[:, n - 2 :]
                before = asked // self.vocab
                seen, all_seen = _look_up(code, count, asked), _look_up(context, total, before)
                left = _look_up(context, kinds, before)
                longer = (seen + left * shorter) / np.maximum(all_seen + left, 1)
                p = np.concatenate([p[:, : n - 2], np.where(all_seen > 0, longer, shorter)], axis=1)
            found[n] = float(-(np.log(p) * mask).sum() / mask.sum())
        return found

    def sample(self, n: int, tokens: int, bos: int, eos: int, rng: np.random.Generator) -> list[list[int]]:
        """Texts of the bigram model, sampled at top-p 0.95, up to the token that ends a text."""
        import numpy as np

        code, count, *_ = self.counts[2]
        texts = []
        for _ in range(n):
            text, last = [], bos
            while len(text) < tokens:
                begin, end = np.searchsorted(code, [last * self.vocab, (last + 1) * self.vocab])
                p = (end - begin) * self.unigram
                p[code[begin:end] % self.vocab] += count[begin:end]
                p = p / p.sum() if end > begin else self.unigram
                ranked = np.argsort(-p)
                kept = ranked[np.cumsum(p[ranked]) - p[ranked] < 0.95]
                last = int(rng.choice(kept, p=p[kept] / p[kept].sum()))
                if last == eos:
                    break
                text.append(last)
            texts.append(text)
        return texts

    def _codes(self, rows: np.ndarray, n: int) -> np.ndarray:
        """[rows, length - n + 1] one number for each run of n tokens."""
        code = rows[:, : rows.shape[1] - n + 1].astype("int64")
        for i in range(1, n):
            code = code * self.vocab + rows[:, i : rows.shape[1] - n + 1 + i]
        return code


def _look_up(keys: np.ndarray, numbers: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The numbers that belong to sorted keys; 0 for a key that is not there."""
    import numpy as np

    at = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
    return np.where(keys[at] == asked, numbers[at], 0)


WORD = re.compile(r"(?<![\w'-])[a-z][a-z'-]*[a-z](?![\w'-])")
"""A word that is no name: names of visitors are made up without end, and stand in no list."""


def lexicon() -> frozenset[str]:
    """Every word of the strings in the world's modules, and what `grammar` makes of it.

    It has forms that the text never has, such as the past tense of a noun, and all that it has.
    """
    from glassbook.data import world
    from glassbook.data.world.grammar import ing, past, plural

    found: set[str] = set()
    for path in Path(world.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                found.update(WORD.findall(node.value.lower()))
    return frozenset(found | {form(word) for word in found for form in (past, ing, plural)})


def strange_words(texts: Sequence[str], known: Collection[str]) -> tuple[list[str], int]:
    """Words of texts that are not in `known`, and how many words there are.

    The last word of a text may be cut short and is left out.
    """
    words = [word.removesuffix("'s") for text in texts for word in WORD.findall(text.rpartition(" ")[0])]
    return [word for word in words if word not in known], len(words)


def spelling(lm: LanguageModel, rival: NGrams, openings: Sequence[str], tokens: int, rng: Rng) -> dict[str, float]:
    """Share of the words outside the lexicon, from nothing and after the openings of stories, at top-p 0.95.

    Args:
        lm: the model.
        rival: whose bigrams are sampled as often, from nothing.
        openings: prompts; as many texts are sampled from nothing.
        tokens: sampled for each.
        rng: of the sampling.
    """
    how: dict[str, Any] = {"tokens": tokens, "temperature": 1.0, "top_p": 0.95, "seed": rng.seed}
    tokenizer = kit.tokenizer_of(lm)
    bos, eos = (-1 if special is None else special for special in (tokenizer.bos, tokenizer.eos))
    texts = {
        "from_nothing": lm.generate([""] * len(openings), **how),
        "in_stories": lm.generate(openings, **how),
        "of_bigrams": [lm.decode(ids) for ids in rival.sample(len(openings), tokens, bos, eos, rng.numpy())],
    }
    known, shares = lexicon(), {}
    for name, some in texts.items():
        strange, n = strange_words(some, known)
        shares[f"unknown_words_{name}"] = len(strange) / n if n else math.nan
    return {"unknown_words": max(shares["unknown_words_from_nothing"], shares["unknown_words_in_stories"]), **shares}
