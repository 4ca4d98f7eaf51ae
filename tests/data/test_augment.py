"""Augmentation: each operation as Pillow does it, and what the policies draw."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from glassbook.data import augment
from glassbook.errors import GlassbookError

SIZES = [(32, 32), (17, 40), (64, 33)]


def pictures(n: int, height: int, width: int) -> Tensor:
    """Smooth and rough pictures, dark ones, one of a single level and one of two."""
    g = torch.Generator().manual_seed(0)
    images = torch.randint(256, (n, 3, height, width), generator=g)
    images[0] = torch.arange(width)[None, None] * 255 // width
    images[1] //= 5
    images[2] = 77
    images[3] = torch.where(images[3] < 128, 40, 200)
    return images.to(torch.uint8)


def pillow(image: Tensor, op: str, by: float) -> np.ndarray:
    """What Pillow makes of a picture [3, H, W], as [H, W, 3]."""
    from PIL import Image, ImageEnhance, ImageOps

    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    fill = (augment.FILL,) * 3

    def affine(*matrix: float):
        return picture.transform(picture.size, Image.Transform.AFFINE, matrix, fillcolor=fill)

    ways = {
        "identity": lambda: picture,
        "autocontrast": lambda: ImageOps.autocontrast(picture),
        "equalize": lambda: ImageOps.equalize(picture),
        "rotate": lambda: picture.rotate(by, fillcolor=fill),
        "solarize": lambda: ImageOps.solarize(picture, by),
        "color": lambda: ImageEnhance.Color(picture).enhance(by),
        "posterize": lambda: ImageOps.posterize(picture, int(by)),
        "contrast": lambda: ImageEnhance.Contrast(picture).enhance(by),
        "brightness": lambda: ImageEnhance.Brightness(picture).enhance(by),
        "sharpness": lambda: ImageEnhance.Sharpness(picture).enhance(by),
        "shear_x": lambda: affine(1, by, 0, 0, 1, 0),
        "shear_y": lambda: affine(1, 0, 0, by, 1, 0),
        "translate_x": lambda: affine(1, 0, math.trunc(by * picture.width), 0, 1, 0),
        "translate_y": lambda: affine(1, 0, 0, 0, 1, math.trunc(by * picture.height)),
    }
    return np.asarray(ways[op]())


@pytest.mark.parametrize("op", augment.OPS)
@pytest.mark.parametrize("size", SIZES)
def test_each_operation_is_that_of_pillow(op, size):
    """Within one level everywhere; where a pixel comes from, exactly."""
    pytest.importorskip("PIL")
    images = pictures(24, *size)
    by = torch.linspace(augment.OPS[op].low, augment.OPS[op].high, 24)
    if op in ("color", "contrast", "brightness", "sharpness"):
        by = torch.linspace(0, 1.9, 24)  # beyond themselves too
    got = augment.OPS[op].apply(images, by).permute(0, 2, 3, 1).numpy()
    want = np.stack([pillow(image, op, float(v)) for image, v in zip(images, by, strict=True)])
    assert got.dtype == np.uint8
    assert int(np.abs(got.astype(int) - want.astype(int)).max()) <= 1
    moves = ("identity", "rotate", "solarize", "posterize", "shear_x", "shear_y", "translate_x", "translate_y")
    if op in moves:
        assert np.array_equal(got, want)


def test_there_are_fourteen():
    assert len(augment.OPS) == 14


def test_pictures_are_mirrored_where_it_is_said():
    images = pictures(5, 6, 8)
    out = augment.flip(images, torch.tensor([True, False, True, False, False]))
    assert torch.equal(out[0], images[0].flip(-1))
    assert torch.equal(out[1], images[1])
    assert torch.equal(augment.flip(out, torch.tensor([True, False, True, False, False])), images)


@pytest.mark.parametrize("size", SIZES)
def test_a_crop_of_the_picture_with_its_mirror_images_around(size):
    images = pictures(6, *size)
    down, right = torch.tensor([0, 3, -3, 4, -4, 1]), torch.tensor([0, -2, 2, 4, -4, 0])
    out = augment.reflect_crop(images, down, right)
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (4, 4), (4, 4)), mode="reflect")
    for i, (y, x) in enumerate(zip(down.tolist(), right.tolist(), strict=True)):
        assert np.array_equal(out[i], padded[i, :, 4 + y : 4 + y + size[0], 4 + x : 4 + x + size[1]])


def test_a_window_does_not_leave_the_picture():
    with pytest.raises(GlassbookError, match="by less"):
        augment.reflect_crop(pictures(4, 6, 8), torch.full((4,), 6), torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize(("row", "column", "side"), [(2, 3, 4), (-2, 5, 4), (30, 30, 9), (0, 0, 0), (5, -9, 3)])
def test_a_square_is_cut_out_as_pillow_draws_it(row, column, side):
    drawing = pytest.importorskip("PIL.ImageDraw")
    from PIL import Image

    images = pictures(4, 32, 32)
    out = augment.cutout(images, *(torch.full((4,), v) for v in (row, column, side)))
    for image, got in zip(images, out, strict=True):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        if side:
            corners = (column, row, column + side - 1, row + side - 1)
            drawing.Draw(picture).rectangle(corners, fill=(augment.FILL,) * 3)
        assert np.array_equal(got.permute(1, 2, 0), np.asarray(picture))


@pytest.mark.parametrize("policy", [augment.weak, augment.strong, augment.randaugment])
def test_a_policy_follows_its_generator_alone(policy):
    images = pictures(40, 32, 32)
    before = images.clone()
    first, again, other = (policy(images, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(images, before)
    assert (first.shape, first.dtype) == (images.shape, torch.uint8)


def test_a_batch_of_all_operations_is_each_picture_by_its_own():
    images, names = pictures(42, 32, 32), list(augment.OPS)
    which = torch.arange(42) % 14
    strength = torch.linspace(0, 1, 42)
    out = augment._by_ops(images.clone(), which, strength)
    for i, (n, share) in enumerate(zip(which.tolist(), strength.tolist(), strict=True)):
        op = augment.OPS[names[n]]
        by = torch.tensor([op.low + (op.high - op.low) * share])
        assert torch.equal(out[i : i + 1], op.apply(images[i : i + 1], by)), names[n]


def test_every_operation_is_drawn_about_equally_often(monkeypatch):
    drawn = torch.zeros(14, dtype=torch.long)

    def count(images: Tensor, which: Tensor, strength: Tensor) -> Tensor:
        drawn.add_(which.bincount(minlength=14))
        assert 0 <= float(strength.min()) < 0.01 < 0.99 < float(strength.max()) < 1
        return images

    monkeypatch.setattr(augment, "_by_ops", count)
    augment.randaugment(pictures(1400, 4, 4), torch.Generator().manual_seed(0), ops=3)
    assert int(drawn.sum()) == 3 * 1400
    assert 220 < int(drawn.min()) <= int(drawn.max()) < 380


@pytest.mark.parametrize("images", [torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 8, 8, dtype=torch.uint8)])
@pytest.mark.parametrize("policy", [augment.weak, augment.strong, augment.randaugment])
def test_other_pictures_are_refused(policy, images):
    with pytest.raises(GlassbookError, match=r"bytes \(uint8\)"):
        policy(images, torch.Generator())
