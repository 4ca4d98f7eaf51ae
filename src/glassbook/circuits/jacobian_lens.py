"""Jacobian lens: what a layer leads to, read through the mean derivative of the last layer by this one.

lens = fit_jacobian_lens(lm, batches)          # seconds on the built-in model
lens("blocks.2", x)                            # logits [..., vocab]
lens.save(path)                                # the published format; load_jacobian_lens(lm, path) reads it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.notebook.files import write_atomic
from glassbook.trace import fingerprint, trace
from glassbook.trace.roles import blocks, final
from glassbook.trace.rows import of_other_weights, refuse_training, told_weights
from glassbook.train import list_checkpoints, read_checkpoint, write_checkpoint

JACOBIAN_LENS = "jacobian-lens.pt"
"""Name of the file."""
SKIP = 16
"""First positions of a text that are left out: streams there are unlike all others (attention sinks)."""


AT_ONCE = 1 << 25
"""Tokens times blocks times width that go backward together by default: about 4 GB in float32."""


class JacobianLens:
    """lens(name, x) = readout(J x): what x makes likely later on, at this token and at those after it.

    Attributes:
        matrices: block -> J [d, d], for all blocks but the last, whose J is the identity.
        prompts: texts that the mean is over.
        halves: block -> J of every other batch of texts, and of those between; () for a lens that was loaded.

    Source: Gurnee et al. 2026, arXiv:2607.15495.
    """

    def __init__(
        self,
        lm: LanguageModel,
        matrices: Mapping[str, Tensor],
        prompts: int,
        halves: Sequence[Mapping[str, Tensor]] = (),
    ) -> None:
        self._lm, self._readout = lm, final(lm)
        self.matrices = {name: J.to(lm.device, torch.float32) for name, J in matrices.items()}
        self.prompts, self.halves = prompts, tuple(halves)
        self._last = blocks(lm.model)[-1]

    @torch.no_grad()
    def __call__(self, name: str, x: Tensor) -> Tensor:
        """Logits [..., vocab] of the stream x [..., d] after a block.

        Raises:
            GlassbookError: the lens has no such block.
        """
        if name != self._last:
            if name not in self.matrices:
                raise GlassbookError(f"this lens has no block {name!r}; it has {', '.join(self.matrices)}")
            x = (x.float() @ self.matrices[name].T).to(x.dtype)
        return self._readout(x).float()

    @property
    def agreement(self) -> dict[str, float]:
        """block -> cosine of J - I between the two halves of the texts; {} for a lens that was loaded."""
        if not self.halves:
            return {}
        first, second = self.halves
        return {name: agreement(J, second[name]) for name, J in first.items()}

    def permuted(self, generator: torch.Generator) -> JacobianLens:
        """The control: each matrix with rows and columns in one random order, so that its eigenvalues are those of J.

        As far as J is a multiple of the identity it stays so, and reads what the logit lens reads: a stronger rival
        than a matrix that reads nothing.
        """
        return JacobianLens(self._lm, {name: permuted(J, generator) for name, J in self.matrices.items()}, self.prompts)

    def save(self, path: Path) -> None:
        """Write the file that the authors' implementation reads: J by number of the layer, in half precision."""
        import io

        layers = {int(name.rpartition(".")[2]): J.cpu().half() for name, J in self.matrices.items()}
        d = len(next(iter(layers.values())))
        content = {"J": layers, "n_prompts": self.prompts, "source_layers": sorted(layers), "d_model": d}
        content["weights"] = told_weights(self._lm.model)  # ours alone; other programs pass over it
        data = io.BytesIO()
        torch.save(content, data)
        write_atomic(Path(path), data.getvalue())


