"""Probes of the codes of autoencoders of digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from glassbook.experiments.latent._digits import Digits
from glassbook.measure.probing import logistic_regression
from glassbook.notebook import Run

PENALTIES = (0.3, 3.0, 30.0)
"""Weights of the penalty of a probe that are tried."""
DEV_DRAWS = 3
"""Draws of labelled digits to choose the penalty by."""


def probes(
    run: Run, codes: Mapping[str, Callable[[Tensor], Tensor]], train: Digits, dev: Digits, test: Digits,
    labels: int, draws: int,
) -> tuple[dict[str, float], float]:  # fmt: skip
    """Share of test digits that probes of few labels read right from each code, the mean of several draws.

    The penalty of each code's probe is the one that does best on dev digits.

    Args:
        run: where random numbers come from.
        codes: name -> pictures [N, 1, 28, 28] to codes, of any shape but for the N.
        train: digits to learn from; labels of a few are told.
        dev: digits to choose the penalty by.
        test: digits to judge by.
        labels: digits whose labels are told.
        draws: draws of them.

    Returns:
        for each name its share, and that of the first code with labels in another order.
    """
    wanted = F.one_hot(train.labels, 10).bool()

    def right(
        told: Tensor, learn: Tensor, judge: Tensor, judged: Digits, penalty: float, draws: int, name: str
    ) -> float:
        generator, shares = run.rng(name).torch(), []
        for _ in range(draws):
            rows = torch.randperm(len(learn), generator=generator)[:labels]
            weights, bias = logistic_regression(learn[rows], told[rows], l2=penalty)
            shares.append(((judge @ weights.T + bias).argmax(1) == judged.labels).double().mean())
        return float(torch.stack(shares).mean())

    found: dict[str, float] = {}
    shuffled: list[float] = []
    other = wanted[torch.randperm(len(wanted), generator=run.rng("shuffled labels").torch())]
    for name, encode in codes.items():
        learn, choose, judge = (_flat(encode, part.images) for part in (train, dev, test))
        mean, spread = learn.mean(0), learn.std()
        learn, choose, judge = ((z - mean) / spread for z in (learn, choose, judge))
        penalty = max(
            PENALTIES, key=lambda penalty: right(wanted, learn, choose, dev, penalty, DEV_DRAWS, "digits to choose by")
        )
        found[name] = right(wanted, learn, judge, test, penalty, draws, "labelled digits")
        if not shuffled:
            shuffled.append(right(other, learn, judge, test, penalty, draws, "labelled digits"))
    return found, shuffled[0]


@torch.no_grad()
def _flat(encode: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    return torch.cat([encode(part).flatten(1) for part in pictures.split(1000)])
