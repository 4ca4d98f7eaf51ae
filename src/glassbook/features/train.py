"""Learn dictionaries: any rule by the same call, and many of them on the same batches."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features._sparse.encode_decode import encode_decode
from glassbook.features.activations import BatchTopK, JumpReLU, ReLU, with_rule
from glassbook.features.data import Batches, Source, about, check_source
from glassbook.features.dictionary import Dictionary
from glassbook.features.sae_trainer import Training
from glassbook.measure import ExplainedVariance
from glassbook.notebook import Run
from glassbook.train.going import how_to_resume, polite_interrupts, progress
from glassbook.train.schedules import linear


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
    run: Run | None = None,
    checkpoint: Path | None = None,
    every: int = 500,
    resume: bool = False,
    log_every: int = 20,
) -> list[FitReport]:
    """Train dictionaries on the same batches, in place.

    The loss is mean ||x - xh||^2 / mean ||x - mean||^2, with what its rule adds:
        TopK, BatchTopK: `aux` times the normalised error with which dead latents rebuild x - xh (Gao et al. 2024,
            arXiv:2406.04093). A BatchTopK ends with the threshold at which k latents are active on held-out rows.
        ReLU: l1 times the sum of codes times their rows' norms, over d; rows are free, gradients clipped at norm 1.
        JumpReLU: (L0 / l0 - 1)^2. Thresholds start where l0 latents are active before training.
        Matryoshka: the mean of the loss over its prefixes.
    What makes codes sparse is ramped up over the first twentieth of the steps (JumpReLU: fifth). Adam; linear warm-up
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
        run: where metrics and progress go: loss, explained_variance (of the batch), l0, dead, lr; with several
            dictionaries "/0", "/1", ... behind each name.
        checkpoint: folder for checkpoints; None writes none.
        every: steps between two of them.
        resume: go on from the newest one, bit for bit on a CPU; from the start if there is none.
        log_every: steps between two logged points.

    Raises:
        GlassbookError: settings that cannot work, a checkpoint that does not fit, activations that are not finite or
            of another model or site than what the dictionary has learnt already.
        KeyboardInterrupt: Ctrl-C, after a checkpoint.
    """
    if not dictionaries or min(steps, batch, every, log_every) < 1:
        raise GlassbookError("steps, batch, every, log_every and the number of dictionaries must be at least 1")
    dead_after = min(10_000_000, steps * batch // 10) if dead_after is None else dead_after
    batches = Batches(activations, batch, seed, steps)
    cuts = list(columns or [slice(None)] * len(dictionaries))
    rates = [default_lr(d.width, steps) if lr is None else lr for d in dictionaries]
    works = [
        Training(d, rate, aux, max(1, dead_after // batch), _selects_fast(precision, d.W_enc.device))
        for d, rate in zip(dictionaries, rates, strict=True)
    ]
    shared = {"steps": steps, "batch": batch, "aux": aux, "dead_after": dead_after, "seed": seed, "centre": centre}
    settings = [
        {**shared, "lr": rate, "width": w.d.width, "code": repr(w.d.code), "fast": w.fast, "columns": repr(cut)}
        for w, rate, cut in zip(works, rates, cuts, strict=True)
    ]
    folders = [_folder(checkpoint, i, len(works)) for i in range(len(works))]
    for d, cut in zip(dictionaries, cuts, strict=True):
        check_source(d.about, activations, cut)
    with _folded(works):
        start = _restore(works, folders, settings, resume)
        if start == 0:
            sample = batches.sample(65_536)
            for work, cut in zip(works, cuts, strict=True):
                work.begin(sample[:, cut].to(work.device), centre)
        schedule = linear(warmup=max(1, steps // 20), share=0.2, floor=0.0)
        with progress(run, steps, "dictionary", start) as advance, polite_interrupts() as interrupted:
            for step in range(start, steps):
                x, done, shown = batches(step), step + 1, {}
                logs = done % log_every == 0 or done == steps
                for i, (work, cut, rate) in enumerate(zip(works, cuts, rates, strict=True)):
                    now = rate * schedule(step, steps)
                    out = work.update(x[:, cut], now, step, _ramp(work, done / steps))
                    if logs:
                        shown = work.describe(out, done)
                        if run is not None:
                            mark = f"/{i}" if len(works) > 1 else ""
                            run.log(
                                done, **{f"{key}{mark}": value for key, value in shown.items()}, **{f"lr{mark}": now}
                            )
                advance(1, **{key: shown[key] for key in ("explained_variance", "dead") if key in shown})
                if checkpoint is not None and (done % every == 0 or done == steps or interrupted()):
                    for work, folder, facts in zip(works, folders, settings, strict=True):
                        work.keep(folder, done, facts)
                if interrupted():
                    raise KeyboardInterrupt(how_to_resume(done, steps, checkpoint, run))
        held_out = batches.held_out()
        for work, cut in zip(works, cuts, strict=True):
            _set_threshold(work, held_out[:, cut])
    reports = []
    for work, cut, rate in zip(works, cuts, rates, strict=True):
        d = work.d
        d.about = {**d.about, **about(activations, cut), "trained_on": steps * batch}
        scores = _score(d, *work.split(held_out[:, cut]))
        reports.append(FitReport(steps, steps * batch, rate, *scores, work.dead_share(steps), dead_after))
    return reports


@contextlib.contextmanager
def _folded(works: Sequence[Training]) -> Iterator[None]:
    """However training ends, the dictionaries read raw activations afterwards."""
    try:
        yield
    finally:
        for work in works:
            work.end()


def _folder(checkpoint: Path | None, i: int, n: int) -> Path | None:
    return checkpoint / str(i) if checkpoint is not None and n > 1 else checkpoint


def _restore(
    works: Sequence[Training], folders: Sequence[Path | None], settings: Sequence[dict[str, Any]], resume: bool
) -> int:
    """Steps done by all; a kill between two dictionaries' checkpoints leaves one of them ahead."""
    done = [
        work.restore(folder, facts, resume) if folder is not None else 0
        for work, folder, facts in zip(works, folders, settings, strict=True)
    ]
    if len(set(done)) > 1:
        at = ", ".join(map(str, done))
        raise GlassbookError(f"the checkpoints are of different steps ({at}); delete those that are ahead")
    return done[0]


