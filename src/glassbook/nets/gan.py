"""Generative adversarial networks: a generator and a discriminator, for points in the plane and for pictures.

The generator makes samples of noise; it is not an encoder, and nothing is decoded from an input. The discriminator
gives a logit: how much more likely a sample is real than made.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassbook.errors import GlassbookError


@dataclass(frozen=True, kw_only=True)
class GANConfig:
    """Sizes of a GAN of pictures: pixels of a side, channels, dimensions of the noise, channels of a convolution.

    Raises:
        GlassbookError: a size below 1, or pictures that cannot be halved twice.
    """

    size: int = 28
    channels: int = 1
    noise: int = 64
    width: int = 32

    def __post_init__(self) -> None:
        for name in ("size", "channels", "noise", "width"):
            if getattr(self, name) < 1:
                raise GlassbookError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.size % 4:
            raise GlassbookError(f"pictures of {self.size} pixels cannot be halved twice; choose a multiple of 4")


class GAN(nn.Module):
    """A generator and a discriminator that are trained against each other.

    Modules: `generator`, from noise [B, noise] to samples; `discriminator`, from samples to logits [B].

    Args:
        generator, discriminator: the networks.
        noise: dimensions of the noise.
        config: sizes of a GAN of pictures, with which it is saved; None of any other.

    Source: Goodfellow et al. 2014, arXiv:1406.2661.
    """

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, noise: int, config: GANConfig | None = None
    ) -> None:
        super().__init__()
        self.generator, self.discriminator, self.noise, self.config = generator, discriminator, noise, config

    def forward(self, n: int) -> Tensor:
        """n samples."""
        return self.decode(torch.randn(n, self.noise, device=next(self.generator.parameters()).device))

    def decode(self, codes: Tensor) -> Tensor:
        """The samples of noise [B, noise]."""
        return self.generator(codes)


def points_gan(noise: int = 2, width: int = 128) -> GAN:
    """A GAN of points in the plane: two hidden layers on both sides."""

    def layers(before: int, after: int) -> list[nn.Module]:
        return [nn.Linear(before, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, after)]

    return GAN(nn.Sequential(*layers(noise, 2)), nn.Sequential(*layers(2, 1), nn.Flatten(0)), noise)


def pictures_gan(size: int = 28, channels: int = 1, noise: int = 64, width: int = 32) -> GAN:
    """A GAN of pictures with values from -1 to 1, in strided convolutions; `size` is a multiple of 4.

    The discriminator has no batch normalisation, so that the penalty of a picture's gradient is its own.

    Source: Radford et al. 2016, arXiv:1511.06434.
    """
    config, side = GANConfig(size=size, channels=channels, noise=noise, width=width), size // 4
    generator = nn.Sequential(
        nn.Linear(noise, 4 * width * side**2), nn.Unflatten(1, (4 * width, side, side)), nn.BatchNorm2d(4 * width),
        nn.ReLU(), nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1), nn.BatchNorm2d(2 * width),
        nn.ReLU(), nn.ConvTranspose2d(2 * width, channels, 4, stride=2, padding=1), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(channels, 2 * width, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Flatten(),
        nn.Linear(4 * width * side**2, 1), nn.Flatten(0),
    )  # fmt: skip
    return GAN(generator, discriminator, noise, config)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """The non-saturating loss: minus the mean log-probability that made samples [B] are taken for real."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Minus the mean log-probability of telling real [B] and made [B] samples apart."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(discriminator: nn.Module, real: Tensor) -> Tensor:
    """Half the mean squared gradient of the logits at real samples [B, ...]; multiply it by gamma.

    Source: Mescheder et al. 2018, arXiv:1801.04406, equation 9.
    """
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return 0.5 * gradient.flatten(1).square().sum(1).mean()


def gradient_penalty(discriminator: nn.Module, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """Mean squared deviation from 1 of the gradient's norm between real and made samples, of a Wasserstein GAN.

    Source: Gulrajani et al. 2017, arXiv:1704.00028, equation 3.
    """
    share = torch.rand(len(real), *[1] * (real.dim() - 1), generator=generator, device=real.device)
    between = (fake + share * (real - fake)).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()
