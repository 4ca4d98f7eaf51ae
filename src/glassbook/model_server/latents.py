"""Latents of models that decode pictures: the most active ones moved and decoded; noise added and removed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

import torch
from torch import Tensor

from glassbook.data.pictures import fashion_900, mnist, open_picture
from glassbook.data.world import World
from glassbook.data.world.frames import close_frames, split
from glassbook.errors import GlassbookError
from glassbook.measure.reconstruction import psnr
from glassbook.model_server.available import PREFIX
from glassbook.model_server.latent_settings import LatentSettings, picture_file, read_latents
from glassbook.model_server.pictures import in_base64, read_pixels
from glassbook.nets.picture_model import PictureModel
from glassbook.notebook import Notebook

MAX_OPEN = 4
"""Of how many models the activity of latents is kept."""
FRAMES = 128
"""Held-out pictures from which the activity of latents is measured."""
ACTIVE = 0.01
"""Variance of a unit's mean over pictures from which it counts as active (Burda et al. 2015, arXiv:1509.00519)."""
STRIP = (-3, -2, -1, 0, 1, 2, 3)
"""Spreads from the mean at which a strip shows a latent."""
DATASETS: dict[str, Callable[[], Tensor]] = {
    "mnist": lambda: mnist("test").images,
    "fashion-mnist-900": lambda: fashion_900().images,
}
"""Pictures by which models of runs that used a dataset are shown; all others are shown frames of the Reserve."""


class LatentModels:
    """What is known of the latents of a notebook's models; the least recently used is forgotten first.

    Args:
        notebook: where the models and their pictures are.
        open_pictures: opens a picture model by its name.
    """

    def __init__(self, notebook: Notebook, open_pictures: Callable[[str], PictureModel]) -> None:
        self.notebook = notebook
        self._open_pictures = open_pictures
        self._known: dict[str, LatentModel] = {}

    def open(self, name: str) -> LatentModel:
        pm = self._open_pictures(name)
        if not pm.latents:
            raise GlassbookError(f"{name} classifies pictures and has no latents that can be decoded")
        known = self._known.pop(name, None)
        if known is None or known.model is not pm:
            known = LatentModel(name, pm, _examples(self.notebook, name, pm))
        self._known[name] = known
        while len(self._known) > MAX_OPEN:
            del self._known[next(iter(self._known))]
        return known


