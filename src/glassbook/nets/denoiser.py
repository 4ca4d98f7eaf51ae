"""U-Net that takes noise from pictures: convolutions that halve them and double them again, with skip connections."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from glassbook.errors import GlassbookError


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig:
    """Sizes of a denoiser.

    Args:
        size: pixels of a side.
        channels: 1 for grey, 3 for colour.
        widths: channels at the full size, at half of it, at a quarter, and so on.
        mixing: units of a layer that sees the whole picture at its smallest size; 0 leaves it out.
        kept: share of the noisy picture that goes straight into the answer. The variance of clean pictures divided
            by that of noisy ones is the best share if nothing else is known.

    Raises:
        GlassbookError: sizes below 1, or a picture that cannot be halved so often.
    """

    size: int
    channels: int
    widths: tuple[int, ...]
    mixing: int
    kept: float

    def __post_init__(self) -> None:
        if not self.widths or min(self.size, self.channels, *self.widths) < 1 or self.mixing < 0:
            raise GlassbookError("size, channels and widths of a denoiser must be at least 1, mixing at least 0")
        if self.size % self.smaller:
            raise GlassbookError(f"pictures of {self.size} pixels cannot be halved {len(self.widths) - 1} times")

    @property
    def smaller(self) -> int:
        """How many times smaller the picture becomes."""
        return 2 ** (len(self.widths) - 1)


class Denoiser(nn.Module):
    """A clean picture from a noisy one: kept x + last(up(middle(mixing(down(first(x)))))), with skip connections.

    Modules: `first` and `last` at the full size, `down.{i}` to half the size, `mixing` of all places, `middle`, and
    `up.{i}` to twice the size, to whose output that of `down` of the same size is added.

    Source: U-Net, Ronneberger et al. 2015, arXiv:1505.04597; the share that is kept: Karras et al. 2022,
    arXiv:2206.00364, equation 7 (c_skip).
    """

    main_input_name = "pixel_values"

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        widths, smallest = config.widths, config.widths[-1]
        pairs = list(pairwise(widths))
        self.first = nn.Conv2d(config.channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairs)
        numbers = smallest * (config.size // config.smaller) ** 2
        self.mixing = (
            nn.Sequential(nn.Flatten(), nn.Linear(numbers, config.mixing), nn.ReLU(), nn.Linear(config.mixing, numbers))
            if config.mixing
            else None
        )
        self.middle = nn.Conv2d(smallest, smallest, 3, padding=1)
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 4, stride=2, padding=1) for a, b in reversed(pairs))
        self.last = nn.Conv2d(widths[0], config.channels, 3, padding=1)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Noisy pictures [B, C, H, W] -> clean ones of the same shape."""
        across = [F.relu(self.first(pixel_values))]
        for down in self.down:
            across.append(F.relu(down(across[-1])))
        h = across.pop()
        if self.mixing is not None:
            h = F.relu(h + self.mixing(h).view_as(h))
        h = F.relu(self.middle(h))
        for up in self.up:
            h = F.relu(up(h) + across.pop())
        return self.config.kept * pixel_values + self.last(h)
