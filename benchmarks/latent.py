"""Training of latent-variable models, beside pythae and beside what their products alone take.

    python benchmarks/latent.py [--epochs 3] [--epoch-rounds 3] [--rounds 7]

Goals: the bound that pythae's VAE 784-400-20 has after its epochs in at most two thirds of their time, a step of ours
in at most 1.6 times its matrix products; a denoising step in at most 1.6 times its convolutions; a step of an
adversarial network in at most 1.1 times its two halves. The peer needs `make peers`, the digits $GLASSBOOK_DATA.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from glassbook.data.pictures import mnist, shuffled
from glassbook.experiments.latent._adversarial import adversarial_phases
from glassbook.nets.autoencoder import VAE, PictureConfig
from glassbook.nets.denoiser import Denoiser, DenoiserConfig
from glassbook.nets.gan import discriminator_loss, generator_loss, pictures_gan
from glassbook.train import train
from glassbook.train.objectives import denoising, negative_elbo
from glassbook.train.optimisers import adamw
from glassbook.train.schedules import constant

BATCH = 128
PEER = Path(".peers/pythae/bin/python")
READY = Path(".peers/pythae/.installed")
HOW: dict[str, Any] = {"lr": 1e-3, "schedule": constant(), "clip": None}
OPTIMISER = adamw(betas=(0.9, 0.999), weight_decay=0.0)


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(ours: Callable[[], Any], other: Callable[[], Any], rounds: int) -> str:
    """Median and range of how long one takes by the other; both in each round, in turn."""
    ours()
    other()
    found = []
    for i in range(rounds):
        times = {work: seconds(work) for work in ((ours, other) if i % 2 else (other, ours))}
        found.append(times[ours] / times[other])
    return f"x {statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def products(model: nn.Module, x: Tensor) -> Callable[[], None]:
    """The linear layers and convolutions of a model alone, forward and backward, on inputs of their shapes."""
    seen: list[tuple[nn.Module, Tensor]] = []
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    layers = [m for m in model.modules() if isinstance(m, kinds)]
    hooks = [m.register_forward_hook(lambda m, args, _: seen.append((m, args[0].detach()))) for m in layers]
    model(x)
    for hook in hooks:
        hook.remove()
    first = seen[0][1]
    inputs = [(m, at if at is first else at.requires_grad_()) for m, at in seen]
    gradients = [torch.randn_like(m(at)) for m, at in inputs]

    def run() -> None:
        for (m, at), gradient in zip(inputs, gradients, strict=True):
            m(at).backward(gradient)

    return run


def repeated(work: Callable[[], None], n: int) -> None:
    for _ in range(n):
        work()


def trained(
    model: nn.Module, objective: Any, batch: Callable[[int], dict[str, Tensor]], steps: int, **settings: Any
) -> None:
    train(model, objective, batch, steps=steps, optimiser=OPTIMISER, **HOW, **settings)


def vae_epochs(digits: Tensor, test: Tensor, epochs: int, rounds: int) -> None:
    """Our training up to the bound of pythae's, in turn with it; in bfloat16, too, which pythae does not offer here."""
    if not READY.exists():
        print("pythae is not here; `make .peers/pythae/.installed` brings it")
        return
    rows = shuffled(len(digits), BATCH, 0)

    def batch(step: int) -> dict[str, Tensor]:
        return {"pixel_values": digits.index_select(0, rows(step)), "noise": torch.randn(BATCH, 20)}

    @torch.no_grad()
    def bound(vae: nn.Module) -> float:
        noise = torch.randn(len(test), 20, generator=torch.Generator().manual_seed(0))
        return float(cast(VAE, vae).elbo(test, noise)[0].mean())

    def ours(precision: str, steps: int, **settings: Any) -> nn.Module:
        torch.manual_seed(0)
        vae = VAE(PictureConfig(size=28, channels=1, code=20, kind="mlp", width=400))
        trained(vae, negative_elbo(), batch, steps, precision=precision, **settings)
        return vae

    def steps_to(wanted: float, precision: str) -> int:
        """Steps after which our bound reaches pythae's, found by a training that is not timed."""
        reached: list[int] = []

        def look(vae: nn.Module, done: int) -> dict[str, float]:
            if not reached and bound(vae) >= wanted:
                reached.append(done)
            return {}

        ours(precision, epochs * (len(digits) // BATCH), evaluate=look, evaluate_every=50)
        return reached[0] if reached else epochs * (len(digits) // BATCH)

    def theirs(digits_file: str) -> tuple[float, float]:
        script = Path(__file__).parent / "peers" / "pythae_epochs.py"
        asked = [PEER, script, digits_file, str(epochs), str(torch.get_num_threads())]
        out = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        found = json.loads(out.splitlines()[-1])
        return sum(found["seconds"]), found["elbo"]

    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/digits.npy", torch.cat([digits, test]).numpy())
        peer = partial(theirs, f"{folder}/digits.npy")
        wanted = peer()[1]
        for name, precision in (("float32", "no"), ("bfloat16", "bf16")):
            needed = steps_to(wanted, precision)
            reached = bound(ours(precision, needed))
            ratios = sorted(peer()[0] / seconds(partial(ours, precision, needed)) for _ in range(rounds))
            middle = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            share = needed * BATCH / len(digits)
            print(f"VAE 784-400-20, {name}: 1 / {middle} of the time of {epochs} epochs of pythae")
            print(f"    ELBO {reached:.2f} after {share:.2f} epochs, pythae's {wanted:.2f}")


def steps(digits: Tensor, rounds: int) -> None:
    """Steps of ours beside the products that are in them; of the VAE as many as an epoch has."""

    def pictures(size: int) -> Callable[[int], dict[str, Tensor]]:
        rows = shuffled(len(digits), size, 0)
        return lambda step: {"pixel_values": digits.index_select(0, rows(step)), "noise": torch.randn(size, 20)}

    def noisy(size: int) -> Callable[[int], dict[str, Tensor]]:
        rows = shuffled(len(digits), size, 0)

        def batch(step: int) -> dict[str, Tensor]:
            x = digits.index_select(0, rows(step))
            return {"pixel_values": x, "corrupted": x + 0.5 * torch.randn_like(x)}

        return batch

    vae = VAE(PictureConfig(size=28, channels=1, code=20, kind="mlp", width=400))
    denoiser = Denoiser(DenoiserConfig(size=28, channels=1, widths=(6, 24, 48), mixing=512, kept=0.3))
    for name, model, objective, batches, size, many in (
        ("VAE", vae, negative_elbo(), pictures, BATCH, len(digits) // BATCH),
        ("VAE", vae, negative_elbo(), pictures, 4 * BATCH, len(digits) // (4 * BATCH)),
        ("denoising", denoiser, denoising(), noisy, BATCH, 40),
        ("denoising", denoiser, denoising(), noisy, BATCH // 4, 160),
    ):
        alone = partial(repeated, products(model, digits[:size]), many)
        found = ratio(partial(trained, model, objective, batches(size), many), alone, rounds)
        print(f"{name} step of {size} pictures by its products: {found}")


def adversarial_step(digits: Tensor, rounds: int) -> None:
    """A step of two phases beside the same two losses, each with its backward pass and update, in a bare loop."""
    gan, n, rows = pictures_gan(width=16), 20, shuffled(len(digits), 64, 0)
    batch = {"real": 2 * digits[rows(0)] - 1, "noise": torch.randn(64, 64)}
    halves = [torch.optim.AdamW(part.parameters(), lr=1e-4, fused=True) for part in (gan.discriminator, gan.generator)]

    def bare() -> None:
        for _ in range(n):
            with torch.no_grad():
                fake = gan.generator(batch["noise"])
            discriminator_loss(gan.discriminator(batch["real"]), gan.discriminator(fake)).backward()
            halves[0].step()
            halves[0].zero_grad()
            gan.discriminator.requires_grad_(False)
            generator_loss(gan.discriminator(gan.generator(batch["noise"]))).backward()
            gan.discriminator.requires_grad_(True)
            halves[1].step()
            halves[1].zero_grad()

    def ours() -> None:
        trained(gan, adversarial_phases(), lambda _: batch, n)

    print(f"adversarial step by its halves: {ratio(ours, bare, rounds)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="training of latent-variable models")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epoch-rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f} before")
    digits, test = (mnist(part).images.float() / 255 for part in ("train", "test"))
    vae_epochs(digits, test, options.epochs, options.epoch_rounds)
    steps(digits, options.rounds)
    adversarial_step(digits, options.rounds)


if __name__ == "__main__":
    main()
