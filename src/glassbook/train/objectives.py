"""Training objectives: functions from (model, batch) to a loss and metrics to log."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from glassbook.nets.autoencoder import VAE

Batch = dict[str, Tensor]
"""Named tensors whose first dimension counts rows."""

Objective = Callable[[nn.Module, Batch], tuple[Tensor, dict[str, Tensor]]]
"""(model, batch) -> (scalar loss, scalar metrics).

The loss and the metrics are means. The metric called "weight" says over how many terms; it is not logged, but
used to put the means of micro-batches and steps together rightly (sum, then divide). Without it rows count.
"""

INPUTS = ("input_ids", "attention_mask", "position_ids")
"""What a language model reads of a batch."""

IGNORED = -100
"""The target of a position that predicts nothing (the number is PyTorch's and Hugging Face's)."""


def next_token(*, accuracy: bool = False) -> Objective:
    """Cross-entropy in nats per predicted token of a causal language model.

    The batch holds `input_ids` [B, T]; optionally `attention_mask` [B, T] (0 at pads, which neither predict
    nor are predicted), `position_ids` [B, T] and `loss_mask` [B, T] (1 where the token at that place is to be
    predicted).

    Args:
        accuracy: also report the share of predicted tokens that were the likeliest.
    """

    def objective(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        targets = next_tokens(batch)
        logits = model(**{name: batch[name] for name in INPUTS if name in batch}).logits
        counted = targets != IGNORED
        weight = counted.sum().float()
        # The targets are shifted, not the logits: a slice of those would be copied. A micro-batch of nothing
        # but ignored tokens has weight 0 and must not be 0/0.
        nll = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum")
        metrics = {"weight": weight}
        if accuracy:
            right = (logits.argmax(-1) == targets) & counted
            metrics["accuracy"] = right.sum() / weight.clamp_min(1)
        return nll / weight.clamp_min(1), metrics

    return objective


def next_tokens(batch: Batch) -> Tensor:
    """What each position is to predict: [B, T] the token after it, or IGNORED where that does not count."""
    ids, real, mask = batch["input_ids"], batch.get("attention_mask"), batch.get("loss_mask")
    targets = torch.full_like(ids, IGNORED)
    targets[:, :-1] = ids[:, 1:]
    if real is not None:
        # A first real token behind left pads has no context that predicts it.
        targets[:, :-1].masked_fill_((real[:, 1:] * real[:, :-1]) == 0, IGNORED)
    if mask is not None:
        targets[:, :-1].masked_fill_(mask[:, 1:] == 0, IGNORED)
    return targets


def denoising() -> Objective:
    """Mean squared error of the clean pictures, of an autoencoder that is given the corrupted ones.

    The batch holds `corrupted` and `pixel_values`, [B, C, H, W] each.

    Source: Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders".
    """

    def objective(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return F.mse_loss(model(batch["corrupted"]), batch["pixel_values"]), {}

    return objective


def negative_elbo(beta: float = 1.0) -> Objective:
    """Minus the evidence lower bound of a VAE in nats per picture, with one sample of each code.

    The batch holds `pixel_values` [B, C, H, W] and `noise` [B, code], standard normal. It may hold `warmth`, a factor
    of beta that rises from 0 to 1 in the first steps, so that the code is used before it costs (Bowman et al. 2016,
    arXiv:1511.06349, section 3.1).

    Args:
        beta: weight of the KL divergence (Higgins et al. 2017).

    Source: Kingma and Welling 2013, arXiv:1312.6114, equation 10.
    """

    def objective(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        weight = beta * batch["warmth"] if "warmth" in batch else beta
        bound, likelihood, kl = cast("VAE", model).elbo(batch["pixel_values"], batch["noise"], weight)
        return -bound.mean(), {"reconstruction": -likelihood.mean(), "kl": kl.sum(1).mean()}

    return objective
