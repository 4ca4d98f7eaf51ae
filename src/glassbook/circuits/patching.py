"""Activation patching and attribution patching: how much of a metric one activation of the clean run recovers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from glassbook.circuits.task import Task, at_least_float32, frozen
from glassbook.errors import GlassbookError
from glassbook.trace import At, allow_identity, trace


class PatchLocation(NamedTuple):
    """What is patched: a site, at all positions or one, and the whole width or one head."""

    site: str
    position: int | None = None
    head: int | None = None


@dataclass(frozen=True)
class Effects:
    """What patching each location does to the metric.

    Attributes:
        locations: what was patched.
        values: the metric at each, [n, B]; an estimate if it comes from `attribute`.
        clean, corrupted: the metric of the plain runs, [B].
    """

    locations: list[PatchLocation]
    values: Tensor
    clean: Tensor
    corrupted: Tensor

    def recovered(self) -> Tensor:
        """Fraction of the metric's difference recovered, [n]: 0 at the corrupted run's metric, 1 at the clean run's."""
        return (self.values.mean(-1) - self.corrupted.mean()) / (self.clean.mean() - self.corrupted.mean())

    def grid(self) -> tuple[list[str], list[int], Tensor]:
        """(sites, columns, recovered [sites, columns]); the columns are heads if there are any, else positions."""
        column = [next((c for c in (s.head, s.position) if c is not None), 0) for s in self.locations]
        sites, columns = list(dict.fromkeys(s.site for s in self.locations)), sorted({*column})
        out = torch.full((len(sites), len(columns)), torch.nan)
        for location, c, value in zip(self.locations, column, self.recovered().tolist(), strict=True):
            out[sites.index(location.site), columns.index(c)] = value
        return sites, columns, out


@torch.no_grad()
def patch(
    model: nn.Module,
    task: Task,
    sites: Sequence[str],
    *,
    positions: bool = False,
    heads: int = 1,
    into: str = "corrupted",
) -> Effects:
    """Activation patching, exactly: one run of the model for each location.

    Args:
        model: any module.
        task: see `Task`.
        sites: full names; see `trace`.
        positions: each position [B, T, ...] on its own.
        heads: equal slices of the last dimension, each on its own: roles.n_heads for the sites of
            roles.select("attn.*.heads").
        into: "corrupted" puts clean activations into the corrupted run (denoising: what suffices); "clean" puts
            corrupted ones into the clean run (noising: what is needed).

    Returns:
        Effects, which recover 1 where the metric is the clean run's.

    Source: Meng et al. 2022, arXiv:2202.05262; Heimersheim and Nanda 2024, arXiv:2404.15255.
    """
    if into not in ("corrupted", "clean"):
        raise GlassbookError(f'into is "corrupted" or "clean", not {into!r}')
    clean, corrupted = task.baseline_metrics(model)
    source, target = (task.clean, task.corrupted) if into == "corrupted" else (task.corrupted, task.clean)
    with trace(model, read=list(sites), positions=True) as t:
        model(**source)
    acts = {site: t[site] for site in t.sites}
    for site in acts if positions or heads > 1 else ():
        t.check_rows(site)
    locations = patch_locations(acts, positions, heads)
    values = []
    for location in locations:
        with trace(model, edit={location.site: allow_identity(_Patch(acts[location.site], location, heads))}):
            values.append(task.score(model, target))
    return Effects(locations, torch.stack(values).cpu(), clean.cpu(), corrupted.cpu())


def attribute(
    model: nn.Module, task: Task, sites: Sequence[str], *, positions: bool = False, heads: int = 1, steps: int = 0
) -> Effects:
    """Attribution patching: an estimate of `patch` for all locations at once, from two forwards and a backward.

    The metric is taken as linear in each activation: (clean - corrupted) . d metric / d activation, at the corrupted
    run. With steps, each site's gradient is averaged along the straight line from corrupted to clean (integrated
    gradients); a whole site's estimate is then exact up to the number of steps (not across a jump, such as a mixture's
    choice of experts).

    Args:
        model: any module; its parameters are not touched.
        task, sites, positions, heads: as in `patch`.
        steps: 0 for the gradient at the corrupted run; else points of the line for each site, by the midpoint rule.

    Raises:
        GlassbookError: a site that the metric does not depend on.

    Source: Nanda 2023, "Attribution patching"; Syed et al. 2023, arXiv:2310.10348; Sundararajan et al. 2017,
    arXiv:1703.01365. Known to miss saturated attention and effects that cancel: Kramar et al. 2024, arXiv:2403.00745.
    """
    path = gradient_along_path(model, task, sites, steps, rows=positions or heads > 1)
    clean, corrupted = path.clean, path.corrupted_metric
    locations = patch_locations(clean, positions, heads)
    sums = {site: _sums((clean[site] - path.corrupted[site]) * path.grads[site], positions, heads) for site in clean}
    # In the order of the locations: a site's positions, and within each its heads.
    values = torch.cat([sums[site].flatten(1).T for site in clean])
    return Effects(locations, (corrupted + values).cpu(), path.clean_metric.cpu(), corrupted.cpu())


