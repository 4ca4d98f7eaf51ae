"""Tasks for circuit discovery: clean and corrupted inputs that differ in one thing, and a metric of the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError

Metric = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Task:
    """Pairs of inputs, row by row, and the metric that is high on the clean and low on the corrupted ones.

    Args:
        clean: inputs on which the model does the task, as keyword arguments of its forward (input_ids [B, T], ...).
        corrupted: the same shapes, with the one thing changed; position by position the rows must correspond.
        metric: logits -> one number for each row, [B].
    """

    clean: Mapping[str, Tensor]
    corrupted: Mapping[str, Tensor]
    metric: Metric

    def __post_init__(self) -> None:
        shapes = [{name: tuple(x.shape) for name, x in side.items()} for side in (self.clean, self.corrupted)]
        if shapes[0] != shapes[1]:
            raise GlassbookError(f"clean and corrupted inputs have shapes {shapes[0]} and {shapes[1]}; make them equal")
        last = isinstance(self.metric, LogitDifference) and isinstance(self.metric.at, int) and self.metric.at == -1
        if last and any(bool((last_real(side) != side["input_ids"].shape[1] - 1).any()) for side in self._texts):
            raise GlassbookError(
                "rows end in pads, and the metric reads the last position; pad on the left, or give logit_difference "
                "the positions at which each row ends"
            )

    @property
    def _texts(self) -> Iterator[Mapping[str, Tensor]]:
        return (side for side in (self.clean, self.corrupted) if "input_ids" in side)

    def score(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> Tensor:
        """The metric of a run, [B]. It is given the logits in float32 at least, whatever the model runs in.

        Raises:
            GlassbookError: the metric has another shape.
        """
        output: Any = model(**inputs)
        logits = output if isinstance(output, Tensor) else output.logits
        values = self.metric(at_least_float32(logits))
        if values.shape != logits.shape[:1]:
            raise GlassbookError(f"the metric has shape {tuple(values.shape)}; return one number for each row")
        return values

    def baseline_metrics(self, model: nn.Module) -> tuple[Tensor, Tensor]:
        """The metric on clean and on corrupted inputs, [B] each.

        Raises:
            GlassbookError: their means are the same, so there is no effect to attribute.
        """
        with torch.no_grad():
            clean, corrupted = self.score(model, self.clean), self.score(model, self.corrupted)
        if float((clean - corrupted).mean().abs()) <= 1e-9:
            raise GlassbookError("the metric is the same on clean and corrupted inputs; change the pairs or the metric")
        return clean, corrupted


@dataclass(frozen=True)
class LogitDifference:
    """What `logit_difference` returns."""

    right: Tensor
    wrong: Tensor
    at: int | Tensor

    def __call__(self, logits: Tensor) -> Tensor:
        """[B, T, vocab] or [B, classes] -> [B]."""
        rows = torch.arange(len(logits), device=logits.device)
        last = logits if logits.dim() == 2 else logits[rows, torch.as_tensor(self.at, device=logits.device)]
        return last[rows, self.right.to(logits.device)] - last[rows, self.wrong.to(logits.device)]


def logit_difference(right: Tensor, wrong: Tensor, at: int | Tensor = -1) -> LogitDifference:
    """Logit of the right answer minus that of the wrong one, at one position.

    Args:
        right, wrong: token ids, [B]. For a model of images, classes; then the position is not used.
        at: position in the row, the same for all or [B].
    """
    return LogitDifference(right, wrong, at)


def last_real(inputs: Mapping[str, Tensor]) -> Tensor:
    """[B], where the last token of each row is that is no pad, from the attention mask if there is one."""
    ids, mask = inputs["input_ids"], inputs.get("attention_mask")
    places = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
    return places.amax(1) if mask is None else (places * mask.bool()).amax(1)


def at_least_float32(x: Tensor) -> Tensor:
    """x, of a model in half precision as float32: what sums and differences are formed in."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """No gradients of parameters inside the block: gradients of activations alone cost less than half."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    for p in trainable:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in trainable:
            p.requires_grad_(True)
