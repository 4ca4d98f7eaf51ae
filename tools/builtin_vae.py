"""Train the VAE that ships with the package, `builtin-vae`: `python tools/builtin_vae.py [WORK_FOLDER]`.

Frames of the Reserve's training stations by day and night, 64 x 64, most of them with one large animal
(`close_frames`), each turned left to right half of the time. Beta is 1 and the pixels' sigma is learnt. Weights are
stored in half precision. On one idle core about ten minutes; interrupted, it goes on from WORK_FOLDER.

Printed at the end, and written beside the weights: PSNR, KL divergence and active units on other frames of the same
stations, and on frames of stations that it has not seen.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from glassbook.data.world import World
from glassbook.data.world.frames import close_frames, split
from glassbook.measure.reconstruction import psnr
from glassbook.nets import open_picture_model, save_model
from glassbook.nets.autoencoder import VAE, PictureConfig
from glassbook.nets.picture_model import PictureModel
from glassbook.train import Batch, adamw, train

TARGET = Path(__file__).parent.parent / "src" / "glassbook" / "assets" / "builtin" / "vae"
CONFIG = PictureConfig(size=64, channels=3, code=32, width=8)
FRAMES, HELD_OUT = 6000, 500
"""Frames to train on, and frames of each kind to measure with."""
STEPS, BATCH, LR = 7000, 32, 2e-3
ACTIVE = 0.01
"""Variance of a unit's mean over pictures from which it counts as active (Burda et al. 2015)."""


def batches(frames: Tensor, seed: int, step: int) -> Batch:
    """The pictures and the noise of a step, a function of the step alone."""
    g = torch.Generator().manual_seed(seed * STEPS + step)
    chosen = frames[torch.randint(len(frames), (BATCH,), generator=g)].float() / 255
    turned = torch.rand(BATCH, 1, 1, 1, generator=g) < 0.5
    pixels = torch.where(turned, chosen.flip(3), chosen)
    return {
        "pixel_values": pixels.contiguous(memory_format=torch.channels_last),
        "noise": torch.randn(BATCH, CONFIG.code, generator=g),
    }


def objective(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Minus the ELBO, in nats for each of a picture's numbers."""
    assert isinstance(model, VAE)
    bound, likelihood, kl = model.elbo(batch["pixel_values"], batch["noise"])
    return -bound.mean() / CONFIG.pixels, {"likelihood": likelihood.mean(), "kl": kl.sum(1).mean()}


@torch.no_grad()
def measured(pm: PictureModel, frames: Tensor) -> dict[str, float]:
    """How well frames are given back, what their codes cost, and how many units they use.

    `psnr_of_mean` is that of the mean frame in place of every frame.
    """
    x = frames.float() / 255
    assert isinstance(pm.model, VAE)
    assert pm.model.log_sigma is not None
    posterior = pm.model.posterior(**pm.batch(frames))
    kl = posterior.kl().mean(0)
    return {
        "frames": len(frames),
        "psnr": psnr(x, pm.reconstruct(frames).float() / 255),
        "psnr_of_mean": psnr(x, x.mean(0, keepdim=True)),
        "kl_nats": float(kl.sum()),
        "active_units": int((posterior.mean.var(0) > ACTIVE).sum()),
        "sigma": float(pm.model.log_sigma.exp()),
    }


def main(work: Path, seed: int = 0) -> None:
    """Train, write the package's `vae` folder, and measure what was written."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    world = World()
    places = split(world)
    frames = close_frames(world, FRAMES, CONFIG.size, seed, places["train"])
    print(f"{len(frames)} frames drawn", flush=True)
    model = VAE(CONFIG, "normal").to(memory_format=torch.channels_last)  # a fifth faster
    assert model.log_sigma is not None
    with torch.no_grad():
        model.log_sigma.fill_(-2.0)  # the way from 1 would take a tenth of the training
    state = train(
        model,
        objective,
        lambda step: batches(frames, seed, step),
        steps=STEPS,
        lr=LR,
        optimiser=adamw(weight_decay=0.0),
        ema=0.999,
        seed=seed,
        checkpoint=work,
        checkpoint_every=500,
        resume=True,
    )
    pm = PictureModel(state.averaged().eval(), "builtin-vae", "autoencode", CONFIG.size, CONFIG.channels)
    save_model(replace(pm, model=pm.model.half()), TARGET)
    opened = open_picture_model(TARGET)
    held_out = {"same_stations": places["train"], "unseen_stations": [*places["dev"], *places["test"]]}
    facts = {
        name: measured(opened, close_frames(world, HELD_OUT, CONFIG.size, -1, where))
        for name, where in held_out.items()
    }
    (TARGET / "measured.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    print(json.dumps(facts), f"{(TARGET / 'model.safetensors').stat().st_size / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "builtin-vae-training"))