@dataclass(frozen=True)
class PathGradients:
    """Activations of a task's two runs, and the metric's gradients between them.

    Attributes:
        clean, corrupted: the activations in the two plain runs, by site.
        grads: the metric's gradient at each site in the corrupted run, or its mean along the straight line.
        clean_metric, corrupted_metric: of the plain runs, [B].
    """

    clean: dict[str, Tensor]
    corrupted: dict[str, Tensor]
    grads: dict[str, Tensor]
    clean_metric: Tensor
    corrupted_metric: Tensor


def gradient_along_path(model: nn.Module, task: Task, sites: Sequence[str], steps: int, *, rows: bool) -> PathGradients:
    """The metric's gradient at the sites, in the corrupted run or averaged along the path to the clean one.

    `steps` as in `attribute`. With `rows`, the last axis of each activation has to hold the features.
    """
    with frozen(model):
        with torch.no_grad(), trace(model, read=list(sites), positions=True) as t:
            clean_metric = task.score(model, task.clean)
        for site in t.sites if rows else ():
            t.check_rows(site)
        clean = {site: at_least_float32(t[site]) for site in t.sites}
        with torch.enable_grad(), trace(model, read=list(sites), grad=True) as t:
            corrupted_metric = task.score(model, task.corrupted)
            corrupted_metric.sum().backward()
        corrupted = {site: at_least_float32(t[site].detach()) for site in clean}
        grads = {site: at_least_float32(t.grad(site)) for site in clean}
        if steps:
            grads = {site: _along(model, task, site, corrupted[site], clean[site], steps) for site in clean}
    return PathGradients(clean, corrupted, grads, clean_metric, corrupted_metric.detach())


def patch_locations(acts: dict[str, Tensor], positions: bool, heads: int) -> list[PatchLocation]:
    """All locations of activations [B, T, d], by site."""
    locations = []
    for site, x in acts.items():
        if (positions or heads > 1) and x.dim() != 3:
            raise GlassbookError(f"{site} has shape {tuple(x.shape)}; patching by position or head needs [B, T, d]")
        if x.shape[-1] % heads:
            raise GlassbookError(f"{site} has {x.shape[-1]} dimensions, which do not divide into {heads} equal heads")
        at = range(x.shape[1]) if positions else [None]
        locations += [PatchLocation(site, p, h) for p in at for h in (range(heads) if heads > 1 else [None])]
    return locations


class _Patch:
    """The edit that copies a location of another run into this one."""

    def __init__(self, other: Tensor, location: PatchLocation, heads: int) -> None:
        mask = torch.zeros(1, other.shape[1] if other.dim() == 3 else 1, heads, dtype=torch.bool, device=other.device)
        position = slice(None) if location.position is None else location.position
        mask[:, position, slice(None) if location.head is None else location.head] = True
        self.other, self.heads, self.mask = other, heads, mask

    def __call__(self, x: Tensor, at: At) -> Tensor:
        if x.dim() != 3:
            return self.other
        return torch.where(self.mask.repeat_interleave(x.shape[-1] // self.heads, dim=2), self.other, x)


def _sums(effect: Tensor, positions: bool, heads: int) -> Tensor:
    """Sums over each location: [B, T, d] -> [B, positions or 1, heads]."""
    if effect.dim() != 3:
        return effect.flatten(1).sum(1)[:, None, None]
    by_head = effect.unflatten(-1, (heads, -1)).sum(-1)
    return by_head if positions else by_head.sum(1, keepdim=True)


def _along(model: nn.Module, task: Task, site: str, corrupted: Tensor, clean: Tensor, steps: int) -> Tensor:
    """The mean gradient at one site between its corrupted and clean activation; the rest of the run is corrupted."""
    total = torch.zeros_like(corrupted)
    for k in range(steps):
        point = corrupted + (k + 0.5) / steps * (clean - corrupted)
        edit = {site: allow_identity(lambda x, at, point=point: point.to(x.dtype))}
        with torch.enable_grad(), trace(model, read=site, edit=edit, grad=True) as t:
            task.score(model, task.corrupted).sum().backward()
        total += t.grad(site)
    return total / steps
