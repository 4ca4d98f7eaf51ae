"""Autoencoders of pictures: plain, denoising and variational, in convolutions or fully connected.

Read from top to bottom: the two halves, the autoencoder, the variational autoencoder. The code passes through a module
of its own, `code`, so that it is read, steered and made a dictionary of like any other site.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError


@dataclass(frozen=True, kw_only=True)
class PictureConfig:
    """Sizes of an autoencoder.

    Args:
        size: pixels of a side.
        channels: 1 for grey, 3 for colour.
        code: dimensions of the code.
        kind: "conv", or "mlp" with one hidden layer.
        width: channels of the first convolution, or units of the hidden layer.

    Raises:
        GlassbookError: a size below 1, or convolutions of a size that cannot be halved.
    """

    size: int
    channels: int
    code: int
    kind: Literal["conv", "mlp"] = "conv"
    width: int = 32

    def __post_init__(self) -> None:
        for name in ("size", "channels", "code", "width"):
            if getattr(self, name) < 1:
                raise GlassbookError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.kind == "conv" and self.size % 2**self.halvings:
            raise GlassbookError(
                f"pictures of {self.size} pixels cannot be halved {self.halvings} times; choose a multiple of "
                f"{2**self.halvings}"
            )

    @property
    def halvings(self) -> int:
        """How often convolutions halve the picture: until it has 4 to 8 pixels a side."""
        return max(0, math.ceil(math.log2(self.size / 8)))

    @property
    def pixels(self) -> int:
        """Numbers in a picture."""
        return self.channels * self.size**2


def encoder(c: PictureConfig) -> tuple[nn.Sequential, int]:
    """Layers from a picture [B, C, H, W] to features [B, n], and n."""
    if c.kind == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(c.pixels, c.width), nn.ReLU()), c.width
    layers: list[nn.Module] = []
    before, after = c.channels, c.width
    for _ in range(c.halvings):
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.ReLU()]
        before, after = after, 2 * after
    layers += [nn.Conv2d(before, before, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten()), before * (c.size // 2**c.halvings) ** 2


def decoder(c: PictureConfig) -> nn.Sequential:
    """Layers from a code [B, code] to a picture [B, C, H, W]; the last one is linear."""
    if c.kind == "mlp":
        return nn.Sequential(
            nn.Linear(c.code, c.width),
            nn.ReLU(),
            nn.Linear(c.width, c.pixels),
            nn.Unflatten(1, (c.channels, c.size, c.size)),
        )
    side, width = c.size // 2**c.halvings, c.width * 2 ** (c.halvings - 1) if c.halvings else c.width
    layers: list[nn.Module] = [nn.Linear(c.code, width * side**2), nn.ReLU(), nn.Unflatten(1, (width, side, side))]
    layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
    for i in range(c.halvings):
        last = i == c.halvings - 1
        after = c.channels if last else width // 2
        layers += [nn.ConvTranspose2d(width, after, 4, stride=2, padding=1), *([] if last else [nn.ReLU()])]
        width = after
    if not c.halvings:
        layers.append(nn.Conv2d(width, c.channels, 3, padding=1))
    return nn.Sequential(*layers)


class Autoencoder(nn.Module):
    """decoder(code(encoder(x))), a picture of x in values from 0 to 1 that may lie beyond.

    Modules: `encoder`, `to_code`, `code` (an identity, for hooks), `decoder`.

    Source: Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders".
    """

    main_input_name = "pixel_values"

    def __init__(self, config: PictureConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, features = encoder(config)
        self.to_code = nn.Linear(features, config.code)
        self.code = nn.Identity()
        self.decoder = decoder(config)

    def encode(self, pixel_values: Tensor) -> Tensor:
        """[B, C, H, W] -> codes [B, code]."""
        return self.code(self.to_code(self.encoder(pixel_values)))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes [B, code] -> [B, C, H, W]."""
        return self.decoder(codes)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """[B, C, H, W] -> its reconstruction of the same shape."""
        return self.decode(self.encode(pixel_values))


