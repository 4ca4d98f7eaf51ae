"""Training of sparse autoencoders: any sparsity rule by the same call, and several dictionaries on the same batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features._sparse.encode_decode import encode_decode
from glassbook.features.data import Batches, Source, about, check_source
from glassbook.features.dictionary import Dictionary
from glassbook.features.sae_trainer import SAETrainer
from glassbook.features.sparsity import BatchTopK, with_base_rule
from glassbook.measure.compute import Flop
from glassbook.measure.reconstruction import ExplainedVariance
from glassbook.train import LoopOptions, linear, resumable
from glassbook.train.checkpoints import Tensors, under


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


def fit(d: Dictionary, activations: Source, **settings: Any) -> FitReport:
    """Train one dictionary on activations, in place: `fit_many` with one, and the same settings."""
    return fit_many([d], activations, **settings)[0]


def fit_many(
    dictionaries: Sequence[Dictionary],
    activations: Source,
    *,
    steps: int,
    batch: int = 4096,
    lr: float | None = None,
    aux: float = 1 / 32,
    dead_after: int | None = None,
    centre: Literal["mean", "median", "none"] = "mean",
    precision: Literal["auto", "full", "bf16"] = "auto",
    columns: Sequence[slice] | None = None,
    seed: int = 0,
    **loop: Unpack[LoopOptions],
) -> list[FitReport]:
    """Train dictionaries on the same batches, in place.

    The loss is mean ||x - xh||^2 / mean ||x - mean||^2, with what its rule adds:
        TopK, BatchTopK: `aux` times the normalised error with which dead latents rebuild x - xh (Gao et al. 2024,
            arXiv:2406.04093). A BatchTopK ends with the threshold at which k latents are active on held-out rows.
        ReLU: l1 times the sum of latents times their rows' norms, over d; rows are free, gradients clipped at norm 1.
        JumpReLU: (L0 / l0 - 1)^2. Thresholds start where l0 latents are active before training.
        Matryoshka: the mean of the loss over its prefixes.
    What makes latents sparse is ramped up over the first twentieth of the steps (JumpReLU: fifth). Adam; linear warm-up
    over a twentieth of the steps and decay to zero over the last fifth; but for ReLU, decoder rows keep norm 1 and
    their gradient is taken orthogonal to them.

    Args:
        dictionaries: what they have learnt already is kept.
        activations: [N, d], (recording, site), (recording, sites) or tensors side by side, or step -> a batch;
            shuffled, except a function's. A transcoder's batch holds what it reads, then what it predicts.
        steps: optimiser steps.
        batch: rows in a step.
        lr: peak learning rate; None takes `default_lr` of each.
        aux: weight of the dead latents' loss; 0 leaves it out.
        dead_after: rows without firing after which a latent is dead; None: a tenth of the training, at most 10 million.
        centre: subtract the activations' mean, their geometric median, or nothing.
        precision: "bf16" chooses the active latents by bfloat16 products and computes the chosen ones in float32;
            "auto" does so where the hardware multiplies bfloat16.
        columns: the dimensions of a batch that each dictionary learns from, if not all.
        seed: of the rows' order.
        loop: `run`, `label`, `checkpoint`, ... (see `LoopOptions`). Logged are loss, explained_variance (of the batch),
            l0, dead, lr; with several dictionaries "/0", "/1", ... stands behind each name.

    Raises:
        GlassbookError: settings that cannot work, a checkpoint that does not fit, activations that are not finite or
            of another model or site than what the dictionary has learnt already.
        KeyboardInterrupt: Ctrl-C, after a checkpoint.
    """
    if not dictionaries or min(steps, batch) < 1:
        raise GlassbookError("steps, batch and the number of dictionaries must be at least 1")
    dead_after = min(10_000_000, steps * batch // 10) if dead_after is None else dead_after
    columns = list(columns or [slice(None)] * len(dictionaries))
    for d, cut in zip(dictionaries, columns, strict=True):
        check_source(d.about, activations, cut)
    rates = [default_lr(d.width, steps) if lr is None else lr for d in dictionaries]
    trainers = [
        SAETrainer(d, rate, aux, max(1, dead_after // batch), bf16_selection(precision, d.W_enc.device))
        for d, rate in zip(dictionaries, rates, strict=True)
    ]
    settings: dict[str, Any] = {"batch": batch, "aux": aux, "dead_after": dead_after, "seed": seed, "centre": centre}
    for mark, trainer, cut in zip(_marks(trainers), trainers, columns, strict=True):
        own = {"lr": trainer.lr, "columns": repr(cut), **trainer.settings}
        settings |= {f"{name}{mark}": value for name, value in own.items()}
    batches = Batches(activations, batch, seed, steps)
    options: LoopOptions = {"checkpoint_every": 500, "log_every": 20, **loop}
    try:
        resumable(
            _SAELearner(trainers, columns, batches, steps, centre),
            steps,
            title="dictionary",
            settings=settings,
            device=trainers[0].device,
            **options,
        )
        held_out = batches.held_out()
        for trainer, cut in zip(trainers, columns, strict=True):
            _set_threshold(trainer, held_out[:, cut])
    finally:  # however training ends, the dictionaries read raw activations afterwards
        for trainer in trainers:
            trainer.finalize()
    reports = []
    for trainer, cut in zip(trainers, columns, strict=True):
        d = trainer.d
        d.about = {**d.about, **about(activations, cut), "trained_on": steps * batch}
        scores = _score(d, *trainer.inputs_and_targets(held_out[:, cut]))
        reports.append(FitReport(steps, steps * batch, trainer.lr, *scores, trainer.dead_share(steps), dead_after))
    return reports


class _SAELearner:
    """Several dictionaries that learn from the same batches, for the resumable loop."""

    counted = "by formula, from the latents that were active"

    def __init__(
        self, trainers: list[SAETrainer], columns: list[slice], batches: Batches, steps: int, centre: str
    ) -> None:
        self.trainers, self.columns, self.batches, self.steps, self.centre = trainers, columns, batches, steps, centre
        self.marks = _marks(trainers)
        self.schedule = linear(warmup=max(1, steps // 20), share=0.2, floor=0.0)

    def step(self, step: int) -> None:
        if step == 0:
            sample = self.batches.sample(65_536)
            for trainer, cut in zip(self.trainers, self.columns, strict=True):
                trainer.setup(sample[:, cut].to(trainer.device), self.centre)
        x, factor = self.batches(step), self.schedule(step, self.steps)
        for trainer, cut in zip(self.trainers, self.columns, strict=True):
            trainer.step(x[:, cut], trainer.lr * factor, step, trainer.sparsity_warmup((step + 1) / self.steps))

    def flop(self) -> Flop:
        return Flop(sum(trainer.flop().n for trainer in self.trainers))

    def metrics(self, done: int) -> tuple[dict[str, float], dict[str, float]]:
        logged, shown, factor = {}, {}, self.schedule(done - 1, self.steps)
        for mark, trainer in zip(self.marks, self.trainers, strict=True):
            numbers = trainer.metrics(done)
            shown = {key: numbers[key] for key in ("explained_variance", "dead")}
            logged |= {f"{key}{mark}": value for key, value in (numbers | {"lr": trainer.lr * factor}).items()}
        return logged, shown

    def state(self) -> Tensors:
        return {f"{i}/{name}": t for i, trainer in enumerate(self.trainers) for name, t in trainer.state().items()}

    def load(self, tensors: Tensors) -> None:
        for i, trainer in enumerate(self.trainers):
            trainer.load(under(f"{i}/", tensors))


def _marks(trainers: Sequence[SAETrainer]) -> list[str]:
    """What stands behind the metrics' names of each."""
    return [f"/{i}" if len(trainers) > 1 else "" for i in range(len(trainers))]


