"""Steer generation, and count: how often the target words appear with the vector, without it, and with a random one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from glassbook.measure import wilson
from glassbook.nets import continuation_nll
from glassbook.steer import Vector, Where, in_norms, random_like, steer

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel

TOKENS = 40
"""New tokens in each sampled text."""


@dataclass(frozen=True)
class Arm:
    """Texts generated in one way, and what was counted in them."""

    name: str
    """ "plain", "steered" or "random vector"."""
    texts: list[str]
    hits: int
    """Texts that hold one of the target words."""
    surprise: float
    """Mean negative log-likelihood of the new tokens under the plain model, nats: the damage."""

    @property
    def share(self) -> float:
        """Texts that hold one of the target words, as a share."""
        return self.hits / len(self.texts)

    def interval(self) -> tuple[float, float]:
        """95 % interval of the share (Wilson 1927)."""
        return wilson(self.hits, len(self.texts))


@dataclass(frozen=True)
class Steering:
    """One vector, tried: what it is, at which strength, and the three arms on prompts that did not pick them."""

    method: str
    """For a heading: 'feature 812 ("otter")'."""
    how: str
    """A sentence: what is added where, and how strongly."""
    words: tuple[str, ...]
    prompts: list[str]
    vector: Vector
    by: float
    arms: tuple[Arm, Arm, Arm]

    @property
    def lift(self) -> float:
        """Steered share minus plain share."""
        return self.arms[1].share - self.arms[0].share

    @property
    def random_lift(self) -> float:
        """The same for the random vector."""
        return self.arms[2].share - self.arms[0].share

    def rows(self) -> list[dict[str, Any]]:
        """One row for each arm, for charts and tables."""
        return [
            {
                "method": self.method,
                "arm": arm.name,
                "share": arm.share,
                "low": arm.interval()[0],
                "high": arm.interval()[1],
                "texts": len(arm.texts),
                "surprise": arm.surprise,
            }
            for arm in self.arms
        ]


def arm(
    lm: LanguageModel,
    name: str,
    prompts: Sequence[str],
    words: Sequence[str],
    seed: int,
    v: Vector | None = None,
    where: Where | None = None,
) -> Arm:
    """Continue every prompt once (temperature 1), under the vector if there is one, and count."""
    settings = {"tokens": TOKENS, "temperature": 1.0, "seed": seed}
    if v is None:
        new = lm.generate_ids(prompts, **settings)
    else:
        with steer(lm, v, where=where):
            new = lm.generate_ids(prompts, **settings)
    texts = [lm.continuation(lm.encode(p), ids) for p, ids in zip(prompts, new, strict=True)]
    nll = float(continuation_nll(lm, prompts, new).sum()) / max(sum(map(len, new)), 1)
    return Arm(name, texts, sum(holds(text, words) for text in texts), nll)


def holds(text: str, words: Sequence[str]) -> bool:
    """Whether one of the words stands in the text, as a whole word."""
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in words)


def try_out(
    lm: LanguageModel,
    candidates: Sequence[tuple[str, str, Vector, tuple[str, ...]]],
    prompts: Sequence[str],
    strengths: Sequence[float],
    seed: int,
    unit: Literal["raw", "norm"],
    bar: Any,
    where: Where | None = None,
) -> Steering:
    """Pick a candidate and a strength on one half of the prompts, and report on the other half.

    Picked is what brings the target words into most texts among those whose surprise stays within half again of the
    plain one: a text that is nothing but the target word is no success.

    Args:
        lm: the model.
        candidates: (method, how, vector, target words) to choose among.
        prompts: half of them pick, half report.
        strengths: to try, in `unit`.
        seed: of the sampling and of the random vector.
        unit: as in steer.
        bar: progress; one unit for each arm that picks, three for the report.
        where: as in steer.
    """
    dev, test = list(prompts[::2]), list(prompts[1::2])
    scaled = [in_norms(lm, c[2]) if unit == "norm" else c[2] for c in candidates]
    best: tuple[tuple[bool, float], int, float] | None = None
    for i, (candidate, v) in enumerate(zip(candidates, scaled, strict=True)):
        plain = arm(lm, "plain", dev, candidate[3], seed)
        for by in strengths:
            tried = arm(lm, "steered", dev, candidate[3], seed, v * by, where)
            bar.advance()
            rank = (tried.surprise <= 1.5 * plain.surprise + 0.5, tried.share - plain.share)
            if best is None or rank > best[0]:
                best = (rank, i, by)
    assert best is not None
    _, i, by = best
    method, how, _, words = candidates[i]
    v = scaled[i] * by
    noise = random_like(v, torch.Generator().manual_seed(seed))
    arms = []
    for name, vector in (("plain", None), ("steered", v), ("random vector", noise)):
        arms.append(arm(lm, name, test, words, seed + 1, vector, where))
        bar.advance()
    return Steering(method, how, tuple(words), test, v, by, (arms[0], arms[1], arms[2]))
