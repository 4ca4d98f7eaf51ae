"""Learn a dictionary: minimise the share of variance that it leaves, with the dead latents set to work on the error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.codes import BatchTopK
from glassbook.features.dictionary import Dictionary
from glassbook.features.rows import Batches, Source, about
from glassbook.features.sparse import Pass, encode_decode
from glassbook.measure import ExplainedVariance
from glassbook.notebook import Run
from glassbook.train.checkpoints import newest_checkpoint, under, write_checkpoint
from glassbook.train.going import how_to_resume, polite_interrupts, progress
from glassbook.train.schedules import linear

FIRED = 1e-3
"""A latent whose value exceeds this has fired (Gao et al. 2024); activations have E||x||^2 = d."""
LOOK = 16
"""Steps between two looks at which latents are dead: finding them would stop an accelerator at every step."""


@dataclass(frozen=True)
class FitReport:
    """What training left.

    Attributes:
        steps: optimiser steps done.
        n: rows seen, with repetitions.
        lr: peak learning rate.
        explained_variance: on held-out rows, as `measure.explained_variance`.
        l0: mean number of active latents on them.
        dead: share of latents that did not fire in the last `dead_after` training rows.
        dead_after: rows without firing after which a latent counted as dead.
    """

    steps: int
    n: int
    lr: float
    explained_variance: float
    l0: float
    dead: float
    dead_after: int


def default_lr(width: int, steps: int) -> float:
    """Peak learning rate: 2e-4 / sqrt(width / 2^14), the published scaling (Gao et al. 2024), higher for short runs.

    The published rate is for ten thousands of steps. Rates found best here by a sweep over short runs are larger by a
    factor that falls with the number of steps; see docs/decisions/0009-dictionary-learning-rate.md.
    """
    return 2e-4 / math.sqrt(width / 2**14) * min(5.0, max(1.0, math.sqrt(25_000 / steps)))


def fit(
    d: Dictionary,
    activations: Source,
    *,
    steps: int,
    batch: int = 4096,
    lr: float | None = None,
    aux: float = 1 / 32,
    dead_after: int | None = None,
    centre: Literal["mean", "median"] = "mean",
    precision: Literal["auto", "full", "bf16"] = "auto",
    seed: int = 0,
    run: Run | None = None,
    checkpoint: Path | None = None,
    every: int = 500,
    resume: bool = False,
    log_every: int = 20,
) -> FitReport:
    """Train an autoencoder on activations, in place.

    Loss (Gao et al. 2024, arXiv:2406.04093): mean ||x - xh||^2 / mean ||x - mean||^2, plus `aux` times the normalised
    error with which dead latents rebuild x - xh. Adam; linear warm-up over a twentieth of the steps and decay to zero
    over the last fifth; decoder rows keep norm 1, and their gradient is taken orthogonal to them.

    Args:
        d: the dictionary; what it has learnt already is kept.
        activations: [N, d], (recording, site), or step -> a batch; shuffled, except a function's.
        steps: optimiser steps.
        batch: rows in a step.
        lr: peak learning rate; None takes `default_lr`.
        aux: weight of the dead latents' loss; 0 leaves it out.
        dead_after: rows without firing after which a latent is dead; None: a tenth of the training, at most 10 million.
        centre: subtract the activations' mean, or their geometric median.
        precision: "bf16" chooses the active latents by bfloat16 products and computes the chosen ones in float32;
            "auto" does so where the hardware multiplies bfloat16.
        seed: of the rows' order.
        run: where metrics and progress go: loss, explained_variance (of the batch), l0, dead, lr.
        checkpoint: folder for checkpoints; None writes none.
        every: steps between two of them.
        resume: go on from the newest one, bit for bit on a CPU; from the start if there is none.
        log_every: steps between two logged points.

    Raises:
        GlassbookError: settings that cannot work, a checkpoint that does not fit, activations that are not finite.
        KeyboardInterrupt: Ctrl-C, after a checkpoint.
    """
    if d.transcodes:
        raise GlassbookError("fit learns autoencoders; a transcoder (d_out) can be loaded and used, not learnt yet")
    if min(steps, batch, every, log_every) < 1:
        raise GlassbookError("steps, batch, every and log_every must be at least 1")
    lr = default_lr(d.width, steps) if lr is None else lr
    dead_after = min(10_000_000, steps * batch // 10) if dead_after is None else dead_after
    batches = Batches(activations, batch, seed, steps)
    work = _Work(d, lr, aux, max(1, dead_after // batch), _selects_fast(precision, d.W_enc.device))
    settings = {"steps": steps, "batch": batch, "lr": lr, "aux": aux, "dead_after": dead_after, "seed": seed}
    settings |= {"width": d.width, "code": repr(d.code), "fast": work.fast, "centre": centre}
    start = work.restore(checkpoint, settings, resume) if checkpoint is not None else 0
    if start == 0:
        _look_through(d, batches.sample(65_536), centre)
    schedule = linear(warmup=max(1, steps // 20), share=0.2, floor=0.0)
    with progress(run, steps, "dictionary", start) as advance, polite_interrupts() as interrupted:
        for step in range(start, steps):
            rate = lr * schedule(step, steps)
            out = work.update(batches(step), rate, step)
            done, shown = step + 1, {}
            if done % log_every == 0 or done == steps:
                shown = work.describe(out, done)
                if run is not None:
                    run.log(done, **shown, lr=rate)
            advance(1, **{key: shown[key] for key in ("explained_variance", "dead") if key in shown})
            if checkpoint is not None and (done % every == 0 or done == steps or interrupted()):
                work.keep(checkpoint, done, settings)
            if interrupted():
                raise KeyboardInterrupt(how_to_resume(done, steps, checkpoint, run))
    held_out = batches.held_out().to(d.W_enc.device)
    if isinstance(d.code, BatchTopK):
        d.code = BatchTopK(d.code.k, _threshold(d, held_out))
    d.about = {**d.about, **about(activations), "trained_on": steps * batch}
    return FitReport(steps, steps * batch, lr, *_score(d, held_out), work.dead_share(steps), dead_after)


class _Work:
    """The changing part of a training: the dictionary, Adam's moments, and when each latent last fired."""

    def __init__(self, d: Dictionary, lr: float, aux: float, patience: int, fast: bool) -> None:
        self.d, self.aux, self.patience, self.fast = d, aux, patience, fast
        self.device = d.W_enc.device
        self.parameters: list[Tensor] = [d.W_enc, d.b_enc, d.W_dec, d.b_dec]
        self.adam = torch.optim.Adam(self.parameters, lr=lr, betas=(0.9, 0.999), eps=6.25e-10, fused=True)
        self.fired = torch.zeros(d.width, dtype=torch.int64, device=self.device)
        self.dead = torch.empty(0, dtype=torch.int64, device=self.device)
        self.k_aux = min(d.width, 2 ** max(0, round(math.log2(d.d_in / 2))))
        self.loss = torch.zeros((), device=self.device)
        self.unexplained = self.loss

    def update(self, x: Tensor, rate: float, step: int) -> Pass:
        """One step of Adam on a batch of raw activations."""
        d = self.d
        x = (x.to(self.device, non_blocking=True) - d.centre) * d.scale
        if step % LOOK == 0 and self.aux:
            self.dead = torch.nonzero(step - self.fired > self.patience)[:, 0]
        weights = d.W_enc, d.b_enc, d.W_dec, d.b_dec
        out = encode_decode(x, *weights, code=d.code, dead=self.dead, k_aux=self.k_aux, fast=self.fast)
        error = x - out.xh
        self.unexplained = error.square().mean()
        self.loss = self.unexplained
        if out.aux is not None:
            self.loss = self.loss + self.aux * _rebuilt(out.aux, error.detach())
        self.loss.backward()
        with torch.no_grad():
            _project(d.W_dec.grad, d.W_dec)
            self.adam.param_groups[0]["lr"] = rate
            self.adam.step()
            self.adam.zero_grad()
            d.W_dec.div_(torch.linalg.vector_norm(d.W_dec, dim=1, keepdim=True))
            self.fired.index_fill_(0, out.latents[out.values > FIRED], step + 1)
        return out

    def describe(self, out: Pass, done: int) -> dict[str, float]:
        """The numbers of a logged point; the only place that waits for the device."""
        loss = float(self.loss.detach())
        if not math.isfinite(loss):
            raise GlassbookError(f"the loss is {loss} at step {done}; are all activations finite? Or lower lr")
        l0 = float((out.values > 0).sum()) / len(out.begin)
        numbers = {"loss": loss, "explained_variance": 1 - float(self.unexplained.detach()), "l0": l0}
        return numbers | {"dead": self.dead_share(done)}

    def dead_share(self, done: int) -> float:
        """Share of latents that have not fired for `patience` steps."""
        return float((done - self.fired > self.patience).float().mean())

    def keep(self, folder: Path, step: int, settings: dict[str, Any]) -> None:
        """Write a checkpoint of everything that the next step depends on."""
        d = self.d
        tensors = {f"dictionary/{name}": t for name, t in d.state_dict().items()}
        tensors |= {"fired": self.fired, "dead": self.dead}
        for i, p in enumerate(self.parameters):
            tensors |= {f"adam/{i}/{key}": t for key, t in self.adam.state[p].items()}
        write_checkpoint(folder, step, tensors, {"step": step, "settings": settings})

    @torch.no_grad()
    def restore(self, folder: Path, settings: dict[str, Any], resume: bool) -> int:
        """Go back to the newest checkpoint in `folder`, if there is one; returns the steps done."""
        found = newest_checkpoint(folder, settings, resume)
        if found is None:
            return 0
        _, tensors, facts = found
        self.d.load_state_dict(under("dictionary/", tensors))
        self.fired, self.dead = tensors["fired"].to(self.device), tensors["dead"].to(self.device)
        for i, p in enumerate(self.parameters):
            self.adam.state[p] = {key: t.to(p.device) for key, t in under(f"adam/{i}/", tensors).items()}
        return facts["step"]


