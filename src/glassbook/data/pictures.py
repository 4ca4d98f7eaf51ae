"""Real pictures: MNIST and its kin, CIFAR-10, and folders of photographs.

Pictures are bytes in torch, [N, channels, height, width]; labels count from 0.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glassbook.data import registry
from glassbook.errors import GlassbookError, extra
from glassbook.notebook.pictures import png

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
"""Endings of the files that `open_folder` reads."""
MOST_PIXELS = 100_000_000
"""A picture with more is refused before it is unpacked."""


def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 classes of ImageNet-1k in the order of its synsets, by their first names in WordNet."""
    return tuple(package_files("glassbook.data").joinpath("imagenet_classes.txt").read_text("utf-8").splitlines())


class Pictures(NamedTuple):
    """Labelled pictures: bytes [N, C, H, W], labels [N], and what each label means."""

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]


def mnist(part: str = "train") -> Pictures:
    """MNIST: 60,000 digits to train on ("train"), 10,000 to test on ("test"), [N, 1, 28, 28]."""
    prefix = {"train": "train", "test": "t10k"}[part]
    return _idx_pictures("mnist", f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz", DIGITS)


def fashion_900() -> Pictures:
    """900 pictures of Fashion-MNIST, 90 of each class, [900, 1, 28, 28]."""
    return _idx_pictures("fashion-mnist-900", "images-idx3-ubyte.gz", "labels-idx1-ubyte.gz", CLOTHES)


def fashion(folder: Path, part: str = "train") -> Pictures:
    """Fashion-MNIST from the folder that `glassbook get fashion-mnist` brings."""
    prefix = {"train": "train", "test": "t10k"}[part]
    images, labels = (read_idx(folder / f"{prefix}-{name}-ubyte.gz") for name in ("images-idx3", "labels-idx1"))
    return _checked(images, labels, CLOTHES, str(folder))


def cifar10(part: str = "train") -> Pictures:
    """5,000 pictures of CIFAR-10, 4,000 to train on and 1,000 to test on, [N, 3, 32, 32]."""
    paths = registry.find("cifar10-subset").paths()
    told = json.loads(paths["labels.json"].read_text("utf-8"))
    names = [f"cifar10_batch_{i}.png" for i in ((0, 1, 2, 3) if part == "train" else (50,))]
    with extra("baselines"):
        from PIL import Image

    sheets = [np.asarray(Image.open(paths[name]).convert("RGB")) for name in names]
    images = torch.from_numpy(np.concatenate([sheet.reshape(-1, 32, 32, 3) for sheet in sheets]))
    labels = torch.tensor([label for name in names for label in told["labels"][name]])
    return _checked(images.permute(0, 3, 1, 2).contiguous(), labels, tuple(told["classes"]), "cifar10-subset")


def to_png(image: Tensor) -> bytes:
    """A picture, bytes [C, H, W] with 1 or 3 channels, as a PNG file."""
    _, height, width = image.shape
    return png(image.permute(1, 2, 0).contiguous().numpy().tobytes(), width, height)


def shuffled(n: int, batch_size: int, seed: int) -> Callable[[int], Tensor]:
    """step -> the numbers [batch_size] of that step's pictures: all n in a new order, again and again.

    Raises:
        GlassbookError: there are fewer pictures than a batch has.
    """
    if not 1 <= batch_size <= n:
        raise GlassbookError(f"a batch of {batch_size} cannot be drawn from {n} pictures; choose from 1 to {n}")
    steps = n // batch_size

    @lru_cache(maxsize=1)
    def order(epoch: int) -> Tensor:
        return torch.randperm(n, generator=torch.Generator().manual_seed((seed + epoch) % 2**63))

    return lambda step: order(step // steps)[step % steps * batch_size :][:batch_size]


def _idx_pictures(name: str, images: str, labels: str, classes: tuple[str, ...]) -> Pictures:
    paths = registry.find(name).paths()
    return _checked(read_idx(paths[images]), read_idx(paths[labels]), classes, name)


def _checked(images: Tensor, labels: Tensor, classes: tuple[str, ...], where: str) -> Pictures:
    images = images[:, None] if images.dim() == 3 else images
    if images.dim() != 4 or labels.shape != images.shape[:1]:
        raise GlassbookError(f"{where}: {tuple(images.shape)} pictures do not go with {tuple(labels.shape)} labels")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(classes):
        raise GlassbookError(f"{where}: there are {len(classes)} classes, and a label is {int(labels.max())}")
    return Pictures(images, labels.long(), classes)


def read_idx(path: Path) -> Tensor:
    """Bytes of an IDX file (MNIST's format), packed by gzip or not, in the shape that its header tells.

    Raises:
        GlassbookError: it is none, is cut off, or holds something else than bytes.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise GlassbookError(f"{path} cannot be read as IDX ({error}); download it again") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != 8:
        raise GlassbookError(f"{path} is no IDX file of bytes; give one that begins with 0 0 8, as those of MNIST do")
    head = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, head, 4)]
    if len(data) < head or len(data) - head != int(np.prod(shape, dtype=np.float64)):
        raise GlassbookError(f"{path} has {len(data) - head} bytes, not those of {shape}; download it again")
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=head).copy()).reshape(shape)


# --- folders of photographs -------------------------------------------------------------------------------------------


def open_folder(folder: Path, size: int) -> Pictures:
    """All pictures of a folder, [N, 3, size, size]; each subfolder is a class, and without any there is one class.

    Raises:
        GlassbookError: no pictures there, or one of them cannot be read (its name is told).
    """
    files = picture_files(folder)
    groups = [path.relative_to(folder).parts[0] if path.parent != folder else folder.name for path in files]
    classes = tuple(sorted(set(groups)))
    images = torch.stack([open_picture(path, size) for path in files])
    return Pictures(images, torch.tensor([classes.index(group) for group in groups]), classes)


def picture_files(folder: Path) -> list[Path]:
    """All files of a folder and those below it that end as pictures do, in order.

    Raises:
        GlassbookError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise GlassbookError(f"{folder} is no folder; give one that holds pictures")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise GlassbookError(f"there is no picture in {folder} ({', '.join(SUFFIXES)}); choose another folder")
    return files


def open_picture(path: Path, size: int | None = None) -> Tensor:
    """One picture as bytes [3, H, W], turned as its camera says, whatever its colours are stored as.

    Args:
        path: a file that Pillow reads.
        size: scale the shorter side to so many pixels and cut out the middle; None leaves it as it is.

    Raises:
        GlassbookError: it is no picture, is cut off, or is too large.
    """
    with extra("baselines"):
        from PIL import Image, ImageOps

    if path.exists() and not path.is_file():
        raise GlassbookError(f"{path} is no file that can be read as a picture; name one that is")
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise GlassbookError(
                    f"{path.name} has {opened.width} x {opened.height} pixels; make it smaller than {MOST_PIXELS:,}"
                )
            if size is not None:
                opened.draft("RGB", (2 * size, 2 * size))  # a JPEG is unpacked at a fraction of its size
            picture = ImageOps.exif_transpose(_in_colour(opened))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        raise GlassbookError(f"{path.name} cannot be read as a picture ({why}); remove or replace it") from error
    if size is not None:
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def fit_pictures(images: Tensor, size: int, channels: int) -> Tensor:
    """Pictures as bytes [N, channels, size, size]: the shorter side scaled, the middle cut out, colours made to fit.

    Args:
        images: bytes [N, C, H, W] with one channel (grey) or three.
        size: pixels of a side.
        channels: 1 or 3.

    Raises:
        GlassbookError: other axes, other numbers than bytes, or no picture.
    """
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        kind = str(images.dtype).removeprefix("torch.")
        raise GlassbookError(
            f"pictures are bytes (uint8) [N, 1 or 3, height, width], at least one; got {kind} {tuple(images.shape)}"
        )
    height, width = images.shape[2:]
    if (height, width) != (size, size):
        scale = size / min(height, width)
        scaled = (max(size, round(height * scale)), max(size, round(width * scale)))
        images = F.interpolate(images.float(), scaled, mode="bilinear", antialias=True).round().clamp(0, 255).byte()
        top, left = (scaled[0] - size) // 2, (scaled[1] - size) // 2
        images = images[:, :, top : top + size, left : left + size]
    if images.shape[1] == channels:
        return images
    return images.expand(-1, 3, -1, -1) if channels == 3 else grey(images)


def grey(images: Tensor) -> Tensor:
    """Luminance [N, 1, H, W] of pictures in colour, bytes [N, 3, H, W], by ITU-R 601 as Pillow rounds it."""
    red, green, blue = images.int().unbind(1)
    return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).to(torch.uint8)[:, None]


def _in_colour(picture: Any) -> Any:
    """In red, green and blue; 16-bit greys are scaled, transparency lies on white."""
    from PIL import Image

    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        levels = np.asarray(picture, dtype=np.float64)
        if not np.isfinite(levels).all():
            raise ValueError("it has pixels that are not finite numbers")
        top = max(float(levels.max(initial=0)), 255.0)
        colour = Image.fromarray((levels / top * 255).clip(0, 255).astype(np.uint8)).convert("RGB")
    elif "A" in picture.getbands() or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        colour = Image.new("RGB", clear.size, "white")
        colour.paste(clear, mask=clear.getchannel("A"))
    else:
        colour = picture.convert("RGB")
    if (turned := picture.getexif().get(0x0112)) is not None:
        colour.getexif()[0x0112] = turned
    return colour
