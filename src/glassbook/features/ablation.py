"""Ablation at equal damage: does taking a unit away hit what it stands for, more than taking a rival away does?

A unit (a feature, a neuron, an axis, a random direction) is ablated by subtracting what it adds to an activation. The
effect has two sides: how much less likely the tokens become that it stands for, and how much the model's prediction of
all other tokens changes. Any large edit makes all tokens less likely, so two units are compared at equal damage: the
rival's ablation is scaled until both change the other predictions as much.

    ablation = Ablation(lm.model, batch, own)
    ours = ablation.effect(unit)
    theirs = ablation.at_damage(rival, ours.damage)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.trace import At, allow_identity, trace
from glassbook.train.objectives import IGNORED, Batch, next_tokens

TOLERANCE = 0.05
"""Largest relative difference of two damages that count as equal."""
TRIES = 24
"""Ablations that are tried to find one of equal damage."""
LARGEST = 1e4
"""Scale above which there is none."""


@dataclass(frozen=True)
class Unit:
    """Something that adds to an activation.

    Attributes:
        site: where.
        values: [B, T], how much of it there is at each token.
        direction: [d], what a value of 1 adds.
    """

    site: str
    values: Tensor
    direction: Tensor


@dataclass(frozen=True)
class Effect:
    """What an ablation does, in nats.

    Attributes:
        cost: mean rise of the loss at the tokens that the unit stands for.
        damage: mean KL(as it is || ablated) of the predictions of all other tokens. That is by how much the model
            itself expects their loss to rise: never negative, and 0 only if nothing changes.
    """

    cost: float
    damage: float


class Ablation:
    """Ablates units on some texts.

    Args:
        model: language model, in eval mode.
        batch: its inputs {"input_ids", "attention_mask"} [B, T].
        own: bool [B, T], the tokens that the units stand for.

    Raises:
        GlassbookError: no token to predict is one of their own, or all are.
    """

    def __init__(self, model: nn.Module, batch: Batch, own: Tensor) -> None:
        self.model, self.batch = model, batch
        targets = next_tokens(batch)[:, :-1]
        self.real = targets != IGNORED
        self.targets, self.own = targets[self.real], own[:, 1:][self.real]
        if not bool(self.own.any()) or bool(self.own.all()):
            raise GlassbookError("the texts need tokens to predict that have the attribute, and others that have not")
        self.clean = self._predictions(None, 0.0)

    def effect(self, unit: Unit, scale: float = 1.0) -> Effect:
        """Subtract `scale` times what the unit adds."""
        ablated = self._predictions(unit, scale)
        rise = (self.clean - ablated).gather(1, self.targets[:, None])[:, 0]
        change = (self.clean.exp() * (self.clean - ablated)).sum(1)
        return Effect(float(rise[self.own].double().mean()), float(change[~self.own].double().mean()))

    def at_damage(self, unit: Unit, damage: float) -> Effect | None:
        """The effect of the unit's ablation at the scale at which the damage is as given, within 5 %.

        None if no scale is found, as of a unit that is nowhere active.
        """
        low, high, scale = 0.0, float("inf"), 1.0
        for _ in range(TRIES):
            effect = self.effect(unit, scale)
            if abs(effect.damage - damage) <= TOLERANCE * damage:
                return effect
            low, high = (scale, high) if effect.damage < damage else (low, scale)
            # The divergence grows with the square of a small scale.
            guess = scale * (damage / max(effect.damage, damage / 64)) ** 0.5
            scale = guess if low < guess < high else (low + high) / 2
            if scale > LARGEST:
                return None
        return None

    @torch.no_grad()
    def _predictions(self, unit: Unit | None, scale: float) -> Tensor:
        """Log-probabilities [tokens to predict, vocabulary]."""

        def subtract(x: Tensor, at: At) -> Tensor:
            assert unit is not None
            at.check_rows(x)
            return x - scale * (unit.values[:, :, None] * unit.direction).to(x)

        with trace(self.model, edit={unit.site: allow_identity(subtract)} if unit else {}):
            logits = self.model(**self.batch).logits
        return logits[:, :-1][self.real].float().log_softmax(1)
