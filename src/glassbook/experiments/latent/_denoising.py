"""Denoiser training, camera-trap frames to train on, and PSNR beside tuned denoising filters."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from glassbook import charts
from glassbook.data.corruption import Gaussian
from glassbook.data.pictures import shuffled
from glassbook.data.world import World
from glassbook.data.world.frames import draw, split, triggers
from glassbook.experiments import kit
from glassbook.experiments.latent._filters import filtered
from glassbook.measure.reconstruction import psnr
from glassbook.notebook import Run
from glassbook.train import linear
from glassbook.train.objectives import denoising

M = TypeVar("M", bound=nn.Module)
PSNR = "PSNR, dB"
"""Column of tables."""


def frames(run: Run, part: str, n: int) -> Tensor:
    """n frames [n, 3, 32, 32] of the stations of a part ("train", "dev" or "test"), values from 0 to 1.

    Each seed has a world of its own, and so other stations. Seven of ten frames are without an animal.
    """
    world, rng = World(run.rng("world").seed), run.rng(f"frames, {part}")
    seed = rng.seed if part == "train" else -1 - rng.seed
    scenes = [trigger.scene(1) for trigger in islice(triggers(world, seed, split(world)[part]), n)]
    return draw(scenes, 32, rng.torch()).images.float() / 255


def trained(
    run: Run, label: str, images: Tensor, make: Callable[[], M], sigma: float, batch_size: int, other_targets: bool,
    **how: Any,
) -> M:  # fmt: skip
    """A network that is trained to give clean pictures from those with normal noise of standard deviation `sigma`.

    With `other_targets`, other pictures of the batch instead. `how` is as `kit.train_model` takes it.
    """
    rows, noise = shuffled(len(images), batch_size, run.rng(f"order of {label}").seed), run.rng(label)

    def batch(step: int) -> dict[str, Tensor]:
        clean = images[rows(step)]
        target = clean.roll(1, 0) if other_targets else clean
        return {"pixel_values": target, "corrupted": Gaussian(sigma)(clean, noise.child(str(step)).torch())}

    seed, schedule = run.rng("weights").seed, linear(warmup=50)
    return kit.train_model(run, label, make, denoising(), batch, seed=seed, schedule=schedule, **how)


def compared(
    run: Run, label: str, denoiser: nn.Module, train: Tensor, dev: Tensor, test: Tensor, sigma: float
) -> list[dict[str, Any]]:
    """PSNR of test pictures with noise and after each method; a sheet of them is kept as image `label`.

    Args:
        run: where the sheet is kept and random numbers come from.
        label: what the pictures show.
        denoiser: from noisy pictures to clean ones.
        train: [N, C, H, W] pictures that filters learn from.
        dev: pictures that settings of filters are chosen by.
        test: pictures to judge by.
        sigma: standard deviation of the noise.

    Returns:
        rows: pictures, method, PSNR in dB, and the setting of those that have one, which are the filters.
    """
    noisy_dev, noisy = (
        Gaussian(sigma)(clean, run.rng(f"{part} noise of {label}").torch())
        for part, clean in (("dev", dev), ("test", test))
    )
    filters = filtered(train, (dev, noisy_dev), noisy, sigma)
    methods = {"noisy": noisy, "mean image": train.mean(0).expand_as(test)}
    methods |= {name: found.pictures for name, found in filters.items()}
    with torch.no_grad():
        methods["denoiser"] = torch.cat([denoiser(part) for part in noisy.split(500)])
    best = max(filters, key=lambda name: psnr(test, methods[name]))
    shown = [pictures[:12] for pictures in (noisy, methods[best], methods["denoiser"], test)]
    run.image(label, charts.sheet(torch.cat(shown), columns=12))
    return [
        {"pictures": label, "method": name, PSNR: psnr(test, pictures),
         "setting": filters[name].setting if name in filters else None}
        for name, pictures in methods.items()
    ]  # fmt: skip


def components(images: Tensor, n: int) -> Callable[[Tensor], Tensor]:
    """From pictures [B, C, H, W] to their first n principal components, [B, n], which are those of `images`."""
    flat = images.flatten(1)
    directions = torch.linalg.eigh(flat.T.cov())[1][:, -n:]
    return lambda pictures: pictures.flatten(1) @ directions


def over_filters(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Name of a method -> its PSNR in dB above that of the best filter; filters are what has a setting."""
    best = max(row[PSNR] for row in rows if row["setting"] is not None)
    return {row["method"]: row[PSNR] - best for row in rows}
