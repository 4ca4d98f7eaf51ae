"""Batched augmentation of pictures: flip, crop, Cutout, and the fourteen operations of RandAugment, on bytes in torch.

Every operation takes pictures as bytes [N, 3, H, W] and a parameter for each, [N], and gives what Pillow gives for one
after the other. Affine ones take the nearest pixel, in the fixed-point numbers in which Pillow counts.

    g = torch.Generator().manual_seed(0)
    weak, strong = augment.weak(images, g), augment.strong(images, g)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from glassbook.data.pictures import grey
from glassbook.errors import GlassbookError

FILL = 127
"""Level of pixels that come from outside of a picture, and of those that are cut out."""
CHUNK = 64
"""Pictures that are moved at once, few enough for the numbers of their pixels to stay in the cache."""
_ONE = 1 << 16
"""1 in fixed-point numbers."""


# --- place ------------------------------------------------------------------------------------------------------------


def flip(images: Tensor, which: Tensor) -> Tensor:
    """Pictures mirrored left to right where `which` [N] is true."""
    height, width = images.shape[2:]
    still = torch.zeros(len(images), dtype=torch.long, device=images.device)
    return _picked(images, _reflected(still, height), _mirrored(_reflected(still, width), which))


def reflect_crop(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Pictures moved by whole pixels, so that what is moved in is a mirror image of what is beside it.

    Args:
        images: [N, C, H, W].
        down, right: [N] pixels by which the window moves, each less than the picture's side.
    """
    height, width = images.shape[2:]
    if int(down.abs().max()) >= height or int(right.abs().max()) >= width:
        raise GlassbookError(f"a window over {height} x {width} pixels cannot move by its side; move it by less")
    return _picked(images, _reflected(down, height), _reflected(right, width))


def _reflected(by: Tensor, side: int) -> Tensor:
    """Which rows or columns [N, side] a window shows that moves by `by` [N] over a picture and its mirror images."""
    place = (torch.arange(side, device=by.device) + by[:, None]).abs_()
    return (place - (side - 1)).abs_().neg_().add_(side - 1)


def _mirrored(column: Tensor, which: Tensor) -> Tensor:
    """Columns [N, W] counted from the right where `which` [N] is true."""
    return column.where(~which[:, None], column.shape[1] - 1 - column)


