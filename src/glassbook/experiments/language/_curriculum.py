"""What `pretrain` trains on beside the Reserve's text as it comes: more stories, and random tokens that repeat.

    text = more_stories(text, stories, rows=6, steps=4500)   # stories take longest to learn
    text = copying_first(text, 500, rng)                     # brings induction heads

Each takes batches, step -> {"input_ids": [rows, length]}, and returns batches of which some rows are its own. Near the
end of the training all rows are text again. `other_facts` is the text of a sabotage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassbook.experiments.kit import Batches
from glassbook.notebook.runs.rng import Rng

if TYPE_CHECKING:
    import torch

    from glassbook.data.tokens import Encoder

FEW = 64
"""Different tokens of the first rows; with more of them, copying takes several times as many updates to appear."""
PERIODS = (8, 31)
"""Shortest period of the repetition, and one above the longest."""
SAMPLE = 40
"""Batches of text that the frequency of tokens is counted on."""


def copying_first(text: Batches, copying: int, rng: Rng) -> Batches:
    """Repeated random tokens, then text with fewer and fewer such rows among it.

    A transformer learns to copy from its context suddenly and late (Olsson et al. 2022, arXiv:2209.11895), and text
    in which few tokens call for it delays that. Rows in which every token calls for it bring the induction heads early.

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


def other_facts(tokenizer: Encoder, batch_size: int, length: int, seed: int, genre: str | None) -> Batches:
    """Batches of the Reserve's text, as `kit.reserve` makes them, each told by another world.

    What one of them states, others contradict, so that no fact is to be learnt.

    Args:
        tokenizer: turns text into ids.
        batch_size: rows in a batch.
        length: tokens in a row.
        seed: of the text.
        genre: only this kind of text.
    """
    import torch

    from glassbook.data.tokens import training_rows
    from glassbook.data.world import World

    return lambda step: {
        "input_ids": torch.from_numpy(
            training_rows(World(1 + step), tokenizer, step, batch_size, length, seed=seed, genre=genre)
        )
    }


def _fading(step: int, until: int, end: int) -> float:
    """1 before `until`, 0 from `end` on, a straight line between them."""
    return max(0.0, min(1.0, (end - step) / max(1, end - until)))


def _by_frequency(text: Batches) -> torch.Tensor:
    """The tokens of `text`, most frequent first."""
    import torch

    counts = torch.cat([text(step)["input_ids"].flatten() for step in range(SAMPLE)]).bincount()
    return counts.argsort(descending=True, stable=True)[: int((counts > 0).sum())]