def geometric_median(x: Tensor, iterations: int = 50) -> Tensor:
    """The point [d] with the least sum of distances to the rows of x [n, d], by Weiszfeld's iterations."""
    point = x.mean(0)
    for _ in range(iterations):
        weights = 1 / torch.linalg.vector_norm(x - point, dim=1, keepdim=True).clamp(min=1e-6)
        point = (weights * x).sum(0) / weights.sum()
    return point


def _look_through(d: Dictionary, sample: Tensor, how: str) -> None:
    """Centre and scale the activations so that E||x||^2 = d."""
    if sample.shape[1] != d.d_in:
        raise GlassbookError(f"the dictionary reads {d.d_in} dimensions, the activations have {sample.shape[1]}")
    sample = sample.to(d.W_enc.device)
    centre = geometric_median(sample) if how == "median" else sample.mean(0)
    size = (sample - centre).square().sum(1).mean()
    if not bool(torch.isfinite(size) & (size > 0)):
        raise GlassbookError("the activations are all the same or not finite; there is nothing to learn from them")
    scale = (d.d_in / size).sqrt()
    if bool(d.b_enc.any() | d.b_dec.any()):
        d.look_through(centre, scale)
        return
    for name in ("", "_out"):
        getattr(d, f"centre{name}").copy_(centre)
        getattr(d, f"scale{name}").copy_(scale)