def bf16_selection(precision: str, device: torch.device) -> bool:
    """Whether the active latents are chosen by bfloat16 products; "auto": where the hardware multiplies bfloat16."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


@torch.no_grad()
def _set_threshold(trainer: SAETrainer, held_out: Tensor) -> None:
    """Give a BatchTopK the value that k pre-activations of each held-out row exceed on average."""
    d, inner = trainer.d, trainer.rule
    if not isinstance(inner, BatchTopK):
        return
    assert trainer.normalizer is not None
    x = trainer.normalizer.normalize(trainer.inputs_and_targets(held_out)[0])
    inner = BatchTopK(inner.k)
    out = encode_decode(x, d.W_enc, d.b_enc, d.W_dec, d.b_dec, rule=inner, subtract=not d.transcodes)
    assert out.latent_acts is not None
    least = out.latent_acts.min()
    threshold = max(0.0, float(torch.nextafter(least, torch.zeros_like(least))))
    d.rule = with_base_rule(d.rule, replace(inner, threshold=threshold))


@torch.no_grad()
def _score(d: Dictionary, x: Tensor, y: Tensor) -> tuple[float, float]:
    sums, active = ExplainedVariance(), 0.0
    for seen, wanted in zip(x.split(1024), y.split(1024), strict=True):
        sums.add(wanted, d(seen))
        active += float((d.encode(seen) > 0).sum())
    return sums.value(), active / len(x)