@dataclass(frozen=True)
class LatentModel:
    """A model that decodes pictures, and held-out pictures to show it by."""

    name: str
    model: PictureModel
    examples: Callable[[int, int], Tensor]
    """(how many, seed) -> bytes [n, C, H, W]."""

    @cached_property
    def activity(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of each latent over held-out pictures; over noise, for a model that is made for noise."""
        if self.model.task == "generate":
            return torch.zeros(self.model.latents), torch.ones(self.model.latents)
        codes = self.model.encode(self.examples(FRAMES, 2**20))
        return codes.mean(0), codes.var(0)

    @cached_property
    def active(self) -> list[int]:
        """The active latents, the most active first."""
        variances = self.activity[1]
        order = variances.argsort(descending=True, stable=True).tolist()
        return [unit for unit in order if variances[unit] > ACTIVE]

    def moved(self, code: Tensor, unit: int, spreads: float) -> Tensor:
        """A code [latents] whose `unit` lies so many spreads from its mean."""
        if unit >= len(code):
            raise GlassbookError(f"{self.name} has the latents 0 to {len(code) - 1}; there is no latent {unit}")
        mean, variance = self.activity
        code = code.clone()
        code[unit] = mean[unit] + spreads * variance[unit].sqrt()
        return code


def latents(models: LatentModels, **params: Any) -> dict[str, Any]:
    """A picture, its code, and what the code with some latents moved decodes to; or a picture with noise, and without.

    The parameters are `LatentSettings`. Positions of latents are in units of their spread from their mean, over
    held-out pictures.
    """
    settings = read_latents(params)
    model = models.open(settings.model)
    picture = _picture(models.notebook, model, settings)
    about = {"model": settings.model, "mode": settings.mode, "size": model.model.size}
    shown = _denoised if settings.mode == "denoise" else _decoded
    return {**about, **shown(model, settings, picture)}


def _decoded(model: LatentModel, settings: LatentSettings, picture: Tensor | None) -> dict[str, Any]:
    pm = model.model
    if settings.code is not None:
        own = torch.tensor(settings.code)
    elif picture is not None:
        own = pm.encode(picture[None])[0].float()
    else:
        own = torch.randn(pm.latents, generator=torch.Generator().manual_seed(settings.seed or 0))
    if len(own) != pm.latents:
        raise GlassbookError(f"codes of {model.name} have {pm.latents} numbers; this one has {len(own)}")
    code = own
    for unit, spreads in settings.set.items():
        code = model.moved(code, unit, spreads)
    strip = [] if settings.strip is None else [model.moved(code, settings.strip, spreads) for spreads in STRIP]
    pictures = pm.decode(torch.stack([own, code, *strip]))
    mean, variance = model.activity
    spread = variance.sqrt().clamp_min(1e-12)
    places = {name: ((z - mean) / spread).tolist() for name, z in (("own", own), ("now", code))}
    return {
        "picture": None if picture is None else _address(picture),
        "rebuilt": _address(pictures[0]),
        "decoded": _address(pictures[1]),
        "psnr": None if picture is None else _psnr(picture, pictures[0]),
        "latents": pm.latents,
        "units": [
            {"unit": unit, "spread": round(float(spread[unit]), 4)}
            | {name: round(values[unit], 3) for name, values in places.items()}
            for unit in model.active
        ],
        "code": [round(value, 4) for value in code.tolist()],
        "strip": None
        if settings.strip is None
        else {"unit": settings.strip, "at": list(STRIP), "pictures": [_address(one) for one in pictures[2:]]},
    }


def _denoised(model: LatentModel, settings: LatentSettings, picture: Tensor | None) -> dict[str, Any]:
    pm = model.model
    if picture is None:
        raise GlassbookError(f"{model.name} reads no pictures, so it removes no noise; choose an autoencoder")
    batch = pm.batch(picture[None])
    noise = torch.randn(batch["pixel_values"].shape, generator=torch.Generator().manual_seed(0))
    noisy = batch["pixel_values"] + settings.noise * noise / torch.tensor(pm.std)[:, None, None]
    seen = _bytes(pm, noisy[0])
    (clean,) = pm.decode(cast(Any, pm.model).encode(pixel_values=noisy))
    return {
        "picture": _address(picture),
        "noisy": _address(seen),
        "decoded": _address(clean),
        "psnr_noisy": _psnr(picture, seen),
        "psnr": _psnr(picture, clean),
    }


def _picture(notebook: Notebook, model: LatentModel, settings: LatentSettings) -> Tensor | None:
    """The picture that the settings begin with, at the size of the model, bytes [C, H, W]; None for a code."""
    pm = model.model
    if settings.code is not None:
        return None
    if pm.task == "generate":
        if settings.picture is not None or settings.pixels is not None:
            raise GlassbookError(f"{model.name} makes pictures of noise and reads none; give a seed")
        return None
    if settings.pixels is not None:
        side = math.isqrt(len(settings.pixels) // 4)  # 4 characters stand for 3 bytes
        images = read_pixels(settings.pixels, side, side)
    elif settings.picture is not None:
        images = open_picture(picture_file(notebook, settings.picture), pm.size)[None]
    else:
        images = model.examples(1, settings.seed or 0)
    return pm.view(images)[0]


def _bytes(pm: PictureModel, pixel_values: Tensor) -> Tensor:
    """What a model's input [C, H, W] looks like, as bytes."""
    std, mean = (torch.tensor(values)[:, None, None] for values in (pm.std, pm.mean))
    return ((pixel_values * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)


def _examples(notebook: Notebook, name: str, pm: PictureModel) -> Callable[[int, int], Tensor]:
    """Pictures that a model was not trained on: of the dataset that its run used, else held-out frames of the Reserve.

    Frames are of the training stations, whose backgrounds a small model knows; streams below 0 are held out.
    """
    if name.startswith(PREFIX):
        run = notebook.run(name.removeprefix(PREFIX).partition("/")[0])
        for used in run.uses:
            if used.kind == "data" and used.name in DATASETS:
                images = DATASETS[used.name]()
                return lambda n, seed: images[torch.arange(seed, seed + n) % len(images)]
    world = World()
    places = split(world)["train"]
    # While a latent moves, its picture stays the same.
    return lru_cache(maxsize=64)(lambda n, seed: close_frames(world, n, pm.size, -1 - seed, places))


def _address(picture: Tensor) -> str:
    """A picture, bytes [C, H, W], as a data address."""
    return "data:image/png;base64," + in_base64(picture)


def _psnr(picture: Tensor, given: Tensor) -> float:
    return round(min(psnr(picture.float() / 255, given.float() / 255), 99.0), 2)
