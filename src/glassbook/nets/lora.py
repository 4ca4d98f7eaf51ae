"""Low-rank adaptation (LoRA): a frozen model with small trainable changes of its matrices, W + B A.

    adapted = LoRA(model, rank=8)          # trains as any module; its state is the adapters alone
    train(adapted, next_token(), ...)
    adapted.merge()                        # the changes are in the weights now, and the model is as it was made

Hooks only: the model is neither wrapped nor renamed, and its own call gives the adapted outputs until `merge` or
`remove`. A matrix that two modules share (a tied embedding and head) has one adapter.

Source: Hu et al. 2021, arXiv:2106.09685; B begins at zero, so that training begins from the model as it is.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassbook.errors import GlassbookError


class LoRA(nn.Module):
    """The adapters of a model's linear layers.

    Args:
        model: what is adapted. Its own parameters are frozen, where it is, until `merge` or `remove`.
        rank: of the change of each matrix.
        alpha: the change is scaled by alpha / rank; None takes 2 * rank, a scale of 2.
        embeddings: adapt the embedding and the head, too: needed where tokens are new. Linear layers with a row for
            each token count as heads.
        seed: of the adapters' beginning.

    Raises:
        GlassbookError: a rank below 1 or above that of a matrix, or no linear layer to adapt.
    """

    def __init__(
        self, model: nn.Module, rank: int, alpha: float | None = None, *, embeddings: bool = False, seed: int = 0
    ) -> None:
        super().__init__()
        self._base = [model]  # in a list: the base is no part of this module's state
        self.scale = (2 * rank if alpha is None else alpha) / max(rank, 1)
        self.adapters = nn.ModuleDict()
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []
        self._targets: list[tuple[nn.Parameter, _LowRank]] = []
        generator = torch.Generator().manual_seed(seed)
        chosen = list(_adapted(model, embeddings))
        if not chosen:
            raise GlassbookError(
                f"LoRA adapts linear layers, and {type(model).__name__} has none within its blocks; train it whole"
            )
        largest = min(min(module.weight.shape) for _, module in chosen)
        if not 1 <= rank <= largest:
            raise GlassbookError(f"rank {rank}: LoRA needs one from 1 to {largest}, the width of the smallest matrix")
        shared: dict[int, _LowRank] = {}
        for name, module in chosen:
            weight = module.weight
            if id(weight) not in shared:
                shared[id(weight)] = adapter = _LowRank(weight, rank, generator)
                self.adapters[name.replace(".", "/")] = adapter  # module names may hold no dots
                self._targets.append((weight, adapter))
            change = _of_ids if isinstance(module, nn.Embedding) else _of_states
            self._hooks.append(module.register_forward_hook(self._hook(shared[id(weight)], change)))
        self._frozen = [p for p in model.parameters() if p.requires_grad]
        for p in self._frozen:
            p.requires_grad_(False)

    @property
    def model(self) -> nn.Module:
        """The model that is adapted."""
        return self._base[0]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The adapted model's output."""
        return self.model(*args, **kwargs)

    @torch.no_grad()
    def merge(self) -> nn.Module:
        """Add the changes to the weights, remove the adapters and return the model."""
        for weight, adapter in self._targets:
            weight += (self.scale * (adapter.b.float() @ adapter.a.float())).to(weight.dtype)
        return self.remove()

    def remove(self) -> nn.Module:
        """Leave the model as it was before, its parameters trainable again, and return it."""
        for hook in self._hooks:
            hook.remove()
        for p in self._frozen:
            p.requires_grad_(True)
        self._hooks, self._targets, self._frozen = [], [], []
        return self.model

    def train(self, mode: bool = True) -> "LoRA":
        """As of any module; the model goes along."""
        self.model.train(mode)
        return super().train(mode)

    def _apply(self, fn: Any, recurse: bool = True) -> "LoRA":
        self.model._apply(fn)
        return super()._apply(fn, recurse)

    def _hook(self, adapter: "_LowRank", change: Any) -> Any:
        return lambda module, args, output: output + self.scale * change(args[0], adapter)


class _LowRank(nn.Module):
    """The change B A of a matrix [out, in]: `b` [out, rank] from zero, `a` [rank, in] uniform as torch's own layers."""

    def __init__(self, weight: Tensor, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        out, width = weight.shape
        bound = 1 / math.sqrt(width)
        begin = (2 * torch.rand(rank, width, generator=generator) - 1) * bound
        self.a = nn.Parameter(begin.to(weight))
        self.b = nn.Parameter(torch.zeros(out, rank).to(weight))


def _of_states(x: Tensor, adapter: _LowRank) -> Tensor:
    """The change of x W^T: [..., in] -> [..., out]."""
    return F.linear(F.linear(x, adapter.a), adapter.b)


def _of_ids(ids: Tensor, adapter: _LowRank) -> Tensor:
    """The change of an embedding's rows: [...] -> [..., width]."""
    return F.embedding(ids, adapter.b) @ adapter.a


def _adapted(model: nn.Module, embeddings: bool) -> Iterator[tuple[str, Any]]:
    """Names and modules of the matrices that get an adapter."""
    table = (
        model.get_submodule("embed") if hasattr(model, "embed") else getattr(model, "get_input_embeddings", object)()
    )
    rows = table.weight.shape[0] if isinstance(table, nn.Embedding) else None
    for name, module in model.named_modules():
        of_tokens = module is table or (isinstance(module, nn.Linear) and module.out_features == rows)
        if (isinstance(module, nn.Linear) and not of_tokens) or (embeddings and of_tokens):
            yield name, module