def _ramp(work: Training, progress: float) -> float:
    """The share of its weight that a sparsity loss has."""
    if isinstance(work.rule, ReLU):
        return min(1.0, progress / 0.05)
    return min(1.0, progress / 0.2) if isinstance(work.rule, JumpReLU) else 1.0


def _selects_fast(precision: str, device: torch.device) -> bool:
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


@torch.no_grad()
def _set_threshold(work: Training, held_out: Tensor) -> None:
    """Give a BatchTopK the value that k pre-activations of each held-out row exceed on average."""
    d, inner = work.d, work.rule
    if not isinstance(inner, BatchTopK):
        return
    assert work.scaling is not None
    x = work.scaling.see(work.split(held_out)[0])
    inner = BatchTopK(inner.k)
    out = encode_decode(x, d.W_enc, d.b_enc, d.W_dec, d.b_dec, code=inner, subtract=not d.transcodes)
    assert out.values is not None
    least = out.values.min()
    threshold = max(0.0, float(torch.nextafter(least, torch.zeros_like(least))))
    d.code = with_rule(d.code, replace(inner, threshold=threshold))


@torch.no_grad()
def _score(d: Dictionary, x: Tensor, y: Tensor) -> tuple[float, float]:
    sums, active = ExplainedVariance(), 0.0
    for seen, wanted in zip(x.split(1024), y.split(1024), strict=True):
        sums.add(wanted, d(seen))
        active += float((d.encode(seen) > 0).sum())
    return sums.value(), active / len(x)
