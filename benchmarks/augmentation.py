"""Strong augmentation in batches beside Pillow, which takes one picture after the other.

    python benchmarks/augmentation.py [--rounds 5] [--size 32] [--batch 512]

Both move and mirror, apply two of the fourteen operations with strengths from the same ranges, and fill a square. Goal:
at least 5 times as many pictures in a second of processor time, on one thread. Pillow's share is given from bytes to
bytes, and without the conversions. The limit beside it: reading and writing the pictures once for each of four steps.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from glassbook.data import augment

FILL = (augment.FILL,) * 3


def affine(picture: Image.Image, *matrix: float) -> Image.Image:
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, fillcolor=FILL)


WAYS: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "identity": lambda p, by: p,
    "autocontrast": lambda p, by: ImageOps.autocontrast(p),
    "equalize": lambda p, by: ImageOps.equalize(p),
    "rotate": lambda p, by: p.rotate(by, fillcolor=FILL),
    "solarize": lambda p, by: ImageOps.solarize(p, by),
    "color": lambda p, by: ImageEnhance.Color(p).enhance(by),
    "posterize": lambda p, by: ImageOps.posterize(p, int(by)),
    "contrast": lambda p, by: ImageEnhance.Contrast(p).enhance(by),
    "brightness": lambda p, by: ImageEnhance.Brightness(p).enhance(by),
    "sharpness": lambda p, by: ImageEnhance.Sharpness(p).enhance(by),
    "shear_x": lambda p, by: affine(p, 1, by, 0, 0, 1, 0),
    "shear_y": lambda p, by: affine(p, 1, 0, 0, by, 1, 0),
    "translate_x": lambda p, by: affine(p, 1, 0, math.trunc(by * p.width), 0, 1, 0),
    "translate_y": lambda p, by: affine(p, 1, 0, 0, 0, 1, math.trunc(by * p.height)),
}


def strong(picture: Image.Image, draw: random.Random) -> Image.Image:
    """As `augment.strong`; the border is moved in black, which is less work than a mirror image."""
    side = picture.width
    if draw.random() < 0.5:
        picture = ImageOps.mirror(picture)
    margin = round(augment.MARGIN * side)
    picture = affine(picture, 1, 0, draw.randint(-margin, margin), 0, 1, draw.randint(-margin, margin))
    for name in draw.choices(list(WAYS), k=2):
        op = augment.OPS[name]
        picture = WAYS[name](picture, draw.uniform(op.low, op.high))
    cut, row, column = int(augment.CUT * draw.random() * side), draw.randrange(side), draw.randrange(side)
    corner = (column - cut // 2, row - cut // 2)
    ImageDraw.Draw(picture).rectangle((*corner, corner[0] + cut, corner[1] + cut), fill=FILL)
    return picture


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--size", type=int, default=32)
    options.add_argument("--batch", type=int, default=512)
    given = options.parse_args()
    torch.set_num_threads(1)
    generator, draw = torch.Generator().manual_seed(0), random.Random(0)
    images = torch.randint(256, (given.batch, 3, given.size, given.size), dtype=torch.uint8, generator=generator)
    rows = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    augment.strong(images, generator)
    found: list[tuple[float, float, float, float]] = []
    for _ in range(given.rounds):
        start = time.process_time()
        augment.strong(images, generator)
        ours = time.process_time() - start
        start = time.process_time()
        pictures = [Image.fromarray(row) for row in rows]
        opened = time.process_time()
        made = [strong(picture, draw) for picture in pictures]
        worked = time.process_time() - opened
        np.stack([np.asarray(picture) for picture in made])
        whole = time.process_time() - start
        start = time.process_time()
        for _ in range(4):
            images.clone()
        found.append((ours, whole, worked, time.process_time() - start))
    ours, whole, worked, limit = (statistics.median(part) for part in zip(*found, strict=True))
    ratios = sorted(theirs / mine for mine, theirs, *_ in found)
    bare = statistics.median(w / o for o, _, w, _ in found)
    print(f"{given.batch} pictures of {given.size} x {given.size}: {given.batch / ours:,.0f} a second, ", end="")
    print(f"Pillow {given.batch / whole:,.0f} ({given.batch / worked:,.0f} without conversions)")
    print(f"Pillow / ours: {statistics.median(ratios):.1f} ({ratios[0]:.1f}-{ratios[-1]:.1f}); bare {bare:.1f}; goal 5")
    print(f"ours / reading and writing four times: {ours / limit:.0f}")


if __name__ == "__main__":
    main()
