"""Sparse autoencoder training step: the loss of each sparsity rule's published recipe, Adam, and dead latents."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features._sparse.encode_decode import ForwardOutput, encode_decode
from glassbook.features.dictionary import Dictionary
from glassbook.features.normalize import ActivationNormalizer
from glassbook.features.sparsity import BatchTopK, Gated, JumpReLU, ReLU, TopK, base_rule
from glassbook.measure.compute import Flop, dictionary_step
from glassbook.train.checkpoints import Tensors, under
from glassbook.train.optimisers import load_optimiser_state, optimiser_state

FIRING_THRESHOLD = 1e-3
"""A latent whose value exceeds this has fired (Gao et al. 2024); activations have E||x||^2 = d."""
DEAD_CHECK_INTERVAL = 16
"""Steps between two searches for dead latents: finding them would stop an accelerator at every step."""
INITIAL_ROW_NORM = 0.1
"""Norm that the rows of W_dec start with where the rule leaves them free (ReLU)."""


class SAETrainer:
    """The changing part of a training: the dictionary, Adam's moments, and when each latent last fired.

    Args:
        d: the dictionary; from `setup` to `finalize` its weights are in the units of training.
        lr: peak learning rate.
        aux: weight of the dead latents' loss.
        dead_after: steps without firing after which a latent is dead.
        fast: choose the active latents by bfloat16 products.
    """

    def __init__(self, d: Dictionary, lr: float, aux: float, dead_after: int, fast: bool) -> None:
        inner = base_rule(d.rule)
        if isinstance(inner, Gated):
            raise GlassbookError("a Gated dictionary can be loaded and used, not learnt; learn a JumpReLU instead")
        self.d, self.lr, self.rule, self.dead_after, self.fast = d, lr, inner, dead_after, fast
        self.aux = aux if isinstance(inner, (TopK, BatchTopK)) else 0.0
        self.device = d.W_enc.device
        self.parameters = dict(d.named_parameters())
        # The JumpReLU paper leaves out Adam's first moment, with which a penalty on a count swings.
        betas = (0.0 if isinstance(inner, JumpReLU) else 0.9, 0.999)
        self.adam = torch.optim.Adam(self.parameters.values(), lr=lr, betas=betas, eps=6.25e-10, fused=True)
        self.last_fired = torch.zeros(d.width, dtype=torch.int64, device=self.device)
        self.dead = torch.empty(0, dtype=torch.int64, device=self.device)
        self.k_aux = min(d.width, 2 ** max(0, round(math.log2(d.d_out / 2))))
        self.loss = torch.zeros((), device=self.device)
        self.error = self.variance = self.active = self.loss
        self.rows = self.done = 0
        self.seen, self.fired = 0, torch.zeros((), dtype=torch.int64, device=self.device)
        self.normalizer: ActivationNormalizer | None = None

    def setup(self, sample: Tensor, centre: str) -> None:
        """Measure the units of training on a sample of the activations, and write the weights in them."""
        d = self.d
        x, y = self.inputs_and_targets(sample)
        if x.shape[1] != d.d_in or y.shape[1] != d.d_out:
            wanted = f"{d.d_in} + {d.d_out}" if d.transcodes else str(d.d_in)
            raise GlassbookError(f"the dictionary reads {wanted} dimensions, the activations have {sample.shape[1]}")
        self.normalizer = ActivationNormalizer.measure(d, x, y, centre)
        # Weights that were learnt or read from a file are in raw units, and so are biases that were put in by hand.
        if not d.fresh or bool(d.b_enc.any() | d.b_dec.any()):
            self.normalizer.unfold_from_weights(d)
            return
        with torch.no_grad():
            if isinstance(self.rule, ReLU):
                d.W_dec.mul_(INITIAL_ROW_NORM)
                d.W_enc.copy_(d.W_dec if not d.transcodes else d.W_enc * INITIAL_ROW_NORM)
            if d.theta is not None:
                assert isinstance(self.rule, JumpReLU)
                x = self.normalizer.normalize(x[:4096])
                pre = torch.addmm(d.b_enc, x, d.W_enc.T).flatten()
                active = min(len(pre), max(1, round(self.rule.l0 * len(x))))
                d.theta.fill_(max(float(pre.topk(active).values.min()), 0.0))

    def inputs_and_targets(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is read and what is predicted: a transcoder's batch holds both, side by side."""
        x = x.to(self.device, non_blocking=True)
        return (x[:, : self.d.d_in], x[:, self.d.d_in :]) if self.d.transcodes else (x, x)

    def step(self, batch: Tensor, lr: float, step: int, sparsity: float = 1.0) -> None:
        """One step of Adam on a batch of raw activations, with `sparsity` times the weight of the sparsity loss."""
        d = self.d
        assert self.normalizer is not None
        x, y = self.inputs_and_targets(batch)
        x = self.normalizer.normalize(x)
        y = self.normalizer.normalize_target(y) if d.transcodes else x
        if step % DEAD_CHECK_INTERVAL == 0 and self.aux:
            self.dead = torch.nonzero(step - self.last_fired > self.dead_after)[:, 0]
        out = encode_decode(
            x,
            d.W_enc,
            d.b_enc,
            d.W_dec,
            d.b_dec,
            rule=d.rule,
            theta=d.theta,
            W_skip=d.W_skip,
            subtract=not d.transcodes,
            dead=self.dead,
            k_aux=self.k_aux,
            fast=self.fast,
        )
        error = (y - out.sae_out).square().mean()
        loss = self._loss(out, y, error, sparsity)
        loss.backward()
        self._update(lr)
        with torch.no_grad():
            self.last_fired.masked_fill_(out.fires(FIRING_THRESHOLD), step + 1)
            self.variance = (y - y.mean(0)).square().mean()
        self.error, self.loss, self.active = error.detach(), loss.detach(), out.n_active.detach()
        self.fired += self.active.long()
        self.seen += len(x)
        self.rows, self.done = len(x), step + 1

    def _loss(self, out: ForwardOutput, y: Tensor, error: Tensor, sparsity: float) -> Tensor:
        """The rule's loss, in units where predicting the centre costs 1."""
        n, d = y.shape
        loss = error if out.prefix_outs is None else (y[:, None] - out.prefix_outs).square().mean()
        if out.aux_out is not None:
            loss = loss + self.aux * _auxk_loss(out.aux_out, (y - out.sae_out).detach())
        if isinstance(self.rule, ReLU):
            sites = self.d.W_dec.split(self.d.parts, 1) if len(self.d.parts) > 1 else [self.d.W_dec]
            norms = torch.stack([torch.linalg.vector_norm(site, dim=1) for site in sites]).sum(0)
            loss = loss + sparsity * self.rule.l1 * (out.latent_sums @ norms) / (n * d)
        if isinstance(self.rule, JumpReLU):
            loss = loss + sparsity * (out.n_active / (n * self.rule.l0) - 1).square()
        return loss

    @torch.no_grad()
    def _update(self, lr: float) -> None:
        d = self.d
        free = isinstance(self.rule, ReLU)
        if free:  # the recipe clips the gradient of a loss that is d times this one
            torch.nn.utils.clip_grad_norm_(self.parameters.values(), 1 / d.d_out, foreach=True)
        else:
            _remove_parallel_part(d.W_dec.grad, d.W_dec)
        self.adam.param_groups[0]["lr"] = lr
        self.adam.step()
        self.adam.zero_grad()
        if not free:
            d.W_dec.div_(torch.linalg.vector_norm(d.W_dec, dim=1, keepdim=True))
        if d.theta is not None:
            d.theta.clamp_(min=0)

    def metrics(self, done: int) -> dict[str, float]:
        """The numbers of a logged point; the only place that waits for the device."""
        explained = 1 - float(self.error / self.variance)
        numbers = {"loss": self._finite_loss(done), "explained_variance": explained}
        return numbers | {"l0": float(self.active) / self.rows, "dead": self.dead_share(done)}

    def _finite_loss(self, done: int) -> float:
        loss = float(self.loss)
        if not math.isfinite(loss):
            raise GlassbookError(f"the loss is {loss} at step {done}; are all activations finite? Or lower lr")
        return loss

    def flop(self) -> Flop:
        """What all steps so far have cost, by formula: dead latents' loss is left out."""
        d = self.d
        active = float(self.fired) / max(self.seen, 1)
        return dictionary_step(self.seen, d.d_in, d.width, active, d.d_out)

    def sparsity_warmup(self, progress: float) -> float:
        """The share of its weight that the sparsity loss has after `progress` of the training."""
        if isinstance(self.rule, ReLU):
            return min(1.0, progress / 0.05)
        return min(1.0, progress / 0.2) if isinstance(self.rule, JumpReLU) else 1.0

    def dead_share(self, done: int) -> float:
        """Share of latents that have not fired for `dead_after` steps."""
        return float((done - self.last_fired > self.dead_after).float().mean())

    def finalize(self) -> None:
        """Write the weights for raw activations again."""
        if self.normalizer is not None:
            self.normalizer.fold_into_weights(self.d)
            self.normalizer = None
            self.d.fresh = False

    # --- checkpoints --------------------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        """What a checkpoint must agree on."""
        d = self.d
        return {"d_in": d.d_in, "d_out": d.d_out, "width": d.width, "code": repr(d.rule), "fast": self.fast}

    def state(self) -> Tensors:
        """Everything that the next step depends on."""
        assert self.normalizer is not None
        self._finite_loss(self.done)  # never let a dictionary that is lost push out the last good one
        tensors = {f"dictionary/{name}": t for name, t in self.d.state_dict().items()}
        tensors |= {f"scaling/{name}": t.clone() for name, t in vars(self.normalizer).items()}
        tensors |= {f"adam/{name}": t for name, t in optimiser_state(self.adam, self.parameters).items()}
        counts = {"seen": torch.tensor(self.seen), "fired": self.fired}
        return tensors | {"last_fired": self.last_fired, "dead": self.dead} | counts

    @torch.no_grad()
    def load(self, tensors: Tensors) -> None:
        """Take back what `state` returned."""
        self.d.load_state_dict(under("dictionary/", tensors))
        self.normalizer = ActivationNormalizer(
            **{name: t.to(self.device) for name, t in under("scaling/", tensors).items()}
        )
        self.last_fired, self.dead = tensors["last_fired"].to(self.device), tensors["dead"].to(self.device)
        if "seen" not in tensors:
            raise GlassbookError("it is of a version that counted no FLOPs")
        self.seen, self.fired = int(tensors["seen"]), tensors["fired"].to(self.device)
        load_optimiser_state(self.adam, self.parameters, under("adam/", tensors))


def _auxk_loss(aux: Tensor, error: Tensor) -> Tensor:
    """Error of the dead latents' reconstruction of `error`, relative to predicting its mean; 0 where undefined."""
    return torch.nan_to_num((aux - error).square().mean() / (error - error.mean(0)).square().mean())


def _remove_parallel_part(gradient: Tensor | None, rows: Tensor) -> None:
    """Take from each row's gradient its part along the row, which would only change the row's norm."""
    assert gradient is not None
    gradient.addcmul_(rows, torch.linalg.vecdot(gradient, rows)[:, None], value=-1.0)
