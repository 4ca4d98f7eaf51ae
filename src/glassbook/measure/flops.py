"""FLOP counter: floating-point operations counted as a computation runs. The convention is that of `compute`.

with FlopCounter() as counter:
    model(ids).logits.sum().backward()
counter.total
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import (
    conv_flop_count,
    flop_registry,
    sdpa_backward_flop_count,
    sdpa_flop_count,
    shape_wrapper,
)

from glassbook.errors import GlassbookError
from glassbook.measure.compute import Flop

_CPU = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_CPU_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _attention_backward(grad: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_backward_flop_count(grad, query, key, value)


def _convolution_backward(
    grad: Any, x: Any, weight: Any, _bias: Any, _stride: Any, _padding: Any, _dilation: Any, transposed: bool,
    _output_padding: Any, _groups: int, wanted: Sequence[bool], **__: Any,
) -> int:  # fmt: skip
    """The gradients of the input and of the weights cost what the forward pass costs, each."""
    return conv_flop_count(x, weight, grad, transposed) * sum(map(bool, wanted[:2]))


CORRECTIONS: Mapping[Any, Callable[..., int]] = {
    _CPU: _attention,
    _CPU_BACKWARD: _attention_backward,
    torch.ops.aten.convolution_backward: _convolution_backward,
}
"""What torch 2.13's counter has wrong: attention on a CPU, of which it counts no operation, and the gradient of a
convolution's weights, which it counts as if there were no groups."""


@functools.cache
def _composite(func: Any) -> bool:
    """Whether an operation is made of others. In inference mode such come whole, and must be looked into."""
    return func.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd)


class FlopCounter(TorchDispatchMode):
    """Counts what runs inside its `with` block, on any device, gradients included.

    Results are the same, though gradients may lie in memory otherwise. It follows operations, not modules as torch's
    FlopCounterMode does, which takes twice as long. Sparse products and `embedding_bag` are not seen: a step of a
    sparse dictionary is counted by `compute.dictionary_step`.

    Args:
        corrected: count what torch's own counter has wrong; without it, the number is torch's.
    """

    def __init__(self, corrected: bool = True) -> None:
        super().__init__()
        right = {op: shape_wrapper(formula) for op, formula in CORRECTIONS.items()} if corrected else {}
        self._formulas: Mapping[Any, Callable[..., int]] = {**flop_registry, **right}
        self._n = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        formula = self._formulas.get(func._overloadpacket)
        if formula is None and _composite(func):
            with self:
                return func.decompose(*args, **kwargs)
        out = func(*args, **kwargs)
        if formula is not None:
            self._n += formula(*args, **kwargs, out_val=out)
        return out

    @property
    def total(self) -> Flop:
        """What was counted so far."""
        return Flop(float(self._n))


class Counting:
    """What of a step is counted: what runs inside of it, and backward passes. Without a counter, nothing."""

    def __init__(self, counter: FlopCounter | None) -> None:
        self._counter = counter

    def __enter__(self) -> None:
        if self._counter is not None:
            self._counter.__enter__()

    def __exit__(self, *error: Any) -> None:
        if self._counter is not None:
            self._counter.__exit__(*error)

    def thrown_away(self, work: Callable[[], object]) -> None:
        """Count some work whose result is thrown away; without a counter it is not done."""
        if self._counter is not None:
            with self._counter:
                work()

    def backward(self, loss: torch.Tensor, parameters: Sequence[torch.Tensor]) -> None:
        """Count a backward pass to some parameters, which keep the gradients that they have."""
        self.thrown_away(lambda: torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True))


class Meter:
    """FLOPs of a training: the first step of each kind is counted, and later ones cost the same.

        meter = Meter()
        with meter.step(kind_of(batch)) as counting:          # say, the shapes of the batch
            with counting:
                loss = objective(model, batch)
            counting.backward(loss, parameters)               # counted on gradients that are thrown away
            loss.backward()
        meter.total

    The step's own backward pass must not run under a counter: there gradients of matrices come in another layout, and a
    norm over another layout is rounded otherwise. So the first step of each kind has a second backward pass.
    """

    def __init__(self) -> None:
        self.costs: dict[str, float] = {}
        """FLOP of a step of each kind that has come up."""
        self._n = 0.0

    @contextlib.contextmanager
    def step(self, kind: str) -> Iterator[Counting]:
        """Around a step: adds what the first one of this kind has cost."""
        if kind in self.costs:
            yield Counting(None)
        else:
            counter = FlopCounter()
            yield Counting(counter)
            self.costs[kind] = counter.total.n
        self._n += self.costs[kind]

    def add(self, flop: Flop) -> None:
        """Add what was found in another way."""
        self._n += flop.n

    @property
    def total(self) -> Flop:
        """What all steps have cost."""
        return Flop(self._n)

    def state(self) -> dict[str, torch.Tensor]:
        """For a checkpoint: the total, and what a step of each kind costs."""
        numbers = {"total": self._n, **{f"step/{kind}": n for kind, n in self.costs.items()}}
        return {name: torch.tensor(n, dtype=torch.float64) for name, n in numbers.items()}

    def load(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back what `state` returned: kinds that had come up are not counted again.

        Raises:
            GlassbookError: it holds no total.
        """
        if "total" not in tensors:
            raise GlassbookError("it is of a version that counted no FLOPs")
        numbers = {name: t.item() for name, t in tensors.items()}
        self._n = numbers.pop("total")
        self.costs = {name.removeprefix("step/"): n for name, n in numbers.items()}


def shapes(batch: Mapping[str, torch.Tensor]) -> str:
    """What a batch's cost depends on, as the kind of a step: names and shapes of its tensors."""
    return ", ".join(f"{name} {'x'.join(map(str, t.shape))}" for name, t in sorted(batch.items()))
