"""Camera-trap frames of the Reserve: how fast they are drawn, and how hard it is to tell species on unseen stations.

    python benchmarks/frames.py [--train 6000] [--minutes 2]

Goals: at least 1,000 frames of 64 x 64 a second on two cores. Of twelve species, on stations that no training frame is
of: logistic regression on colour histograms tells at most half, on raw pixels at most 45 %, and a network of three
convolutions that trains for two minutes 70 to 97 %. Outside this band the world is too easy or too hard to learn from.
"""

import argparse
import itertools
import time
from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassbook.data.world import World
from glassbook.data.world.frames import Scene, draw, split, triggers

SPECIES = (
    "deer", "heron", "fox", "boar", "badger", "hare", "stork", "wolf", "lynx", "bear", "eagle", "otter",
)  # fmt: skip
SIZE = 64


def labelled(world: World, n: int, seed: int, places: Collection[str]) -> tuple[Tensor, Tensor]:
    """Frames [n, 3, 64, 64] with an animal on each, and which of SPECIES it is."""
    stream = triggers(world, seed, places, SPECIES, weights=[1.0] * len(SPECIES), empty=0.0)
    scenes: list[Scene] = [trigger.scene(1) for trigger in itertools.islice(stream, n)]
    frames = draw(scenes, SIZE, torch.Generator().manual_seed(seed % 2**31))
    names = [s.animals[0].species.name for s in scenes]
    return frames.images, torch.tensor([SPECIES.index(name) for name in names])


def histogram(images: Tensor) -> Tensor:
    """Joint histogram of red, green and blue in 8 steps each, [n, 512]."""
    steps = (images.long() // 32).flatten(2)
    bins = steps[:, 0] * 64 + steps[:, 1] * 8 + steps[:, 2]
    return torch.zeros(len(images), 512).scatter_add_(1, bins, torch.ones(bins.shape)) / bins.shape[1]


def logistic(x: Tensor, y: Tensor, held_out: Tensor, truth: Tensor) -> float:
    """Accuracy of multinomial logistic regression, the best of three penalties on the held-out frames."""
    mean, spread = x.mean(0), x.std(0) + 1e-6
    x, held_out = (x - mean) / spread, (held_out - mean) / spread
    best = 0.0
    for penalty in (1e-3, 1e-2, 1e-1):
        model = nn.Linear(x.shape[1], len(SPECIES))
        nn.init.zeros_(model.weight)
        optimiser = torch.optim.LBFGS(model.parameters(), max_iter=60, line_search_fn="strong_wolfe")

        def closure(
            model: nn.Linear = model, penalty: float = penalty, optimiser: torch.optim.LBFGS = optimiser
        ) -> Tensor:
            optimiser.zero_grad()
            loss = F.cross_entropy(model(x), y) + penalty * model.weight.square().sum()
            loss.backward()
            return loss

        optimiser.step(closure)
        with torch.no_grad():
            best = max(best, (model(held_out).argmax(1) == truth).float().mean().item())
    return best


def network() -> nn.Module:
    """Three convolutions, each channel's strongest answer, and a linear layer."""
    layers: list[nn.Module] = []
    for before, after, kernel in ((3, 32, 5), (32, 64, 3), (64, 128, 3)):
        stride = 2 if before == 3 else 1
        layers += [
            nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
        if before == 3:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(128, len(SPECIES)))


def convolutions(x: Tensor, y: Tensor, held_out: Tensor, truth: Tensor, seconds: float) -> tuple[float, int]:
    """Accuracy of three convolutions after so many seconds of training, and how many steps these were."""
    torch.manual_seed(0)
    model, started, steps = network(), time.perf_counter(), 0
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    while (gone := (time.perf_counter() - started) / seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, 20 * gone) * (1 - gone)
        rows = torch.randint(len(x), (64,))
        batch = x[rows].float() / 255
        batch = torch.where(torch.rand(64, 1, 1, 1) < 0.5, batch.flip(3), batch)
        down, right = torch.randint(17, (2,)).tolist()
        moved = F.pad(batch, (8,) * 4, mode="reflect")[:, :, down : down + SIZE, right : right + SIZE]
        loss = F.cross_entropy(model(moved - 0.4), y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps += 1
    model.eval()
    with torch.no_grad():
        said = torch.cat([model(part.float() / 255 - 0.4).argmax(1) for part in held_out.split(250)])
    return (said == truth).float().mean().item(), steps


def main() -> None:
    parser = argparse.ArgumentParser(description="frames a second, and the band of difficulty")
    parser.add_argument("--train", type=int, default=6000)
    parser.add_argument("--minutes", type=float, default=2.0)
    options = parser.parse_args()
    world = World()
    scenes = [scene for trigger in itertools.islice(triggers(world, 0), 1000) for scene in trigger.burst]
    draw(scenes[:100], SIZE, torch.Generator())
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        draw(scenes, SIZE, torch.Generator().manual_seed(0))
        rates.append(len(scenes) / (time.perf_counter() - start))
    stacked = torch.rand(len(scenes), 3, SIZE, SIZE)
    start = time.perf_counter()
    (stacked * 255).to(torch.uint8)
    limit = len(scenes) / (time.perf_counter() - start)
    print(f"{sorted(rates)[1]:.0f} frames a second; as many are turned into bytes: {limit:.0f}", flush=True)
    places = split(world)
    x, y = labelled(world, options.train, 0, places["train"])
    held_out, truth = labelled(world, 1000, -1, places["test"] + places["dev"])
    print(f"colour histogram, logistic regression: {logistic(histogram(x), y, histogram(held_out), truth):.3f}")
    flat, flat_held = ((F.avg_pool2d(t.float() / 255, 2)).flatten(1) for t in (x, held_out))
    print(f"pixels, logistic regression: {logistic(flat, y, flat_held, truth):.3f}")
    told, steps = convolutions(x, y, held_out, truth, 60 * options.minutes)
    print(f"three convolutions, {options.minutes} minutes and {steps} steps: {told:.3f}")


if __name__ == "__main__":
    main()
