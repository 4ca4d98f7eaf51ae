"""Texts for lenses, and scores of a lens: how near to the model's output it is, and what it says of later text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from glassbook.errors import GlassbookError
from glassbook.experiments import kit

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run
    from glassbook.train import Batch

SOON = 16
"""Tokens after the next one that count as what is still to come."""
STRIDE = 8
"""Of so many positions one is scored by what is to come."""

Lens = Callable[[str, "Tensor"], "Tensor"]
"""(block, stream after it [..., d]) -> logits [..., vocab]."""


def rows(run: Run, lm: LanguageModel, text: Path | None, name: str, n: int, length: int) -> Tensor:
    """`n` rows of `length` tokens that begin texts: of a file, of the Reserve for the built-in model, else its own.

    Raises:
        GlassbookError: the file is too short or no text, or the model cannot begin a text by itself.
    """
    import torch

    if text is not None:
        return _of_a_file(lm, text, run.rng(name).torch(), n, length)
    if lm.name == "builtin":
        found = kit.reserve_rows(lm, n, -1 - run.rng(name).seed, length)
        return torch.cat([batch["input_ids"] for batch in found])[:n]
    return kit.stage(run, f"text: {name}", lambda: _of_the_model(lm, run.rng(name).seed % 2**31, n, length))


def _of_a_file(lm: LanguageModel, text: Path, generator: torch.Generator, n: int, length: int) -> Tensor:
    import torch

    try:
        ids = torch.tensor(lm.encode(text.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as problem:
        raise GlassbookError(f"{text} cannot be read as text in UTF-8: {problem}") from None
    if len(ids) < 2 * n * length:
        raise GlassbookError(
            f"{text} holds {len(ids):,} tokens; {2 * n * length:,} are needed: give more or fewer --rows"
        )
    cut = ids[: len(ids) // length * length].view(-1, length)
    return cut[torch.randperm(len(cut), generator=generator)[:n]]


def _of_the_model(lm: LanguageModel, seed: int, n: int, length: int) -> Tensor:
    import torch

    if lm.tokenizer is None or lm.tokenizer.bos is None:
        raise GlassbookError(f"{lm.name} has no token that begins a text, so it cannot begin one; pass --text FILE")
    found: list[list[int]] = []
    for step in range(20 * -(-n // 32)):
        new = lm.generate_ids([""] * 32, tokens=length, temperature=1.0, seed=seed + step)
        found += [ids for ids in new if len(ids) == length]
        if len(found) >= n:
            return torch.tensor(found[:n])
    raise GlassbookError(
        f"{lm.name} hardly ever writes {length} tokens at once; pass --text FILE or a shorter --length"
    )


def batches(ids: Tensor, size: int = 16) -> list[Batch]:
    """Rows [n, length] as inputs of a model."""
    return [{"input_ids": part} for part in ids.split(size)]


def streams(lm: LanguageModel, ids: Tensor, names: Sequence[str]) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Rows in batches, each with the streams after the blocks [B, length, d]."""
    from glassbook.trace import read_sites

    for part in ids.split(16):
        found = read_sites(lm.model, {"input_ids": part.to(lm.device)}, [f"{name}.out" for name in names])
        yield part, {name: found[f"{name}.out"] for name in names}


def divergence(lens: Lens, name: str, x: Tensor, last: str, out: Tensor) -> Tensor:
    """KL(model || lens) of the next token at every position [B, T], nats."""
    target, guess = (lens(block, stream).float().log_softmax(-1) for block, stream in ((last, out), (name, x)))
    return (target.exp() * (target - guess)).sum(-1)


def foresight(lens: Lens, name: str, x: Tensor, ids: Tensor, skip: int) -> tuple[float, int]:
    """Sum over positions of the AUROC by which a lens tells this text's coming tokens from another's, and how many.

    Positives are the tokens 2 to `SOON` + 1 places on that the text has not held so far, nor holds next: the model's
    output alone does not name them. Negatives are those of the next row, at the same places: both have the same
    frequencies, so that a lens that favours common tokens gains nothing.

    Args:
        lens: gives the logits.
        name: of the block.
        x: streams after it [B, T, d].
        ids: the rows [B, T], of which B is at least 2.
        skip: first positions that are left out.
    """
    total, count = 0.0, 0
    for p in range(skip, ids.shape[1] - SOON - 1, STRIDE):
        logits = lens(name, x[:, p]).float().cpu()
        for i in range(len(ids)):
            other = ids[(i + 1) % len(ids)]
            known = set(ids[i, : p + 2].tolist())
            soon, elsewhere = (set(row[p + 2 : p + 2 + SOON].tolist()) for row in (ids[i], other))
            positive, negative = sorted(soon - known), sorted(elsewhere - known - soon)
            if positive and negative:
                ours, others = logits[i, positive][:, None], logits[i, negative]
                total += float(((ours > others).float() + 0.5 * (ours == others)).mean())
                count += 1
    return total, count
