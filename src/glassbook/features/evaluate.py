"""Evaluation of a dictionary: explained variance, L0, dead latents, and the loss of its model with reconstructions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import nll_loss

from glassbook.errors import GlassbookError
from glassbook.features.coder import Coder
from glassbook.features.data import Kept, Rows, check_source, open_rows
from glassbook.features.origin import check_model
from glassbook.measure.reconstruction import ExplainedVariance
from glassbook.trace import At, allow_identity, trace
from glassbook.train.objectives import IGNORED, Batch, next_tokens


@dataclass(frozen=True)
class Scores:
    """A dictionary's scores on a set of n activations. The ce_* and kl_* are NaN unless a model was given.

    Attributes:
        explained_variance: 1 - sum ||x - xh||^2 / sum ||x - mean||^2 over the whole set.
        l0: mean number of active latents.
        dead: share of latents that never fire on the set; it falls as n grows.
        density: [width], share of rows on which each latent fires.
        ce_clean: mean next-token cross-entropy of the model in nats, over all real tokens; of a classifier of pictures
            that of the class, over all pictures.
        ce_dictionary: the same while the site's activation is replaced by its reconstruction, at real tokens.
        ce_mean_ablation: replaced by the mean of the activations instead.
        ce_zero_ablation: replaced by zero, which is easier to beat.
        ce_recovered: (ce_mean_ablation - ce_dictionary) / (ce_mean_ablation - ce_clean).
        ce_recovered_from_zero: the same from zero ablation, for comparison with published numbers.
        kl_dictionary: mean KL divergence in nats of the model's distribution of next tokens (or classes) with the
            reconstruction from its own, KL(clean || replaced).
        kl_mean_ablation: the same for the mean of the activations.
        kl_zero_ablation: the same for zero.
        kl_recovered: (kl_mean_ablation - kl_dictionary) / kl_mean_ablation.
        kl_recovered_from_zero: the same from zero ablation.
        n: activations in the set.
    """

    explained_variance: float
    l0: float
    dead: float
    density: Tensor
    ce_clean: float
    ce_dictionary: float
    ce_mean_ablation: float
    ce_zero_ablation: float
    ce_recovered: float
    ce_recovered_from_zero: float
    kl_dictionary: float
    kl_mean_ablation: float
    kl_zero_ablation: float
    kl_recovered: float
    kl_recovered_from_zero: float
    n: int

    def numbers(self) -> dict[str, float]:
        """All but the densities, by name."""
        return {name: value for name, value in vars(self).items() if not isinstance(value, Tensor)}


def evaluate(
    d: Coder,
    activations: Kept,
    *,
    model: nn.Module | None = None,
    site: str | None = None,
    batches: Iterable[Batch] | None = None,
    skip: Collection[int] | None = None,
    chunk: int = 4096,
) -> Scores:
    """Score a dictionary on activations, and on its model's loss if that is given.

    Args:
        d: the dictionary.
        activations: [..., d] or (recording, site), best such that it was not trained on. A transcoder's hold what it
            reads, then what it predicts, side by side as for training: (recording, sites) or several tensors.
        model: language model, or classifier of pictures, that the activations are of, in eval mode.
        site: where they are read and replaced, such as "blocks.3.out".
        batches: the model's inputs {"input_ids", "attention_mask"}, to measure its loss on; of a classifier
            {"pixel_values", "labels"}.
        skip: token ids whose activations are left as they are, as they were in training (BOS, ...). None: those that
            `d.about` says its recording left out.
        chunk: activations encoded at once.

    Raises:
        GlassbookError: some but not all of model, site and batches; nothing to predict in the batches; activations of
            another model or site than the dictionary's; a transcoder's activations without what it predicts, or a
            model, whose loss with a transcoder is not measured here.
    """
    rows = open_rows(activations)
    check_source(d.about, activations)
    if d.transcodes and model is not None:
        raise GlassbookError("the loss with a transcoder's predictions is not measured; score it on activations alone")
    sums, fired, mean = _reconstruct(d, rows, chunk)
    density = fired / rows.n
    if (model is None) != (site is None) or (model is None) != (batches is None):
        raise GlassbookError("to measure the model's loss give all of model, site and batches")
    ce: dict[str, float] = dict.fromkeys(("clean", "dictionary", "mean", "zero"), float("nan"))
    kl = dict(ce)
    if model is not None and site is not None and batches is not None:
        left_out = d.about.get("special_tokens", {}).get("skipped_ids", ()) if skip is None else skip
        check_model(d.about, model)
        ce, kl = _losses(model, site, batches, d, mean, left_out)
    return Scores(
        explained_variance=sums.value(),
        l0=float(fired.sum()) / rows.n,
        dead=float((fired == 0).double().mean()),
        density=density,
        ce_clean=ce["clean"],
        ce_dictionary=ce["dictionary"],
        ce_mean_ablation=ce["mean"],
        ce_zero_ablation=ce["zero"],
        ce_recovered=_recovered(ce["mean"], ce),
        ce_recovered_from_zero=_recovered(ce["zero"], ce),
        kl_dictionary=kl["dictionary"],
        kl_mean_ablation=kl["mean"],
        kl_zero_ablation=kl["zero"],
        kl_recovered=_recovered(kl["mean"], kl),
        kl_recovered_from_zero=_recovered(kl["zero"], kl),
        n=rows.n,
    )


@torch.no_grad()
def _reconstruct(d: Coder, rows: Rows, chunk: int) -> tuple[ExplainedVariance, Tensor, Tensor]:
    """Error sums, how often each latent fires, and the mean activation."""
    sums, total = ExplainedVariance(), torch.zeros(d.d_in, dtype=torch.float64)
    fired = torch.zeros(d.width, dtype=torch.float64)
    for both in rows.chunks(chunk):
        x, y = (both[:, : d.d_in], both[:, d.d_in :]) if d.transcodes else (both, both)
        if y.shape[1] != d.d_out:
            raise GlassbookError(
                f"the transcoder predicts {d.d_out} dimensions from {d.d_in}, and the activations have "
                f"{both.shape[1]}; give what it reads and what it predicts, side by side"
            )
        x = x.to(d.W_dec.device)
        values, indices = d.encode_sparse(x)
        # What a transcoder predicts has a part that passes its latents by, and so has an activation that is normed.
        sums.add(y, d(x) if d.transcodes or d.per_token else d.decode_sparse(values, indices))
        fired += torch.bincount(indices[values != 0].cpu(), minlength=d.width)
        total += x.sum(0, dtype=torch.float64).cpu()
    return sums, fired, (total / rows.n).float()


Replace = Callable[[Tensor], Tensor]


@torch.no_grad()
def _losses(
    model: nn.Module,
    site: str,
    batches: Iterable[Batch],
    d: Coder,
    mean: Tensor,
    skip: Collection[int],
) -> tuple[dict[str, float], dict[str, float]]:
    """Mean cross-entropy of the model as it is and with the site replaced, and mean KL from the model as it is.

    Token by token over all batches.
    """
    ways: dict[str, Replace | None] = {
        "clean": None,
        "dictionary": lambda x: d(x.to(d.W_dec)).to(x),
        "mean": lambda x: mean.to(x).expand_as(x),
        "zero": torch.zeros_like,
    }
    totals, distances, tokens = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0.0), 0
    for batch in batches:
        targets = _targets(batch)
        real = targets != IGNORED
        tokens += int(real.sum())
        clean = torch.empty(0)
        for name, replace in ways.items():
            edit = {} if replace is None else {site: allow_identity(_at_real(replace, batch, skip))}
            with trace(model, edit=edit):
                logits = _logits(model, batch)
                logs = logits[real].log_softmax(1)
                clean = logs if replace is None else clean  # the first way
                totals[name] += float(nll_loss(logs, targets[real], reduction="sum"))
                distances[name] += float((clean.exp() * (clean - logs)).sum())
    if not tokens:
        raise GlassbookError("the batches hold no token that follows another; give longer texts")
    means = [{name: total / tokens for name, total in sums.items()} for sums in (totals, distances)]
    return means[0], means[1]


def _targets(batch: Batch) -> Tensor:
    """What is to be predicted: the next token at each but the last of every text [B * (T - 1)], or the labels [B].

    Raises:
        GlassbookError: there are neither tokens nor labels.
    """
    if "input_ids" in batch:
        return next_tokens(batch)[:, :-1].flatten()
    if "labels" not in batch:
        raise GlassbookError("to measure the loss of a classifier the batches need its labels, [B] numbers of classes")
    return batch["labels"]


def _logits(model: nn.Module, batch: Batch) -> Tensor:
    """The model's logits for `_targets`."""
    if "input_ids" in batch:
        return model(**batch).logits[:, :-1].float().flatten(0, 1)
    out = model(**{name: value for name, value in batch.items() if name != "labels"})
    return getattr(out, "logits", out).float()


def _at_real(replace: Replace, batch: Batch, skip: Collection[int]) -> Callable[[Tensor, At], Tensor]:
    """The edit that replaces activations at real tokens other than those skipped; of pictures, all."""
    ids = batch.get("input_ids")
    if ids is None:
        return lambda x, at: _everywhere(replace, x, at)
    skipped = torch.isin(ids, torch.tensor(sorted(skip), dtype=ids.dtype, device=ids.device))

    def edit(x: Tensor, at: At) -> Tensor:
        at.check_rows(x)
        here = at.tokens(x).real & ~skipped
        out = x.clone()
        out[here] = replace(x[here])
        return out

    return edit


def _everywhere(replace: Replace, x: Tensor, at: At) -> Tensor:
    rows, put_back = at.rows_of(x)
    return put_back(replace(rows.flatten(0, -2)).unflatten(0, rows.shape[:-1]))


def _recovered(ablated: float, ce: dict[str, float]) -> float:
    gap = ablated - ce["clean"]
    return (ablated - ce["dictionary"]) / gap if gap > 0 else float("nan")
