"""Likelihood of given texts under steering: per-text NLL differences and KL, from which scores are computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.steer.apply import Intervention, steer
from glassbook.steer.vector import Vector
from glassbook.steer.where import Where, everywhere, first

BATCH = 16
"""Texts run at once."""


class Condition(NamedTuple):
    """One way to steer."""

    site: str
    name: str
    """Of the vector, or of a control."""
    coeff: float | None
    """Strength; None where there is none."""


@dataclass(frozen=True)
class Effect:
    """Sums over the counted tokens of each text, [N] each; ratios are formed only after summing over texts."""

    delta: Tensor
    """Steered minus plain negative log-likelihood of the token that follows, nats."""
    kl: Tensor
    """KL(plain || steered) of the next-token distribution, nats."""
    tokens: Tensor
    """How many tokens were counted."""

    def ratio(self, texts: Tensor | slice = slice(None)) -> float:
        """Perplexity ratio steered / plain on some of the texts: exp(sum of delta / number of tokens)."""
        return float((self.delta[texts].sum() / self.tokens[texts].sum()).exp())

    def mean_kl(self, texts: Tensor | slice = slice(None)) -> float:
        """Mean KL divergence per counted token, nats."""
        return float(self.kl[texts].sum() / self.tokens[texts].sum())

    def fraction_harmed(self, texts: Tensor | slice = slice(None)) -> float:
        """Fraction of the texts that steering makes less likely."""
        return float((self.delta[texts] > 0).float().mean())

    def interval(self, texts: Tensor, seed: int, draws: int = 1000) -> tuple[float, float]:
        """95 % bootstrap interval of `ratio`: texts are drawn with replacement, sums are formed before dividing."""
        generator = torch.Generator().manual_seed(seed)
        pick = texts[torch.randint(len(texts), (draws, len(texts)), generator=generator)]
        ratios = (self.delta[pick].sum(1) / self.tokens[pick].sum(1)).exp()
        low, high = torch.quantile(ratios, torch.tensor([0.025, 0.975], dtype=ratios.dtype)).tolist()
        return low, high


def effects(
    lm: LanguageModel,
    texts: Sequence[str],
    conditions: Mapping[Condition, Intervention],
    where: Where | None = None,
    prompt: tuple[list[int], list[int]] | None = None,
) -> dict[Condition, Effect]:
    """Run every text plainly once and once under each condition.

    Predictions made at injected positions are not counted when the injection is local (a positional vector, or
    first()), nor are those before n with from_position(n): all conditions count the same tokens of a text.

    Args:
        lm: the model.
        texts: read as they are, each after BOS.
        conditions: what to add, in the model's own units; `coeff` is only a label.
        where: as in steer; a rule that needs a prompt's end is refused, since a text has none.
        prompt: (prefix, neutral prefix) as token ids, put between BOS and the text: the text's likelihood after the
            one is compared with that after the other, under the key PROMPT. A neutral prefix of the
            same length leaves the text where it stands; [] compares with the bare text.

    Raises:
        GlassbookError: a text that is too short or too long, or a rule that does not fit.
    """
    if isinstance(texts, str) or not texts:
        raise GlassbookError("score needs a list of texts on the topic and one off it; give at least one text each")
    if where is not None and where.needs_prompt:
        raise GlassbookError(f"{where.rule}() needs a prompt's end and a scored text has none; use from_position(n)")
    rows, skip = [lm.encode(text) for text in texts], max(_skip(v, where) for v in conditions.values())
    widest = max(map(len, rows)) + (len(prompt[0]) if prompt else 0)
    if min(map(len, rows)) < skip + 2 or (lm.context is not None and widest > lm.context):
        raise GlassbookError(
            f"texts need at least {skip + 2} tokens with BOS, and at most {lm.context} (prompt included); "
            "split or leave out those that do not fit"
        )
    keys = [*conditions, *([PROMPT] if prompt else [])]
    sums = {key: (torch.zeros(len(rows)), torch.zeros(len(rows))) for key in keys}
    tokens = torch.tensor([len(row) - skip - 1.0 for row in rows])
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))  # little padding, and none of it read
    for start in range(0, len(rows), BATCH):
        index = order[start : start + BATCH]
        batch_rows = [rows[i] for i in index]
        plain = _predict(lm, batch_rows, skip)
        for key, vector in conditions.items():
            with steer(lm, vector, where=where):
                steered = _predict(lm, batch_rows, skip)
            _add(sums[key], index, plain, steered)
        if prompt:
            # BOS, then the prefix, then the text: the same tokens of the text are counted, further to the right.
            before, after = (
                _predict(lm, [row[:1] + prefix + row[1:] for row in batch_rows], skip + len(prefix))
                for prefix in reversed(prompt)
            )
            _add(sums[PROMPT], index, before, after)
    return {key: Effect(delta, kl, tokens) for key, (delta, kl) in sums.items()}


PROMPT = Condition("", "prompt", None)
"""The key of the prompt-only control."""


def _skip(v: Intervention, where: Where | None) -> int:
    """How many predictions at the head of a text are not counted."""
    if isinstance(v, Vector) and v.positional:
        return (where or first()).start.n + max(len(rows) for rows in v.rows.values())
    rule = where or everywhere()
    return rule.start.n if rule.stop is None else rule.stop.n


Predictions = tuple[Tensor, Tensor, Tensor]


def _predict(lm: LanguageModel, rows: list[list[int]], skip: int) -> Predictions:
    """Log-probabilities [B, L, V] at the counted positions, the next tokens [B, L], and which of them are real."""
    batch = lm.batch_ids(rows, pad="right")
    with torch.no_grad():
        logits = lm.model(**batch).logits
    targets, real = (batch[key][:, skip + 1 :] for key in ("input_ids", "attention_mask"))
    return logits[:, skip:-1].float().log_softmax(-1), targets, real.bool()


def _add(sums: tuple[Tensor, Tensor], index: list[int], plain: Predictions, steered: Predictions) -> None:
    (before, targets, real), (after, _, _) = plain, steered
    delta = (before - after).gather(-1, targets[..., None])[..., 0]
    kl = (before.exp() * (before - after)).sum(-1)
    for total, value in zip(sums, (delta, kl), strict=True):
        total[index] = value.masked_fill(~real, 0).sum(1).cpu()
