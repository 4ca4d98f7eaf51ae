"""Likelihood of given texts under a language model, and recall of facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from glassbook.nets.language_model import LanguageModel


def next_token_nll(
    model: nn.Module, ids: Tensor, mask: Tensor | None = None, position_ids: Tensor | None = None
) -> Tensor:
    """Negative log-likelihood of each token given those before it, nats: [B, T - 1].

    Args:
        model: ids -> an output with `logits` [B, T, vocab].
        ids: [B, T].
        mask: [B, T], 0 at pads, whose values mean nothing.
        position_ids: [B, T], where `LanguageModel.batch` gives them.
    """
    inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": position_ids}
    logits = model(**{name: x for name, x in inputs.items() if x is not None}).logits[:, :-1].float()
    return nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")


def recall(lm: LanguageModel, facts: Sequence[tuple[str, str]], batch: int = 64) -> float:
    """Share of facts that the model knows: each token of the answer is its first choice, given those before it (P@1).

    Called inside a `steer` block it tells what steering leaves of them.

    Args:
        lm: the model.
        facts: (beginning, answer) pairs, read as beginning + answer; an answer begins with its space.
        batch: facts run at once.

    Raises:
        GlassbookError: no facts, or an answer that begins within a token.
    """
    if not facts:
        raise GlassbookError("recall needs at least one fact: (beginning, answer)")
    recalled = 0
    for at in range(0, len(facts), batch):
        chunk = facts[at : at + batch]
        inputs = lm.batch([begin + answer for begin, answer in chunk], pad="right")
        ids, answers = inputs["input_ids"][:, 1:], inputs["attention_mask"][:, 1:].bool()
        for row, (begin, _) in enumerate(chunk):
            head = lm.encode(begin)
            if inputs["input_ids"][row, : len(head)].tolist() != head:
                raise GlassbookError(f"the answer to {begin!r} begins within a token; move a space, or take more of it")
            answers[row, : len(head) - 1] = False
        with torch.no_grad():
            predicted = lm.model(**inputs).logits[:, :-1].argmax(-1)
        recalled += int(((predicted == ids) | ~answers).all(1).sum())
    return recalled / len(facts)