class Posterior(NamedTuple):
    """The distribution of a picture's code: normal, with means [B, code] and logarithms of variances [B, code]."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Codes, from standard normal noise of their shape [..., B, code]."""
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def kl(self) -> Tensor:
        """KL divergence from the standard normal of each dimension, nats, [B, code]."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance)


class VAE(nn.Module):
    """Variational autoencoder with a standard normal prior.

    Modules: `encoder`, `to_mean`, `to_log_variance`, `code` (an identity, for hooks), `decoder`. The decoder gives
    logits of a Bernoulli distribution of each pixel, or means of a normal one with the standard deviation `sigma`,
    which is learnt.

    Args:
        config: its sizes.
        pixels: the distribution of a pixel.

    Source: Kingma and Welling 2013, arXiv:1312.6114; the learnt sigma: Rybkin et al. 2021, arXiv:2006.13202.
    """

    main_input_name = "pixel_values"

    def __init__(self, config: PictureConfig, pixels: Literal["bernoulli", "normal"] = "bernoulli") -> None:
        super().__init__()
        self.config, self.pixels = config, pixels
        self.encoder, features = encoder(config)
        self.to_mean = nn.Linear(features, config.code)
        self.to_log_variance = nn.Linear(features, config.code)
        self.code = nn.Identity()
        self.decoder = decoder(config)
        self.log_sigma = nn.Parameter(torch.zeros(())) if pixels == "normal" else None

    def posterior(self, pixel_values: Tensor) -> Posterior:
        """The codes that a picture [B, C, H, W] may have."""
        features = self.encoder(pixel_values)
        return Posterior(self.to_mean(features), self.to_log_variance(features).clamp(-12, 8))

    def encode(self, pixel_values: Tensor) -> Tensor:
        """[B, C, H, W] -> mean codes [B, code]."""
        return self.code(self.posterior(pixel_values).mean)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes [B, code] -> expected pictures [B, C, H, W], 0 to 1."""
        out = self.decoder(codes)
        return out.sigmoid() if self.pixels == "bernoulli" else out.clamp(0, 1)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """[B, C, H, W] -> the expected picture of its mean code."""
        return self.decode(self.encode(pixel_values))

    def log_likelihood(self, pixel_values: Tensor, codes: Tensor) -> Tensor:
        """ln p(x | z) of each picture, nats, [B], summed over its pixels."""
        out = self.decoder(codes)
        if self.log_sigma is None:
            per_pixel = nn.functional.binary_cross_entropy_with_logits(out, pixel_values, reduction="none")
            return -per_pixel.flatten(1).sum(1)
        error = ((pixel_values - out) / self.log_sigma.exp()).square()
        return -(0.5 * error + self.log_sigma + 0.5 * math.log(2 * math.pi)).flatten(1).sum(1)

    def elbo(self, pixel_values: Tensor, noise: Tensor, beta: float | Tensor = 1.0) -> tuple[Tensor, Tensor, Tensor]:
        """Evidence lower bound of each picture with one sample of its code.

        Args:
            pixel_values: [B, C, H, W].
            noise: standard normal, [B, code].
            beta: weight of the KL divergence (Higgins et al. 2017); 1 is the bound itself.

        Returns:
            (bound [B], ln p(x | z) [B], KL divergence of each dimension [B, code]), nats.
        """
        posterior = self.posterior(pixel_values)
        likelihood = self.log_likelihood(pixel_values, self.code(posterior.sample(noise)))
        kl = posterior.kl()
        return likelihood - beta * kl.sum(1), likelihood, kl

    def iwae(self, pixel_values: Tensor, noise: Tensor) -> Tensor:
        """The importance-weighted bound with K samples, [B] nats: at least the ELBO, and at most ln p(x), on average.

        Args:
            pixel_values: [B, C, H, W].
            noise: standard normal, [K, B, code].

        Source: Burda et al. 2015, arXiv:1509.00519, equation 8.
        """
        posterior = self.posterior(pixel_values)
        weights = []
        for one in noise:
            codes = posterior.sample(one)
            prior = -0.5 * codes.square().sum(1)
            proposal = -0.5 * (one.square() + posterior.log_variance).sum(1)
            weights.append(self.log_likelihood(pixel_values, codes) + prior - proposal)
        return torch.stack(weights).logsumexp(0) - math.log(len(noise))