def _picked(images: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """New pictures, whose pixel (y, x) is the one in row [N, H] y and column [N, W] x."""
    out, width = torch.empty_like(images), images.shape[3]
    for part, rows, columns, to in zip(*(t.split(CHUNK) for t in (images, row, column, out)), strict=True):
        _gather(part, torch.add(columns[:, None], rows[..., None], alpha=width), to)
    return out


def _gather(images: Tensor, at: Tensor, out: Tensor) -> None:
    """Write into `out` [N, C, H, W] the pixels `at` [N, H, W], numbered row by row, of `images` [N, C, ., .]."""
    n, c = images.shape[:2]
    torch.gather(images.flatten(2), 2, at.reshape(n, 1, -1).expand(-1, c, -1), out=out.view(n, c, -1))


def cutout(images: Tensor, row: Tensor, column: Tensor, side: Tensor, fill: int = FILL) -> Tensor:
    """Pictures with a square filled, the part of it that lies inside.

    Args:
        images: [N, C, H, W].
        row, column: [N] upper left pixel of the square; it may lie outside.
        side: [N] pixels of its sides; 0 fills nothing.
        fill: level of the filled pixels.

    Source: DeVries and Taylor 2017, arXiv:1708.04552.
    """

    return _fill(images.clone(), row, column, side, fill)


def _fill(images: Tensor, row: Tensor, column: Tensor, side: Tensor, fill: int = FILL) -> Tensor:
    """`cutout` in place, in operations on bytes: far faster than a choice by a mask."""

    def between(length: int, start: Tensor) -> Tensor:
        at = torch.arange(length, device=images.device)
        return (at >= start[:, None]) & (at < (start + side)[:, None])

    rows, columns = between(images.shape[2], row), between(images.shape[3], column)
    inside = (rows[:, :, None] & columns[:, None, :])[:, None].view(torch.uint8).neg()  # 255 or 0
    return images.bitwise_and_(~inside).bitwise_or_(inside & fill)


def affine(images: Tensor, matrix: Tensor, fill: int = FILL) -> Tensor:
    """Affine resampling of pictures: pixel (x, y) is the one at (a x + b y + c, d x + e y + f), `fill` outside.

    Args:
        images: [N, C, H, W], sides up to 8,192.
        matrix: [N, 6], a to f, as `Image.transform` takes them.
        fill: level of what lies outside.
    """
    c, height, width = images.shape[1:]
    # Places are counted from the middle of pixels, and by one more for a border of fill.
    numbers = matrix.double().view(-1, 2, 3)
    middle = numbers[:, :, 2] + numbers[:, :, :2].sum(2) / 2 + 1
    fixed = (torch.cat([matrix, middle], 1) * _ONE + 0.5).floor_().to(torch.int32)
    used = fixed.any(0).tolist()
    x = torch.arange(width, dtype=torch.int32, device=images.device)
    y = torch.arange(height, dtype=torch.int32, device=images.device)[:, None]
    out = torch.empty_like(images)
    for part, numbers, to in zip(images.split(CHUNK), fixed.split(CHUNK), out.split(CHUNK), strict=True):
        a, b, _, d, e, _, start_x, start_y = numbers.T[..., None, None].unbind()
        column = _places(start_x, ((a, x), (b, y)), used[:2], width)
        row = _places(start_y, ((d, x), (e, y)), used[3:5], height)
        framed = images.new_full((len(part), c, height + 2, width + 2), fill)
        framed[:, :, 1:-1, 1:-1] = part
        at = torch.add(column, row, alpha=width + 2).expand(-1, height, width)
        _gather(framed, at.long(), to)
    return out


def _places(start: Tensor, steps: Sequence[tuple[Tensor, Tensor]], used: Sequence[bool], side: int) -> Tensor:
    """Which row or column of a picture with a border of 1 each pixel comes from, to be broadcast to [N, H, W].

    Args:
        start: where the first pixel comes from, as all here in fixed-point numbers [N, 1, 1].
        steps: how far that moves from pixel to pixel, and the numbers of the pixels.
        used: whether a step is not 0 everywhere.
        side: of the picture.
    """
    place = start
    for (step, number), moves in zip(steps, used, strict=True):
        if moves:
            place = torch.addcmul(place, step, number)
    return (place >> 16).clamp_(0, side + 1)


def _matrix(n: int, **entries: Tensor) -> Tensor:
    """[n, 6]: the identity but for the entries given by name, a to f."""
    rows = torch.tensor([1.0, 0, 0, 0, 1, 0], dtype=torch.float64).repeat(n, 1)
    for name, values in entries.items():
        rows[:, "abcdef".index(name)] = values.double()
    return rows


def rotation(degrees: Tensor, height: int, width: int) -> Tensor:
    """Matrices that turn pictures counter-clockwise about their middle."""
    angle = -degrees.double() * math.pi / 180
    cos, sin, x, y = angle.cos(), angle.sin(), width / 2, height / 2
    shift = {"c": x - cos * x - sin * y, "f": y + sin * x - cos * y}
    return _matrix(len(degrees), a=cos, b=sin, d=-sin, e=cos, **shift)


def shear_x(by: Tensor, height: int, width: int) -> Tensor:
    """Matrices that shift rows by a share of how far down they are."""
    return _matrix(len(by), b=by)


def shear_y(by: Tensor, height: int, width: int) -> Tensor:
    """Matrices that shift columns by a share of how far to the right they are."""
    return _matrix(len(by), d=by)


def translate_x(by: Tensor, height: int, width: int) -> Tensor:
    """Matrices that move pictures to the left by a share of their width, to whole pixels."""
    return _matrix(len(by), c=(by * width).trunc())


def translate_y(by: Tensor, height: int, width: int) -> Tensor:
    """Matrices that move pictures up by a share of their height, to whole pixels."""
    return _matrix(len(by), f=(by * height).trunc())


# --- levels -----------------------------------------------------------------------------------------------------------


def identity(images: Tensor, by: Tensor) -> Tensor:
    """The pictures."""
    return images


def autocontrast(images: Tensor, by: Tensor) -> Tensor:
    """Pictures whose channels are stretched from 0 to 255 each; one of a single level stays."""
    low, high = (level.float()[..., None, None] for level in images.flatten(2).aminmax(dim=2))
    # A single level is "stretched" by 1 from 0.
    scale = torch.where(high > low, 255 / (high - low), 1.0)
    return images.float().sub_(torch.where(high > low, low, 0.0)).mul_(scale).add_(1e-4).clamp_(0, 255).byte()


def equalize(images: Tensor, by: Tensor) -> Tensor:
    """Pictures in whose channels each level is about as frequent as every other."""
    n, c = images.shape[:2]
    # Each channel of each picture has 256 counters of its own.
    first = torch.arange(0, 256 * n * c, 256, dtype=torch.int32, device=images.device)[:, None]
    flat = images.reshape(n * c, -1) + first
    counts = torch.bincount(flat.flatten(), minlength=256 * n * c).view(n * c, 256)
    top = images.reshape(n * c, -1).amax(1, keepdim=True)
    step = (flat.shape[1] - counts.gather(1, top.long())) // 255
    before = counts.cumsum(1) - counts
    levels = ((before + step // 2) // step.clamp(min=1)).clamp_(max=255)
    levels = torch.where(step > 0, levels, torch.arange(256, device=images.device))
    return levels.byte().flatten().index_select(0, flat.flatten()).view(images.shape)


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Pictures whose levels from a threshold on (0 to 256) are inverted."""
    level = threshold.ceil().short()[:, None, None, None]
    inverted = (level - 1 - images) >> 15  # the sign: -1 from the threshold on, else 0
    return images ^ inverted.to(torch.uint8)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Pictures with so many of the 8 bits of each level (as whole numbers, 1 to 8)."""
    mask = (0xFF << (8 - bits.long())) & 0xFF
    return images & mask.byte()[:, None, None, None]


def color(images: Tensor, factor: Tensor) -> Tensor:
    """Pictures between grey (factor 0) and themselves (1), or beyond."""
    return _blend(grey(images).float(), images, factor)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Pictures between their mean grey (factor 0) and themselves (1), or beyond."""
    mean = (grey(images).flatten(1).float().mean(1) + 0.5).floor()
    return _blend(mean[:, None, None, None], images, factor)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Pictures between black (factor 0) and themselves (1), or beyond."""
    return images.float().mul_(factor.float()[:, None, None, None]).clamp_(0, 255).byte()


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Pictures between a smoothed copy (factor 0) and themselves (1), or beyond; their border stays."""
    x = images.short()
    rows = x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]
    around = (rows[..., :-2] + rows[..., 1:-1]).add_(rows[..., 2:]).add_(x[:, :, 1:-1, 1:-1], alpha=4)
    inside = images[:, :, 1:-1, 1:-1]
    out = images.clone()
    out[:, :, 1:-1, 1:-1] = _blend(around.float().mul_(1 / 13).add_(0.5).floor_(), inside, factor)
    return out


def _blend(other: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    """other + factor (images - other), cut off to whole levels as Pillow does."""
    x = (images.float() - other).mul_(factor.float()[:, None, None, None]).add_(other)
    return x.clamp_(0, 255).byte()


# --- policies ---------------------------------------------------------------------------------------------------------


class Op(NamedTuple):
    """An operation, and the range that its parameter is drawn from: on levels, or by matrices for `affine`."""

    low: float
    high: float
    levels: Callable[[Tensor, Tensor], Tensor] | None = None
    matrices: Callable[[Tensor, int, int], Tensor] | None = None

    def apply(self, images: Tensor, by: Tensor) -> Tensor:
        """Pictures [N, 3, H, W] changed, each by its parameter [N]."""
        if self.levels is not None:
            return self.levels(images, by)
        assert self.matrices is not None
        return affine(images, self.matrices(by, *images.shape[2:]))


OPS: dict[str, Op] = {
    "identity": Op(0, 0, identity),
    "autocontrast": Op(0, 0, autocontrast),
    "equalize": Op(0, 0, equalize),
    "solarize": Op(0, 256, solarize),
    "color": Op(0.05, 0.95, color),
    "posterize": Op(4, 8, posterize),
    "contrast": Op(0.05, 0.95, contrast),
    "brightness": Op(0.05, 0.95, brightness),
    "sharpness": Op(0.05, 0.95, sharpness),
    "rotate": Op(-30, 30, matrices=rotation),
    "shear_x": Op(-0.3, 0.3, matrices=shear_x),
    "shear_y": Op(-0.3, 0.3, matrices=shear_y),
    "translate_x": Op(-0.3, 0.3, matrices=translate_x),
    "translate_y": Op(-0.3, 0.3, matrices=translate_y),
}
"""The fourteen operations with the ranges of FixMatch (Sohn et al. 2020, arXiv:2001.07685, table 12)."""
MARGIN = 0.125
"""Share of a side by which a weak augmentation moves a picture at most."""
CUT = 0.5
"""Share of a side that the square of a strong augmentation has at most."""


def randaugment(images: Tensor, generator: torch.Generator, ops: int = 2) -> Tensor:
    """Each picture by some of `OPS`, one after the other, all drawn for it alone.

    Args:
        images: bytes [N, 3, H, W].
        generator: of the draws; on the CPU.
        ops: operations for a picture.

    Source: Cubuk et al. 2019, arXiv:1909.13719; with strengths drawn from a range, as FixMatch does.
    """
    _check(images)
    return _augmented(images.clone(), generator, ops)


def _augmented(images: Tensor, generator: torch.Generator, ops: int) -> Tensor:
    """`randaugment` in place."""
    for _ in range(ops):
        which = torch.randint(len(OPS), (len(images),), generator=generator)
        images = _by_ops(images, which, torch.rand(len(images), generator=generator))
    return images


def _by_ops(images: Tensor, which: Tensor, strength: Tensor) -> Tensor:
    """Each picture by one operation, `which` [N] of `OPS`, its parameter at `strength` [N] of the range, in place.

    Pictures of one operation are changed together.
    """
    operations = list(OPS.values())
    low, high = (torch.tensor([getattr(op, end) for op in operations])[which] for end in ("low", "high"))
    by = (low + (high - low) * strength).to(images.device)
    order = which.argsort()
    counts, words = which.bincount(minlength=len(operations)).tolist(), _words(images)
    for op, rows in zip(operations, order.to(images.device).split(counts), strict=True):
        if len(rows) and op.levels is not identity:
            changed = op.apply(images.index_select(0, rows), by[rows])
            words.index_copy_(0, rows, _words(changed))
    return images


def _words(images: Tensor) -> Tensor:
    """Pictures as [N, numbers], of 8 bytes each if they can be cut so: these are copied faster."""
    flat = images.reshape(len(images), -1)
    return flat.view(torch.int64) if flat.shape[1] % 8 == 0 else flat


def weak(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture mirrored or not, and moved by up to an eighth of its side."""
    _check(images)
    n, (height, width) = len(images), images.shape[2:]
    mirrored = (torch.rand(n, generator=generator) < 0.5).to(images.device)
    down, right = (
        torch.randint(-round(MARGIN * side), round(MARGIN * side) + 1, (n,), generator=generator).to(images.device)
        for side in (height, width)
    )
    return _picked(images, _reflected(down, height), _mirrored(_reflected(right, width), mirrored))


def strong(images: Tensor, generator: torch.Generator, ops: int = 2) -> Tensor:
    """Each picture weakly augmented, then by `ops` operations of RandAugment, then with a square of it filled."""
    images = _augmented(weak(images, generator), generator, ops)
    n, (height, width) = len(images), images.shape[2:]
    share, down, right = torch.rand(3, n, generator=generator)
    side = (CUT * share * min(height, width)).long()
    row, column = (down * height).long() - side // 2, (right * width).long() - side // 2
    return _fill(images, row.to(images.device), column.to(images.device), side.to(images.device))


def _check(images: Tensor) -> None:
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
        kind = str(images.dtype).removeprefix("torch.")
        raise GlassbookError(f"pictures to augment are bytes (uint8) [N, 3, H, W]; got {kind} {tuple(images.shape)}")
