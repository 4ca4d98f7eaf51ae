"""N-gram models counted on text: the rivals of a language model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


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
