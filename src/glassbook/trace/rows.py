"""Activations of one batch as rows [n, d], one for each real token, and the header that describes them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.positions import first_position
from glassbook.nets.proof import rounding
from glassbook.nets.tokenizer import one_line
from glassbook.trace.layout import check_tokens
from glassbook.trace.positions import Forward
from glassbook.trace.sites import places
from glassbook.trace.tracer import Trace, trace


def read_sites(model: nn.Module, inputs: Mapping[str, Any], sites: Sequence[str]) -> dict[str, Tensor]:
    """Activations of one call, without gradients, in the shapes that the model gives them: site -> [B, T, d].

    Layers after the last site are not run.

    Args:
        model: in eval mode.
        inputs: keyword arguments of its forward.
        sites: full names.

    Raises:
        GlassbookError: training mode, a name that is not a full one, or token ids that the model cannot read.
    """
    t = _call(model, inputs, trace(model, read=sites, stop=True))
    return {site: t[site] for site in sites}


def read_rows(model: nn.Module, inputs: Mapping[str, Any], sites: Sequence[str]) -> dict[str, Tensor]:
    """`read_sites`, and a proof that each activation is [B, T, d] of the tokens that are read.

    Raises:
        GlassbookError: as `read_sites`; or another layout, such as that of a convolution.
    """
    t = _call(model, inputs, trace(model, read=sites, stop=True, positions=True))
    for site in sites:
        t.check_rows(site)
        check_tokens(site, t[site], t.forward_of(site))
    return {site: t[site] for site in sites}


def _call(model: nn.Module, inputs: Mapping[str, Any], reading: Trace) -> Trace:
    """One call without gradients; GlassbookError for training mode, or token ids that the model cannot read."""
    refuse_training(model)
    try:
        with torch.no_grad(), reading:
            model(**inputs)
    except IndexError as problem:  # of an embedding
        raise GlassbookError(
            f"the model cannot read this batch ({one_line(problem)}): there are token ids beyond its vocabulary, or "
            "more tokens than its context; check the tokenizer, or shorten the texts"
        ) from problem
    return reading


def refuse_training(model: nn.Module) -> None:
    """GlassbookError if the model is in training mode."""
    if model.training:
        raise GlassbookError("the model is in training mode, where dropout adds noise; call eval() on it")


def rows(
    model: nn.Module, sites: Sequence[str], batch: Mapping[str, Any], skip: Collection[int] = ()
) -> tuple[dict[str, Tensor], int, tuple[int, ...]]:
    """Run one batch and take the rows that `collect` and `record` keep of it.

    Of a feature map [B, C, H, W] they are its pixels, and `position` is row * W + column.

    Args:
        model: in eval mode.
        sites: full names.
        batch: keyword arguments of the model's forward.
        skip: token ids to leave out.

    Returns:
        {"tokens", "sequence", "position": [n] each, and each site: [n, d]}, how many sequences the batch had, and
        (H, W) of feature maps, () of anything else.
    """
    if not isinstance(batch, Mapping):
        raise GlassbookError(f"a batch is a {type(batch).__name__}; give mappings, such as {{'input_ids': ids}}")
    forward = Forward(batch)
    if forward.sequence and batch.get("position_ids") is None and not forward.real[:, 0].all():
        first = first_position(model)
        batch = batch if first is None else {**batch, "position_ids": forward.pos.clamp_min(0) + first}
    t = _call(model, batch, trace(model, read=sites, stop=True, positions=True))
    return _rows({site: t.rows_of(site) for site in sites}, _one_sequence(t, sites), skip)


def _one_sequence(t: Trace, sites: Sequence[str]) -> Forward:
    """The call whose tokens the sites have a row for: of an encoder-decoder the encoder's or the decoder's.

    Raises:
        GlassbookError: some have one, some the other; or padding that nothing tells from the rest.
    """
    forwards = [t.forward_of(site) for site in sites]
    forward = forwards[0]
    if any(other is not forward for other in forwards):
        raise GlassbookError(f"{', '.join(sites)} are of two sequences of one call; take them one by one")
    if not forward.sequence and isinstance(forward.mask, Tensor) and not bool(forward.mask.all()):
        raise GlassbookError(
            f"which rows of {sites[0]} are padding cannot be told: the mask is of what the model is given, not of its "
            "rows; give batches without padding, and no mask"
        )
    return forward


def count_rows(batch: Mapping[str, Any], skip: Collection[int] = ()) -> int:
    """How many rows `rows` keeps of a batch of a language model, without running it."""
    forward = Forward(batch)
    keep = forward.real
    if skip and forward.ids is not None:
        keep = keep & ~torch.isin(forward.ids, torch.tensor(sorted(skip), device=forward.ids.device))
    return int(keep.sum())


def fingerprint(model: nn.Module) -> str:
    """A hash of the model's weights, by their names, shapes and first values: cheap, and different models differ."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().reshape(-1)[:256].cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def told_weights(model: nn.Module) -> str:
    """What a file that is fitted to a model tells of its weights; "" in half precision, which cannot be compared."""
    return fingerprint(model) if rounding(model) <= torch.finfo(torch.float32).eps else ""