def _rebuilt(aux: Tensor, error: Tensor) -> Tensor:
    """Error of the dead latents' reconstruction of `error`, relative to predicting its mean; 0 where undefined."""
    return torch.nan_to_num((aux - error).square().mean() / (error - error.mean(0)).square().mean())


def _project(gradient: Tensor | None, rows: Tensor) -> None:
    """Take from each row's gradient its part along the row, which would only change the row's norm."""
    assert gradient is not None
    gradient.addcmul_(rows, torch.linalg.vecdot(gradient, rows)[:, None], value=-1.0)


def _selects_fast(precision: str, device: torch.device) -> bool:
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


@torch.no_grad()
def _threshold(d: Dictionary, x: Tensor) -> float:
    """The value that k pre-activations of each row of x exceed on average."""
    x = (x - d.centre) * d.scale
    code = BatchTopK(d.code.k)
    out = encode_decode(x, d.W_enc, d.b_enc, d.W_dec, d.b_dec, code=code)
    least = out.values.min()
    return max(0.0, float(torch.nextafter(least, torch.zeros_like(least))))


@torch.no_grad()
def _score(d: Dictionary, x: Tensor) -> tuple[float, float]:
    sums, active = ExplainedVariance(), 0.0
    for piece in x.split(1024):
        values, indices = d.encode_sparse(piece)
        sums.add(piece, d.decode_sparse(values, indices))
        active += float((values > 0).sum())
    return sums.value(), active / len(x)
