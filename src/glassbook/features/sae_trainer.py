"""One step of training a dictionary: its loss by the rule's published recipe, Adam, and which latents are dead."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features._sparse.encode_decode import Pass, encode_decode
from glassbook.features.activations import BatchTopK, Gated, JumpReLU, ReLU, TopK, rule
from glassbook.features.dictionary import Dictionary
from glassbook.features.normalize import Scaling
from glassbook.train.checkpoints import newest_checkpoint, under, write_checkpoint

FIRED = 1e-3
"""A latent whose value exceeds this has fired (Gao et al. 2024); activations have E||x||^2 = d."""
LOOK = 16
"""Steps between two looks at which latents are dead: finding them would stop an accelerator at every step."""
SMALL = 0.1
"""Norm that the rows of W_dec start with where the rule leaves them free (ReLU)."""


class Training:
    """The changing part of a training: the dictionary, Adam's moments, and when each latent last fired.

    Args:
        d: the dictionary; while this lasts, its weights are in the units of training.
        lr: peak learning rate.
        aux: weight of the dead latents' loss.
        patience: steps without firing after which a latent is dead.
        fast: choose the active latents by bfloat16 products.
    """

    def __init__(self, d: Dictionary, lr: float, aux: float, patience: int, fast: bool) -> None:
        inner = rule(d.code)
        if isinstance(inner, Gated):
            raise GlassbookError("a Gated dictionary can be loaded and used, not learnt; learn a JumpReLU instead")
        self.d, self.rule, self.patience, self.fast = d, inner, patience, fast
        self.aux = aux if isinstance(inner, (TopK, BatchTopK)) else 0.0
        self.device = d.W_enc.device
        self.parameters = dict(d.named_parameters())
        # The JumpReLU paper leaves out Adam's first moment, with which a penalty on a count swings.
        betas = (0.0 if isinstance(inner, JumpReLU) else 0.9, 0.999)
        self.adam = torch.optim.Adam(self.parameters.values(), lr=lr, betas=betas, eps=6.25e-10, fused=True)
        self.fired = torch.zeros(d.width, dtype=torch.int64, device=self.device)
        self.dead = torch.empty(0, dtype=torch.int64, device=self.device)
        self.k_aux = min(d.width, 2 ** max(0, round(math.log2(d.d_out / 2))))
        self.loss = torch.zeros((), device=self.device)
        self.unexplained = self.loss
        self.scaling: Scaling | None = None

    def begin(self, sample: Tensor, how: str) -> None:
        """Measure the units of training on a sample of the activations, and write the weights in them."""
        d = self.d
        x, y = self.split(sample)
        if x.shape[1] != d.d_in or y.shape[1] != d.d_out:
            wanted = f"{d.d_in} + {d.d_out}" if d.transcodes else str(d.d_in)
            raise GlassbookError(f"the dictionary reads {wanted} dimensions, the activations have {sample.shape[1]}")
        self.scaling = Scaling.of(d, x, y, how)
        if bool(d.b_enc.any() | d.b_dec.any()):
            self.scaling.unfold(d)
            return
        with torch.no_grad():
            if isinstance(self.rule, ReLU):
                d.W_dec.mul_(SMALL)
                d.W_enc.copy_(d.W_dec if not d.transcodes else d.W_enc * SMALL)
            if d.theta is not None:
                assert isinstance(self.rule, JumpReLU)
                x = self.scaling.see(x[:4096])
                pre = torch.addmm(d.b_enc, x, d.W_enc.T).flatten()
                kept = min(len(pre), max(1, round(self.rule.l0 * len(x))))
                d.theta.fill_(max(float(pre.topk(kept).values.min()), 0.0))

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is read and what is predicted: a transcoder's batch holds both, side by side."""
        x = x.to(self.device, non_blocking=True)
        return (x[:, : self.d.d_in], x[:, self.d.d_in :]) if self.d.transcodes else (x, x)

    def update(self, batch: Tensor, rate: float, step: int, ramp: float = 1.0) -> Pass:
        """One step of Adam on a batch of raw activations; `ramp` times the sparsity loss."""
        d = self.d
        assert self.scaling is not None
        x, y = self.split(batch)
        x = self.scaling.see(x)
        y = self.scaling.see_out(y) if d.transcodes else x
        if step % LOOK == 0 and self.aux:
            self.dead = torch.nonzero(step - self.fired > self.patience)[:, 0]
        out = encode_decode(
            x,
            d.W_enc,
            d.b_enc,
            d.W_dec,
            d.b_dec,
            code=d.code,
            theta=d.theta,
            W_skip=d.W_skip,
            subtract=not d.transcodes,
            dead=self.dead,
            k_aux=self.k_aux,
            fast=self.fast,
        )
        self.unexplained = (y - out.xh).square().mean()
        self.loss = self._loss(out, y, ramp)
        self.loss.backward()
        self._descend(rate)
        with torch.no_grad():
            self.fired.masked_fill_(out.fires(FIRED), step + 1)
        return out

    def _loss(self, out: Pass, y: Tensor, ramp: float) -> Tensor:
        """The rule's loss, in units where predicting the mean costs 1."""
        n, d = y.shape
        loss = self.unexplained if out.levels is None else (y[:, None] - out.levels).square().mean()
        if out.aux is not None:
            loss = loss + self.aux * _rebuilt(out.aux, (y - out.xh).detach())
        if isinstance(self.rule, ReLU):
            sites = self.d.W_dec.split(self.d.parts, 1) if len(self.d.parts) > 1 else [self.d.W_dec]
            norms = torch.stack([torch.linalg.vector_norm(site, dim=1) for site in sites]).sum(0)
            loss = loss + ramp * self.rule.l1 * (out.mass @ norms) / (n * d)
        if isinstance(self.rule, JumpReLU):
            loss = loss + ramp * (out.active / (n * self.rule.l0) - 1).square()
        return loss

    @torch.no_grad()
    def _descend(self, rate: float) -> None:
        d = self.d
        free = isinstance(self.rule, ReLU)
        if free:  # the recipe clips the gradient of a loss that is d times this one
            torch.nn.utils.clip_grad_norm_(self.parameters.values(), 1 / d.d_out, foreach=True)
        else:
            _project(d.W_dec.grad, d.W_dec)
        self.adam.param_groups[0]["lr"] = rate
        self.adam.step()
        self.adam.zero_grad()
        if not free:
            d.W_dec.div_(torch.linalg.vector_norm(d.W_dec, dim=1, keepdim=True))
        if d.theta is not None:
            d.theta.clamp_(min=0)

    def describe(self, out: Pass, done: int) -> dict[str, float]:
        """The numbers of a logged point; the only place that waits for the device."""
        loss = float(self.loss.detach())
        if not math.isfinite(loss):
            raise GlassbookError(f"the loss is {loss} at step {done}; are all activations finite? Or lower lr")
        numbers = {"loss": loss, "explained_variance": 1 - float(self.unexplained.detach())}
        return numbers | {"l0": float(out.active.detach()) / len(out.xh), "dead": self.dead_share(done)}

    def dead_share(self, done: int) -> float:
        """Share of latents that have not fired for `patience` steps."""
        return float((done - self.fired > self.patience).float().mean())

    def end(self) -> None:
        """Write the weights for raw activations again."""
        if self.scaling is not None:
            self.scaling.fold(self.d)
            self.scaling = None

    # --- checkpoints --------------------------------------------------------------------------------------------

    def keep(self, folder: Any, step: int, settings: dict[str, Any]) -> None:
        """Write a checkpoint of everything that the next step depends on."""
        assert self.scaling is not None
        tensors = {f"dictionary/{name}": t for name, t in self.d.state_dict().items()}
        tensors |= {f"scaling/{name}": t.clone() for name, t in vars(self.scaling).items()}
        tensors |= {"fired": self.fired, "dead": self.dead}
        for name, p in self.parameters.items():
            tensors |= {f"adam/{name}/{key}": t for key, t in self.adam.state[p].items()}
        write_checkpoint(folder, step, tensors, {"step": step, "settings": settings})

    @torch.no_grad()
    def restore(self, folder: Any, settings: dict[str, Any], resume: bool) -> int:
        """Go back to the newest checkpoint in `folder`, if there is one; returns the steps done."""
        found = newest_checkpoint(folder, settings, resume)
        if found is None:
            return 0
        _, tensors, facts = found
        self.d.load_state_dict(under("dictionary/", tensors))
        self.scaling = Scaling(**{name: t.to(self.device) for name, t in under("scaling/", tensors).items()})
        self.fired, self.dead = tensors["fired"].to(self.device), tensors["dead"].to(self.device)
        for name, p in self.parameters.items():
            self.adam.state[p] = {key: t.to(p.device) for key, t in under(f"adam/{name}/", tensors).items()}
        return facts["step"]


def _rebuilt(aux: Tensor, error: Tensor) -> Tensor:
    """Error of the dead latents' reconstruction of `error`, relative to predicting its mean; 0 where undefined."""
    return torch.nan_to_num((aux - error).square().mean() / (error - error.mean(0)).square().mean())


def _project(gradient: Tensor | None, rows: Tensor) -> None:
    """Take from each row's gradient its part along the row, which would only change the row's norm."""
    assert gradient is not None
    gradient.addcmul_(rows, torch.linalg.vecdot(gradient, rows)[:, None], value=-1.0)
