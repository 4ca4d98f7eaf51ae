"""What `pretrain` trains on: first random tokens that repeat themselves, then the Reserve."""

from __future__ import annotations

from glassbook.experiments.kit import Batches
from glassbook.notebook.runs.rng import Rng

FEW = 64
"""Different tokens of the first rows; with more of them, copying takes several times as many updates to appear."""
PERIODS = (8, 31)
"""Shortest period of the repetition, and one above the longest."""
SAMPLE = 40
"""Batches of text that the frequency of tokens is counted on."""


def copying_first(text: Batches, copying: int, rng: Rng) -> Batches:
    """Batches of repeated random tokens, then of text with fewer and fewer such rows among it.

    A transformer learns to copy from its context suddenly and late (Olsson et al. 2022, arXiv:2209.11895), and text
    in which a twentieth of the tokens calls for it delays that past ten million tokens. Rows in which every token
    calls for it bring the induction heads within a million.

    Args:
        text: step -> {"input_ids": [rows, length]}.
        copying: updates on repeated tokens alone; over twice as many, a quarter of the rows goes down to none.
        rng: of the random tokens.
    """
    import torch

    if not copying:
        return text
    counts = torch.cat([text(step)["input_ids"].flatten() for step in range(SAMPLE)]).bincount()
    frequent = counts.argsort(descending=True, stable=True)[: int((counts > 0).sum())]
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
        for row in range(round(n / 4 * max(0.0, 1 - (step - copying) / (2 * copying)))):
            share = float(torch.rand(1, generator=generator))
            of = few if row % 2 else int(few * (len(frequent) / few) ** share)
            ids[row] = rows(1, length, of, generator)[0]
        return {"input_ids": ids}

    return batch