def of_other_weights(model: nn.Module, told: str | None) -> bool:
    """Whether a file that tells of some weights ("" or None: of none) is certainly not of this model."""
    return bool(told) and told_weights(model) not in ("", told)


def prepare(model: nn.Module, sites: str | Iterable[str], skip: Collection[int]) -> tuple[list[str], dict[str, Any]]:
    """Full names of the sites, and the header of activations that are about to be taken there.

    Raises:
        GlassbookError: training mode, or a site that matches nothing.
    """
    refuse_training(model)
    names = [place.name for place in places(model, sites)]
    return names, describe(model, names, skip)


def refuse_empty(n: int) -> None:
    """GlassbookError if there is no row at all."""
    if not n:
        raise GlassbookError("nothing was recorded: there were no batches, or only pads and skipped tokens")


def describe(model: nn.Module, names: Sequence[str], skip: Collection[int]) -> dict[str, Any]:
    """The header of activations before there are any; `note_batch` adds what each batch shows."""
    ids = sorted(int(i) for i in skip)
    return {
        "format": "glassbook recording 1",
        "model": {
            "class": type(model).__name__,
            "name": str(getattr(getattr(model, "config", None), "_name_or_path", "") or ""),
            "weights": fingerprint(model),
        },
        "sites": list(names),
        "scale": 1.0,
        "centre": None,
        "special_tokens": {"pads": "dropped", "skipped_ids": ids},
        "dims": {},
        "dtype": {},
        "context": 0,
        "sequences": 0,
        "n": 0,
        "shards": [],
        "complete": False,
    }


def note_batch(
    header: dict[str, Any], batch: dict[str, Tensor], sequences: int, grid: tuple[int, ...]
) -> dict[str, Tensor]:
    """Count a batch (what `rows` returned) in the header, and number its sequences after those before it.

    Raises:
        GlassbookError: feature maps of another size than those before.
    """
    if grid and header.setdefault("grid", list(grid)) != list(grid):
        before, here = (" x ".join(map(str, size)) for size in (header["grid"], grid))
        raise GlassbookError(f"feature maps of {before} pixels, then of {here}; give pictures of one size")
    for site in header["sites"]:
        header["dims"][site] = batch[site].shape[1]
        header["dtype"][site] = str(batch[site].dtype).removeprefix("torch.")
    if len(batch["position"]):
        header["context"] = max(header["context"], int(batch["position"].max()) + 1)
    batch["sequence"] += header["sequences"]
    header["sequences"] += sequences
    return batch


def _rows(
    activations: dict[str, Tensor], forward: Forward, skip: Collection[int]
) -> tuple[dict[str, Tensor], int, tuple[int, ...]]:
    """Rows to keep of one batch by key, how many sequences it had, and the sides of feature maps."""
    shapes = {tuple(x.shape[:-1]) for x in activations.values()}
    expected = (forward.batch, forward.length) if forward.sequence else next(iter(shapes))
    if shapes != {expected} or not 1 <= len(expected) <= 3:
        shown = ", ".join(f"{name} {tuple(x.shape)}" for name, x in activations.items())
        raise GlassbookError(
            "activations are taken as [batch, tokens, d], [batch, d] or pixels of feature maps, as many rows at every "
            f"site; got {shown}"
        )
    x = next(iter(activations.values()))
    batch, grid = expected[0], expected[1:] if len(expected) == 3 else ()
    length = math.prod(expected[1:])
    if forward.sequence:
        keep, position = forward.real, forward.pos
        tokens = forward.ids if forward.ids is not None else torch.full_like(position, -1)
        if skip:
            keep = keep & ~torch.isin(tokens, torch.tensor(sorted(skip), device=tokens.device))
    else:
        position = torch.arange(length, device=x.device).expand(batch, length)
        keep, tokens = torch.ones_like(position, dtype=torch.bool), torch.full_like(position, -1)
    sequence = torch.arange(batch, device=keep.device)[:, None].expand(batch, length)
    index = {"tokens": tokens, "sequence": sequence, "position": position}
    rows = {key: value[keep].long() for key, value in index.items()}
    return (
        rows | {name: x.reshape(batch, length, -1)[keep.to(x.device)] for name, x in activations.items()},
        batch,
        grid,
    )
