"""What `pretrain` trains on beside the Reserve's text as it comes: more stories, and two tasks on random tokens.

    text = more_stories(text, stories, rows=6, steps=4500)   # stories are the longest to learn
    text = copying_first(text, 500, rng)                     # brings induction heads
    text = comparing(text, that, 500, rng, start=500)        # brings the comparison of an account with its record

Each takes batches, step -> {"input_ids": [rows, length]}, and returns batches of which some rows are its own. Near the
end of the training all rows are text again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassbook.experiments.kit import Batches
from glassbook.notebook.runs.rng import Rng

if TYPE_CHECKING:
    import torch

FEW = 64
"""Different tokens of the first rows; with more of them, copying takes several times as many updates to appear."""
PERIODS = (8, 31)
"""Shortest period of the repetition, and one above the longest."""
LONGEST = 12
"""Tokens that an account has at most; the first have one, or the comparison does not appear."""
SAMPLE = 40
"""Batches of text that the frequency of tokens is counted on."""


def copying_first(text: Batches, copying: int, rng: Rng) -> Batches:
    """Repeated random tokens, then text with fewer and fewer such rows among it.

    A transformer learns to copy from its context suddenly and late (Olsson et al. 2022, arXiv:2209.11895), and text
    in which a twentieth of the tokens calls for it delays that past ten million tokens. Rows in which every token
    calls for it bring the induction heads within a million.

    Args:
        text: the batches.
        copying: updates on repeated tokens alone; over twice as many, a quarter of the rows goes down to none.
        rng: of the random tokens.
    """
    import torch

    if not copying:
        return text
    frequent = _by_frequency(text)
    few = min(FEW, len(frequent))

    def rows(n: int, length: int, of: int, generator: torch.Generator) -> torch.Tensor:
        found = []
        for _ in range(n):
            period = int(torch.randint(*PERIODS, (1,), generator=generator))
            tokens = frequent[torch.randint(of, (period,), generator=generator)]
            found.append(tokens.repeat(length // period + 1)[:length])
        return torch.stack(found)

    def batch(step: int) -> dict[str, torch.Tensor]:
        ids, generator = text(step)["input_ids"], rng.child(str(step)).torch()
        n, length = ids.shape
        if step < copying:
            return {"input_ids": rows(3 * n, length // 4, few, generator)}
        for row in range(round(n / 4 * _fading(step, copying, 3 * copying))):
            share = float(torch.rand(1, generator=generator))
            of = few if row % 2 else int(few * (len(frequent) / few) ** share)
            ids[row] = rows(1, length, of, generator)[0]
        return {"input_ids": ids}

    return batch


def comparing(
    text: Batches, verdicts: tuple[list[int], list[int]], updates: int, rng: Rng, start: int = 0, end: int = 0
) -> Batches:
    """Text beside rows of random tokens that are said twice, changed or not, with the verdict on it.

    A report's verdict asks for the comparison of two sentences and is one bit of its forty tokens: from text alone
    a small transformer learns how often each speaker lies, and nothing more. Accounts of one random token are
    compared after a hundred updates; they grow to `LONGEST` over the updates that follow.

    Args:
        text: the batches.
        verdicts: tokens behind an account that agrees, and behind one that does not.
        updates: with half of the rows; over twice as many, they go down to none.
        rng: of the random tokens.
        start: update before which there are none.
        end: token between two such pairs.
    """
    import torch

    if not updates:
        return text
    frequent = _by_frequency(text)

    def row(length: int, longest: int, generator: torch.Generator) -> torch.Tensor:
        def below(n: int) -> int:
            return int(torch.randint(n, (1,), generator=generator))

        tokens: list[int] = []
        few = FEW if below(2) else len(frequent)
        while len(tokens) < length:
            record = frequent[torch.randint(min(few, len(frequent)), (1 + below(longest),), generator=generator)]
            account = record.clone()
            if below(2):
                account[below(len(account))] = frequent[below(min(few, len(frequent)))]
            agrees = bool((account == record).all())
            tokens += [*record.tolist(), *account.tolist(), *verdicts[0 if agrees else 1], end]
        return torch.tensor(tokens[:length])

    def batch(step: int) -> dict[str, torch.Tensor]:
        ids, done = text(step)["input_ids"], step - start
        if done >= 0:
            generator = rng.child(str(step)).torch()
            longest = 1 + min(LONGEST - 1, LONGEST * max(0, done - updates // 6) // updates)
            for i in range(round(len(ids) / 2 * _fading(done, updates, 3 * updates))):
                ids[-1 - i] = row(ids.shape[1], longest, generator)
        return {"input_ids": ids}

    return batch


def more_stories(text: Batches, stories: Batches, rows: int, steps: int) -> Batches:
    """Text of which some rows are stories alone; over the last fifth of the training they go down to none.

    Args:
        text: the batches.
        stories: batches of stories, of the same shape.
        rows: rows of stories in a batch.
        steps: updates of the training.
    """

    def batch(step: int) -> dict[str, torch.Tensor]:
        ids, replaced = text(step)["input_ids"], round(rows * _fading(step, 4 * steps // 5, steps))
        if replaced:
            ids[:replaced] = stories(step)["input_ids"][:replaced]
        return {"input_ids": ids}

    return batch


def _fading(step: int, until: int, end: int) -> float:
    """1 before `until`, 0 from `end` on, a straight line between them."""
    return max(0.0, min(1.0, (end - step) / max(1, end - until)))


def _by_frequency(text: Batches) -> torch.Tensor:
    """The tokens of `text`, most frequent first."""
    import torch

    counts = torch.cat([text(step)["input_ids"].flatten() for step in range(SAMPLE)]).bincount()
    return counts.argsort(descending=True, stable=True)[: int((counts > 0).sum())]
