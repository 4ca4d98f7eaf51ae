"""Clean and corrupted inputs for finding circuits: repeated tokens, and stories up to a pronoun."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glassbook.circuits import Task
    from glassbook.nets import LanguageModel
    from glassbook.notebook.runs.rng import Rng


def repetitions(rows: int, period: int, rng: Rng) -> Task:
    """Sequences that break off within their repetition.

    In half of the corrupted ones the first period is of other tokens, in the rest the repetition is. So each edge of
    the circuit carries a difference in some rows, and in no row does the attention stay right by itself.
    """
    import torch

    from glassbook.circuits import Task, logit_difference
    from glassbook.nets.compiled import VOCAB

    generator = rng.torch()
    drawn = torch.stack([torch.randperm(VOCAB, generator=generator)[: 2 * period] for _ in range(rows)])
    own, other = drawn[:, :period], drawn[:, period:]
    at = period // 2  # tokens of the repetition that are seen
    clean = torch.cat([own, own[:, :at]], 1)
    first, second = torch.cat([other, own[:, :at]], 1), torch.cat([own, other[:, :at]], 1)
    corrupted = torch.where(torch.arange(rows)[:, None] % 2 == 0, first, second)
    return Task({"input_ids": clean}, {"input_ids": corrupted}, logit_difference(own[:, at], other[:, at]))


def pronouns(lm: LanguageModel, rows: int, rng: Rng) -> Task:
    """Beginnings of held-out stories up to a pronoun; in the corrupted ones the name is of the other gender.

    Only beginnings that give the gender away by nothing but the name are taken, and only names that change no token's
    position.
    """
    import random

    import torch

    from glassbook.circuits import Task, logit_difference
    from glassbook.data.world import World
    from glassbook.data.world.words import RANGERS

    names, taken = random.Random(rng.child("names").seed), []
    for document in World().stream(-1 - rng.seed, genre="story"):
        spans = [s for s in document.spans if s.kind == "person"]
        pronoun = next((s for s in spans if document.text[s.start : s.end] in ("He", "She")), None)
        if pronoun is None:
            continue
        text, name = document.text[: pronoun.start].rstrip(), pronoun.value
        if any(s.kind in ("person", "role") and s.value != name for s in document.spans if s.start < pronoun.start):
            continue
        other = names.choice([n for n, gender in RANGERS.items() if gender != RANGERS[name] and n not in text])
        leaks = {"his", "her", "he", "she", "him"} & set(text.lower().replace(".", " ").split())
        a, b = lm.encode(text), lm.encode(text.replace(name, other))
        if leaks or len(a) != len(b) or len(a) > 100 or name not in text:
            continue
        taken.append((a, b, RANGERS[name]))
        if len(taken) == rows:
            break
    length = max(len(a) for a, _, _ in taken)
    ids = torch.tensor([[row + [0] * (length - len(row)) for row in (a, b)] for a, b, _ in taken])
    ends = torch.tensor([len(a) - 1 for a, _, _ in taken])
    mask = (torch.arange(length) <= ends[:, None]).long()
    answers = torch.tensor([[lm.encode(f" {word}", bos=False)[0] for word in ("He", "She")]])
    right = answers[0, torch.tensor([int(gender == "she") for _, _, gender in taken])]
    metric = logit_difference(right, answers.sum() - right, ends)
    clean, corrupted = ({"input_ids": ids[:, i], "attention_mask": mask} for i in (0, 1))
    return Task(clean, corrupted, metric)