def load_jacobian_lens(lm: LanguageModel, path: Path) -> JacobianLens:
    """Read a published Jacobian lens; no code in the file is run.

    Raises:
        GlassbookError: the file cannot be read, or is of another model.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:
        raise GlassbookError(f"{path} is not a Jacobian lens: {str(problem).splitlines()[0]}") from problem
    try:
        layers = {int(layer): J.float() for layer, J in content["J"].items()}
        prompts = int(content.get("n_prompts", 0))
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise GlassbookError(f"{path} is not a Jacobian lens: it has no matrices by layer under 'J'") from problem
    names, d = blocks(lm.model), final(lm).width
    wrong = next((J for J in layers.values() if J.shape != (d, d)), None)
    if wrong is not None:
        raise GlassbookError(f"{path} is a lens of a model of width {wrong.shape[-1]}; {lm.name} has {d}")
    if not layers or max(layers) >= len(names):
        raise GlassbookError(f"{path} has layers {sorted(layers)}; {lm.name} has {len(names)}")
    if of_other_weights(lm.model, content.get("weights")):
        raise GlassbookError(f"{path} is the lens of another model than {lm.name}: its weights differ; fit one to it")
    return JacobianLens(lm, {names[layer]: J for layer, J in sorted(layers.items())}, prompts)


def fit_jacobian_lens(
    lm: LanguageModel,
    batches: Iterable[Mapping[str, Tensor]],
    *,
    skip: int = SKIP,
    projections: int | None = None,
    rows: int | None = None,
    checkpoint: Path | None = None,
    seed: int = 0,
    each: Callable[[], object] = lambda: None,
) -> JacobianLens:
    """The mean, over texts and positions p, of the derivative of the last block's streams at p and later by that at p.

    Args:
        lm: the model; it is not changed.
        batches: inputs of its forward, as `lm.batch` gives them; the same ones again when a fit is resumed.
        skip: first positions of each text that are left out, as source and as target.
        projections: estimate from so many random directions of the output a batch (Hutchinson), which is unbiased and
            cheaper; None takes every dimension of the output, which is exact.
        rows: texts times dimensions of the output that go backward together; more take more memory. None takes as
            many, up to 64, as `AT_ONCE` allows.
        checkpoint: folder for the sums so far, after each batch; a later call with it goes on from there.
        seed: of the random directions.
        each: called after each batch, to show progress.

    Raises:
        GlassbookError: training mode, no text is longer than `skip`, or the checkpoint is one of other settings or of
            another model.
    """
    refuse_training(lm.model)
    names, d = blocks(lm.model), final(lm).width
    settings = {"skip": skip, "projections": projections, "d": d, "blocks": names, "seed": seed}
    settings["weights"] = fingerprint(lm.model)
    sums = {f"{half}/{name}": torch.zeros(d, d) for half in "01" for name in names[:-1]}
    counts, done = [0, 0], 0
    if checkpoint is not None and (found := list_checkpoints(checkpoint)):
        sums, facts = read_checkpoint(found[-1])
        if facts["settings"] != settings:
            raise GlassbookError(
                f"{checkpoint} holds a fit with other settings or of another model; choose another folder"
            )
        counts, done = facts["counts"], facts["done"]
    for number, inputs in enumerate(batches):
        if number < done:
            each()
            continue
        half = number % 2
        found, texts = _jacobians(lm, names, d, inputs, skip, projections, rows, seed + number)
        for name, total in found.items():
            sums[f"{half}/{name}"] += total.cpu()
        counts[half] += texts
        if checkpoint is not None:
            facts = {"settings": settings, "counts": counts, "done": number + 1}
            write_checkpoint(checkpoint, number + 1, sums, facts)
        each()
    if not sum(counts):
        raise GlassbookError(f"no text is longer than the {skip} first positions that are left out; give longer ones")
    halves = [{name: sums[f"{half}/{name}"] / counts[half] for name in names[:-1]} for half in (0, 1) if all(counts)]
    matrices = {name: (sums[f"0/{name}"] + sums[f"1/{name}"]) / sum(counts) for name in names[:-1]}
    return JacobianLens(lm, matrices, sum(counts), halves)


def agreement(first: Tensor, second: Tensor) -> float:
    """Cosine of J - I between two estimates [d, d]: the identity, which both hold, is no agreement."""
    one = torch.eye(len(first), device=first.device)
    return float(nn.functional.cosine_similarity((first - one).flatten(), (second - one).flatten(), dim=0))


def permuted(J: Tensor, generator: torch.Generator) -> Tensor:
    """J [d, d] with rows and columns in one random order: P J P^T, which has the same eigenvalues."""
    order = torch.randperm(len(J), generator=generator)
    return J[order][:, order]


def _jacobians(
    lm: LanguageModel,
    names: list[str],
    d: int,
    inputs: Mapping[str, Tensor],
    skip: int,
    projections: int | None,
    rows: int | None,
    seed: int,
) -> tuple[dict[str, Tensor], int]:
    """Sums over the texts of J of each block but the last, and how many texts there were."""
    ids = inputs["input_ids"]
    real = inputs.get("attention_mask", torch.ones_like(ids)).bool()
    valid = real & (real.cumsum(1) > skip)
    texts = int(valid.any(1).sum())
    if not texts:
        return {}, 0
    if projections is None:
        directions = torch.eye(d, device=lm.device)
    else:
        g = torch.Generator().manual_seed(seed)
        directions = (2 * torch.randint(2, (projections, d), generator=g) - 1).float().to(lm.device)
    if rows is None:
        rows = min(64, AT_ONCE // (ids.shape[1] * len(names) * d))
    together = min(len(directions), max(1, rows // len(ids)))
    repeated = {key: value.repeat(together, *[1] * (value.dim() - 1)) for key, value in inputs.items()}
    with torch.enable_grad(), trace(lm.model, read=[f"{name}.out" for name in names], grad=True) as t:
        lm.model(**repeated)
    streams = [t[f"{name}.out"] for name in names]
    last, sources = streams[-1], streams[:-1]
    weight = valid / valid.sum(1, keepdim=True).clamp(min=1)  # mean over the positions of a text
    sums = {name: torch.zeros(d, d, device=lm.device) for name in names[:-1]}
    for part in directions.split(together):
        along = torch.zeros(together, *last.shape[1:][-1:], device=lm.device)
        along[: len(part)] = part
        cotangent = valid[None, ..., None] * along[:, None, None, :]  # [together, B, T, d]
        grads = torch.autograd.grad(last, sources, cotangent.flatten(0, 1).to(last.dtype), retain_graph=True)
        for name, grad in zip(names, grads, strict=False):
            found = torch.einsum("cbtd,bt->cd", grad.float().unflatten(0, (together, -1)), weight.float())
            sums[name] += along.T @ found
    scale = 1.0 if projections is None else 1 / projections
    return {name: total * scale for name, total in sums.items()}, texts
