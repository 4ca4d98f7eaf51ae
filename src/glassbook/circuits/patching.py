"""Activation patching: what one activation of the clean run, put into the dirty one, brings back of the metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from glassbook.circuits.task import Task, frozen
from glassbook.errors import GlassbookError
from glassbook.trace import At, allow_identity, trace


class Spot(NamedTuple):
    """A site, and perhaps one position, and perhaps one part of it (a head)."""

    site: str
    position: int | None = None
    part: int | None = None


@dataclass(frozen=True)
class Effects:
    """What each spot brings back.

    Attributes:
        spots: where.
        values: the metric at each, [n, B]; an estimate if it comes from `attribute`.
        clean, dirty: the metric of the plain runs, [B].
    """

    spots: list[Spot]
    values: Tensor
    clean: Tensor
    dirty: Tensor

    def share(self) -> Tensor:
        """0 at the dirty run's metric, 1 at the clean one's: [n]."""
        return (self.values.mean(-1) - self.dirty.mean()) / (self.clean.mean() - self.dirty.mean())

    def grid(self) -> tuple[list[str], list[int], Tensor]:
        """(sites, columns, shares [sites, columns]); the columns are parts if there are any, else positions."""
        column = [next((c for c in (s.part, s.position) if c is not None), 0) for s in self.spots]
        sites, columns = list(dict.fromkeys(s.site for s in self.spots)), sorted({*column})
        out = torch.full((len(sites), len(columns)), torch.nan)
        for spot, c, value in zip(self.spots, column, self.share().tolist(), strict=True):
            out[sites.index(spot.site), columns.index(c)] = value
        return sites, columns, out


@torch.no_grad()
def patch(
    model: nn.Module,
    task: Task,
    sites: Sequence[str],
    *,
    positions: bool = False,
    parts: int = 1,
    into: str = "dirty",
) -> Effects:
    """Activation patching, exactly: one run of the model for each spot.

    Args:
        model: any module.
        task: see `Task`.
        sites: full names; see `trace`.
        positions: each position [B, T, ...] on its own.
        parts: equal slices of the last dimension, each on its own: roles.n_heads for the sites of
            roles.select("attn.*.heads").
        into: "dirty" puts clean activations into the dirty run (denoising: what suffices); "clean" puts dirty ones
            into the clean run (noising: what is needed).

    Returns:
        Effects, whose shares are 1 where the metric is the clean run's.

    Source: Meng et al. 2022, arXiv:2202.05262; Heimersheim and Nanda 2024, arXiv:2404.15255.
    """
    if into not in ("dirty", "clean"):
        raise GlassbookError(f'into is "dirty" or "clean", not {into!r}')
    clean, dirty = task.ends(model)
    source, target = (task.clean, task.dirty) if into == "dirty" else (task.dirty, task.clean)
    with trace(model, read=list(sites)) as t:
        model(**source)
    kept = {site: t[site] for site in t.sites}
    spots = spots_of(kept, positions, parts)
    values = []
    for spot in spots:
        with trace(model, edit={spot.site: allow_identity(_Write(kept[spot.site], spot, parts))}):
            values.append(task.score(model, target))
    return Effects(spots, torch.stack(values).cpu(), clean.cpu(), dirty.cpu())


def attribute(
    model: nn.Module, task: Task, sites: Sequence[str], *, positions: bool = False, parts: int = 1, steps: int = 0
) -> Effects:
    """Attribution patching: an estimate of `patch` for all spots at once, from two forwards and a backward.

    The metric is taken as linear in each activation: (clean - dirty) . d metric / d activation, at the dirty run.
    With steps, each site's gradient is averaged along the straight line from dirty to clean (integrated gradients),
    and then a whole site's estimate is exact up to the number of steps (not across a jump, such as a mixture's choice
    of experts).

    Args:
        model: any module; its parameters are not touched.
        task, sites, positions, parts: as in `patch`.
        steps: 0 for the gradient at the dirty run; else points of the line for each site, by the midpoint rule.

    Raises:
        GlassbookError: a site that the metric does not depend on.

    Source: Nanda 2023, "Attribution patching"; Syed et al. 2023, arXiv:2310.10348; Sundararajan et al. 2017,
    arXiv:1703.01365. Known to miss saturated attention and effects that cancel: Kramar et al. 2024, arXiv:2403.00745.
    """
    found = line(model, task, sites, steps)
    kept, dirty = found.clean, found.dirty_metric
    spots = spots_of(kept, positions, parts)
    sums = {site: _sums((kept[site] - found.dirty[site]) * found.slopes[site], positions, parts) for site in kept}
    # In the order of the spots: a site's positions, and within each its parts.
    values = torch.cat([sums[site].flatten(1).T for site in kept])
    return Effects(spots, (dirty + values).cpu(), found.clean_metric.cpu(), dirty.cpu())


@dataclass(frozen=True)
class Line:
    """Some sites between a task's dirty and clean inputs.

    Attributes:
        clean, dirty: the activations in the two plain runs, by site.
        slopes: the metric's gradient at each site in the dirty run, or its mean along the straight line.
        clean_metric, dirty_metric: of the plain runs, [B].
    """

    clean: dict[str, Tensor]
    dirty: dict[str, Tensor]
    slopes: dict[str, Tensor]
    clean_metric: Tensor
    dirty_metric: Tensor


def line(model: nn.Module, task: Task, sites: Sequence[str], steps: int) -> Line:
    """What attributions are made of; `steps` as in `attribute`."""
    with frozen(model):
        with torch.no_grad(), trace(model, read=list(sites)) as t:
            clean_metric = task.score(model, task.clean)
        clean = {site: t[site] for site in t.sites}
        with torch.enable_grad(), trace(model, read=list(sites), grad=True) as t:
            dirty_metric = task.score(model, task.dirty)
            dirty_metric.sum().backward()
        dirty = {site: t[site].detach() for site in clean}
        slopes = {site: t.grad[site] for site in clean}
        if steps:
            slopes = {site: _along(model, task, site, dirty[site], clean[site], steps) for site in clean}
    return Line(clean, dirty, slopes, clean_metric, dirty_metric.detach())


def spots_of(kept: dict[str, Tensor], positions: bool, parts: int) -> list[Spot]:
    """All spots of some activations [B, T, d]."""
    spots = []
    for site, x in kept.items():
        if (positions or parts > 1) and x.dim() != 3:
            raise GlassbookError(f"{site} has shape {tuple(x.shape)}; positions and parts are those of [B, T, d]")
        if x.shape[-1] % parts:
            raise GlassbookError(f"{site} has {x.shape[-1]} dimensions, which are not {parts} equal parts")
        at = range(x.shape[1]) if positions else [None]
        spots += [Spot(site, p, k) for p in at for k in (range(parts) if parts > 1 else [None])]
    return spots


class _Write:
    """The edit that puts a spot of another run into this one."""

    def __init__(self, other: Tensor, spot: Spot, parts: int) -> None:
        where = torch.zeros(1, other.shape[1] if other.dim() == 3 else 1, parts, dtype=torch.bool, device=other.device)
        here = slice(None) if spot.position is None else spot.position
        where[:, here, slice(None) if spot.part is None else spot.part] = True
        self.other, self.parts, self.where = other, parts, where

    def __call__(self, x: Tensor, at: At) -> Tensor:
        if x.dim() != 3:
            return self.other
        return torch.where(self.where.repeat_interleave(x.shape[-1] // self.parts, dim=2), self.other, x)


def _sums(effect: Tensor, positions: bool, parts: int) -> Tensor:
    """Sums over each spot: [B, T, d] -> [B, positions or 1, parts]."""
    if effect.dim() != 3:
        return effect.flatten(1).sum(1)[:, None, None]
    by_part = effect.unflatten(-1, (parts, -1)).sum(-1)
    return by_part if positions else by_part.sum(1, keepdim=True)


def _along(model: nn.Module, task: Task, site: str, dirty: Tensor, clean: Tensor, steps: int) -> Tensor:
    """The mean gradient at one site between its dirty and its clean activation, the rest of the run being dirty."""
    total = torch.zeros_like(dirty)
    for k in range(steps):
        point = dirty + (k + 0.5) / steps * (clean - dirty)
        edit = {site: allow_identity(lambda x, at, point=point: point)}
        with torch.enable_grad(), trace(model, read=site, edit=edit, grad=True) as t:
            task.score(model, task.dirty).sum().backward()
        total += t.grad[site]
    return total / steps
