"""A model of pictures together with what it needs to read them: their size, its normalisation, its classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from glassbook.data.pictures import fit_pictures, open_picture
from glassbook.errors import GlassbookError
from glassbook.nets.devices import input_device

Task = Literal["classify", "autoencode", "generate"]
"""What a model of pictures does: name their class, give them back from a code, or make them of noise."""
LARGEST = 4096
"""Pixels of a side beyond which a picture is refused."""


@dataclass(frozen=True)
class PictureModel:
    """A model of pictures, side by side with what `batch` needs; the module stays what it is.

    Args:
        model: a module that takes `pixel_values` [B, C, H, W]: one of `nets`, or any that gives logits or pictures.
        name: what it was opened as.
        task: what it does.
        size: pixels of a side of the square pictures that it takes.
        channels: 1 for grey, 3 for colour.
        classes: what the logits of a classifier stand for, in their order.
        mean, std: of each channel; pixels from 0 to 1 are normalised by them, and those that are decoded are put back.

    Raises:
        GlassbookError: sizes that no picture has, or a classifier without classes.
    """

    model: nn.Module
    name: str
    task: Task
    size: int
    channels: int
    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        # Without a wish pixels stay as they are, from 0 to 1.
        object.__setattr__(self, "mean", tuple(self.mean) or (0.0,) * self.channels)
        object.__setattr__(self, "std", tuple(self.std) or (1.0,) * self.channels)
        if not 1 <= self.size <= LARGEST or self.channels not in (1, 3):
            raise GlassbookError(
                f"{self.name}: pictures of {self.size} pixels and {self.channels} channels; a size from 1 to {LARGEST} "
                "and 1 or 3 channels are possible"
            )
        if len(self.mean) != self.channels or len(self.std) != self.channels or not all(s > 0 for s in self.std):
            raise GlassbookError(
                f"{self.name}: mean and std need a number for each of {self.channels} channels, std > 0"
            )
        if self.task == "classify" and not self.classes:
            raise GlassbookError(f"{self.name} is a classifier without the names of its classes; give them")

    @property
    def device(self) -> torch.device:
        """Where the model's inputs belong."""
        return input_device(self.model)

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the model's weights."""
        return next((p.dtype for p in self.model.parameters() if p.is_floating_point()), torch.float32)

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(p.numel() for p in self.model.parameters())

    @property
    def blocks(self) -> list[str]:
        """Names of its repeated blocks, "blocks.0" and on; [] of a network without any."""
        return [name for name, _ in self.model.named_modules() if re.fullmatch(r"blocks\.\d+", name)]

    @property
    def latents(self) -> int:
        """Dimensions of the code that `decode` takes; 0 of a classifier."""
        if self.task == "classify":
            return 0
        model: Any = self.model
        return int(model.noise if self.task == "generate" else model.config.code)

    def view(self, images: Tensor | Sequence[str | Path]) -> Tensor:
        """Pictures as the model sees them, bytes [N, channels, size, size].

        Pictures of another size are scaled by their shorter side, and their middle is cut out.

        Args:
            images: bytes [N, C, H, W], grey or coloured, or paths of files.

        Raises:
            GlassbookError: no picture, a file that cannot be read, other numbers than bytes, or a model that reads
                none.
        """
        if self.task == "generate":
            raise GlassbookError(f"{self.name} makes pictures of noise and reads none; give codes to decode")
        if not isinstance(images, Tensor):
            if not images:
                raise GlassbookError("there is no picture; give at least one")
            images = torch.stack([open_picture(Path(path), self.size) for path in images])
        return fit_pictures(images, self.size, self.channels)

    def batch(self, images: Tensor | Sequence[str | Path]) -> dict[str, Tensor]:
        """Pictures, as `view` takes them, as inputs {"pixel_values": [N, C, size, size]}: `model(**batch)`."""
        pixels = self.view(images).to(self.device)
        mean, std = self._scale()
        return {"pixel_values": ((pixels.float() / 255 - mean) / std).to(self.dtype)}

    def example(self) -> dict[str, Any]:
        """Inputs of one call, such as sites are found with: a grey picture, or one sample."""
        if self.task == "generate":
            return {"n": 1}
        return self.batch(torch.full((1, self.channels, self.size, self.size), 128, dtype=torch.uint8))

    @torch.no_grad()
    def probabilities(self, images: Tensor | Sequence[str | Path]) -> Tensor:
        """Probability of each class, [N, classes]; GlassbookError for a model that does not classify."""
        if self.task != "classify":
            raise GlassbookError(f"{self.name} knows no classes; it can {self.task}")
        return self.model(**self.batch(images)).float().softmax(1)

    @torch.no_grad()
    def encode(self, images: Tensor | Sequence[str | Path]) -> Tensor:
        """The codes of pictures, [N, latents]; GlassbookError for a model without codes of pictures."""
        if self.task != "autoencode":
            raise GlassbookError(f"{self.name} has no code for a picture; it can {self.task}")
        return cast(Any, self.model).encode(**self.batch(images))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """The pictures of codes [N, latents], bytes [N, C, size, size].

        Raises:
            GlassbookError: a model that decodes nothing, or codes of another width or with numbers that are not finite.
        """
        if self.task == "classify":
            raise GlassbookError(f"{self.name} classifies pictures and makes none")
        if codes.dim() != 2 or codes.shape[1] != self.latents or not bool(codes.isfinite().all()):
            raise GlassbookError(
                f"codes of {self.name} are finite numbers [N, {self.latents}]; these are {tuple(codes.shape)}"
            )
        mean, std = self._scale()
        pixels = cast(Any, self.model).decode(codes.to(self.device, self.dtype)).float() * std + mean
        return (pixels * 255).round().clamp(0, 255).to(torch.uint8)

    def reconstruct(self, images: Tensor | Sequence[str | Path]) -> Tensor:
        """The pictures of the codes of pictures, bytes [N, C, size, size]."""
        return self.decode(self.encode(images))

    def _scale(self) -> tuple[Tensor, Tensor]:
        """`mean` and `std` in the shape [C, 1, 1]."""
        mean, std = (torch.tensor(values, device=self.device)[:, None, None] for values in (self.mean, self.std))
        return mean, std
