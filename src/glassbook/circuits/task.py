"""What a circuit is looked for: pairs of inputs that differ in one thing, and a number that tells them apart."""

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
    """Pairs of inputs, row by row, and the metric that is high on the clean and low on the dirty ones.

    Args:
        clean: what the model does right, as keyword arguments of its forward (input_ids [B, T], ...).
        dirty: the same shapes, with the one thing changed; position by position the rows must correspond.
        metric: logits -> one number for each row, [B].
    """

    clean: Mapping[str, Tensor]
    dirty: Mapping[str, Tensor]
    metric: Metric

    def __post_init__(self) -> None:
        shapes = [{name: tuple(x.shape) for name, x in side.items()} for side in (self.clean, self.dirty)]
        if shapes[0] != shapes[1]:
            raise GlassbookError(f"clean and dirty inputs have shapes {shapes[0]} and {shapes[1]}; they must be equal")

    def score(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> Tensor:
        """The metric of a run, [B].

        Raises:
            GlassbookError: the metric gives something else.
        """
        output: Any = model(**inputs)
        logits = output if isinstance(output, Tensor) else output.logits
        values = self.metric(logits)
        if values.shape != logits.shape[:1]:
            raise GlassbookError(f"the metric gives {tuple(values.shape)}; give one number for each of the rows")
        return values

    def ends(self, model: nn.Module) -> tuple[Tensor, Tensor]:
        """The metric on clean and on dirty inputs, [B] each.

        Raises:
            GlassbookError: both are the same on the whole, so nothing could be found.
        """
        with torch.no_grad():
            clean, dirty = self.score(model, self.clean), self.score(model, self.dirty)
        if float((clean - dirty).mean().abs()) <= 1e-9:
            raise GlassbookError("the metric is the same on clean and dirty inputs; change the pairs or the metric")
        return clean, dirty


def logit_difference(right: Tensor, wrong: Tensor, at: int | Tensor = -1) -> Metric:
    """The logit of the right answer less that of the wrong one, at one position.

    Args:
        right, wrong: token ids, [B]. For a model of images, classes; then the position is not used.
        at: position in the row, the same for all or [B].
    """

    def metric(logits: Tensor) -> Tensor:
        rows = torch.arange(len(logits), device=logits.device)
        last = logits if logits.dim() == 2 else logits[rows, torch.as_tensor(at, device=logits.device)]
        return last[rows, right.to(logits.device)] - last[rows, wrong.to(logits.device)]

    return metric


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Inside the block no parameter asks for a gradient: those of activations alone cost less than half."""
    wanted = [p for p in model.parameters() if p.requires_grad]
    for p in wanted:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in wanted:
            p.requires_grad_(True)
