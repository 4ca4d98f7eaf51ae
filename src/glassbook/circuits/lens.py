"""What each layer would say next: the logit lens, the tuned lens, and each part's own share of a logit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from glassbook.circuits.graph import Graph, Writer
from glassbook.errors import GlassbookError
from glassbook.features.logits import final
from glassbook.nets import LanguageModel
from glassbook.notebook.files import write_atomic
from glassbook.trace import blocks, trace


@torch.no_grad()
def logit_lens(lm: LanguageModel, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The stream after each block, through the final norm and the head: block -> logits [B, T, vocab].

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".

    Raises:
        GlassbookError: the model has no final norm and head that lead from its last block to its logits.
    """
    norm, head = _final(lm)
    return {name: head(norm(x)).float() for name, x in _streams(lm, inputs).items()}


class TunedLens(nn.Module):
    """An affine translator for each block, so that what it says is put as the last layer would put it.

    `lens(name, x)` are logits. As made, each translator is the identity: then it is the logit lens.

    Source: Belrose et al. 2023, arXiv:2303.08112.
    """

    def __init__(self, lm: LanguageModel) -> None:
        super().__init__()
        self._out = _final(lm)  # in a tuple, so that the model's own parts do not become parts of the lens
        self.names = blocks(lm.model)[:-1]  # behind the last block there is nothing to translate
        d = self._out[1].weight.shape[1]
        self.translators = nn.ModuleList(nn.Linear(d, d) for _ in self.names)
        for translator in self.translators:
            assert isinstance(translator, nn.Linear)
            nn.init.zeros_(translator.weight)  # what is added to x
            nn.init.zeros_(translator.bias)
        self.to(lm.device)

    def forward(self, name: str, x: Tensor) -> Tensor:
        """Logits [..., vocab] of the stream x [..., d] after a block."""
        if name in self.names:
            x = x + self.translators[self.names.index(name)](x)
        norm, head = self._out
        return head(norm(x))

    def save(self, path: str | Path) -> None:
        """Write the translators as safetensors."""
        write_atomic(Path(path), to_bytes({k: v.contiguous() for k, v in self.translators.state_dict().items()}))

    def load(self, path: str | Path) -> TunedLens:
        """Read what `save` wrote for a lens of the same model.

        Raises:
            GlassbookError: no such file, or one of another model.
        """
        try:
            self.translators.load_state_dict(load_file(path))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise GlassbookError(f"{path} holds no tuned lens of this model; fit one and save it there") from error
        return self


def fit_tuned_lens(
    lm: LanguageModel, batches: Iterable[Mapping[str, Tensor]], *, lr: float = 1e-3, weight_decay: float = 1e-3
) -> TunedLens:
    """Train a lens so that each block's logits come near the model's own: the least KL(model || lens).

    Args:
        lm: the model; it is not changed.
        batches: inputs of its forward; one step of Adam for each.
        lr: learning rate, falling linearly if the number of batches is known.
        weight_decay: pulls the translators towards the identity.
    """
    lens = TunedLens(lm)
    parameters = list(lens.translators.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
    total = len(batches) if hasattr(batches, "__len__") else None  # type: ignore[arg-type]
    for step, inputs in enumerate(batches):
        streams = _streams(lm, inputs)
        with torch.no_grad():
            target = lens(*streams.popitem()).float().log_softmax(-1)
        real = inputs["attention_mask"].bool() if "attention_mask" in inputs else slice(None)
        losses = [
            nn.functional.kl_div(lens(name, x).float().log_softmax(-1), target, log_target=True, reduction="none")
            .sum(-1)[real]
            .mean()
            for name, x in streams.items()
        ]
        for group in optimiser.param_groups:
            group["lr"] = lr if total is None else lr * (1 - step / total)
        for p, slope in zip(parameters, torch.autograd.grad(torch.stack(losses).sum(), parameters), strict=True):
            p.grad = slope
        optimiser.step()
    return lens.eval()


@torch.no_grad()
def direct_attribution(
    graph: Graph, lm: LanguageModel, inputs: Mapping[str, Tensor], right: Tensor, wrong: Tensor, at: int = -1
) -> dict[Writer | str, Tensor]:
    """What each writer adds to logit(right) - logit(wrong), directly, with the final norm's scale as it is.

    The values add up to the difference exactly; what no writer wrote (biases) is under "rest".

    Args:
        graph: of the model.
        lm: the model.
        inputs: [B, T] tokens.
        right, wrong: token ids, [B].
        at: position.

    Returns:
        writer -> [B].
    """
    norm, head = _final(lm)
    writes = graph.writes(inputs)[:, :, at]
    last = list(_streams(lm, inputs).values())[-1][:, at]
    through, bias = frozen_norm(norm, last)
    towards = (head.weight[right] - head.weight[wrong]).float()
    shares = torch.einsum("ubd,bd->ub", through(writes), towards)
    rest = ((through(last - writes.sum(0)) + bias) * towards).sum(-1)
    if getattr(head, "bias", None) is not None:
        rest = rest + head.bias[right] - head.bias[wrong]
    return {**dict(zip(graph.writers, shares, strict=True)), "rest": rest}


def frozen_norm(norm: nn.Module, x: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """(map, bias): the norm as the linear map that it is at the scale of x; map(x) + bias is norm(x).

    Args:
        norm: a layer norm or an RMS norm.
        x: [..., d].

    Returns:
        map: [..., d] or [n, ..., d] -> the same shape.
    """
    bias = norm(torch.zeros_like(x))
    ones = torch.ones_like(x[..., :1, :]) if x.dim() > 1 else torch.ones_like(x)
    centres = torch.allclose(norm(ones), norm(-ones), atol=1e-4)

    def unscaled(w: Tensor) -> Tensor:
        """The norm's gain on w, centred if the norm does; nothing is divided by."""
        w = w - w.mean(-1, keepdim=True) if centres else w
        size = w.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-30)
        large = w / size * 1e3  # beside which the norm's epsilon is nothing
        return (norm(large) - norm(-large)) / 2 * size

    plain, normed = unscaled(x), norm(x) - bias
    scale = (plain * normed).sum(-1, keepdim=True) / plain.square().sum(-1, keepdim=True).clamp(min=1e-30)
    return (lambda w: unscaled(w) * scale), bias


def _streams(lm: LanguageModel, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The stream after each block."""
    names = blocks(lm.model)
    with torch.no_grad(), trace(lm.model, read=[f"{name}.out" for name in names]) as t:
        lm.model(**inputs)
    return {name: t[f"{name}.out"] for name in names}


def _final(lm: LanguageModel) -> tuple[nn.Module, nn.Linear]:
    found = final(lm)
    if found is None:
        raise GlassbookError(
            f"the final norm and head of {lm.name} are not known here, so there is no lens through them"
        )
    return found
