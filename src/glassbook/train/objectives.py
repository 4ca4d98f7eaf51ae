"""What is minimised: functions from (model, batch) to a loss and the numbers worth logging beside it."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Batch = dict[str, Tensor]
"""Named tensors whose first dimension counts rows."""

Objective = Callable[[nn.Module, Batch], tuple[Tensor, dict[str, Tensor]]]
"""(model, batch) -> (scalar loss, scalar metrics).

The loss and the metrics are means. The metric called "weight" says over how many terms; it is not logged, but
used to put the means of micro-batches and steps together rightly (sum, then divide). Without it rows count.
"""


def next_token(*, accuracy: bool = False) -> Objective:
    """Cross-entropy in nats per predicted token of a causal language model.

    The batch holds `input_ids` [B, T]; optionally `attention_mask` [B, T] (0 at pads, which neither predict
    nor are predicted) and `loss_mask` [B, T] (1 where a token is to be predicted; Hugging Face marks the same
    with labels of -100).

    Args:
        accuracy: also report the share of predicted tokens that were the likeliest.
    """

    def objective(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        ids, real = batch["input_ids"], batch.get("attention_mask")
        logits = model(input_ids=ids, attention_mask=real).logits[:, :-1]
        targets, counted = ids[:, 1:], batch.get("loss_mask")
        keep = None if counted is None else counted[:, 1:].bool()
        if real is not None:
            # A first real token behind left pads has no context that predicts it.
            predicted = (real[:, 1:] * real[:, :-1]).bool()
            keep = predicted if keep is None else keep & predicted
        nll = F.cross_entropy(logits.transpose(1, 2).float(), targets, reduction="none")
        metrics: dict[str, Tensor] = {"weight": _count(keep, targets)}
        if accuracy:
            metrics["accuracy"] = _mean((logits.argmax(-1) == targets).float(), keep)
        return _mean(nll, keep), metrics

    return objective


def regression(input: str = "x", target: str = "y", loss: Callable[..., Any] = F.mse_loss) -> Objective:
    """Mean of `loss` between the model's output on `batch[input]` and `batch[target]` (mean squared error)."""

    def objective(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return loss(model(batch[input]).float(), batch[target]), {}

    return objective


def _count(keep: Tensor | None, targets: Tensor) -> Tensor:
    if keep is None:
        return torch.tensor(float(targets.numel()), device=targets.device)
    return keep.sum().float()


def _mean(values: Tensor, keep: Tensor | None) -> Tensor:
    # clamp: a micro-batch of nothing but masked tokens has weight 0 and must not be 0/0.
    return values.mean() if keep is None else (values * keep).sum() / keep.sum().clamp_min(1)
