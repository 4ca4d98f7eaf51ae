"""The rivals of a denoising autoencoder are what they are called, and at their best."""

import pytest
import torch

from glassbook.experiments.latent._filters import filtered
from glassbook.measure.reconstruction import psnr


@pytest.fixture(scope="module")
def normal():
    """Pictures of 5 x 5 pixels whose values are normal with a known covariance: (train, dev, test, covariance)."""
    generator = torch.Generator().manual_seed(0)
    root = 0.04 * torch.randn(25, 25, generator=generator)
    draw = [(torch.randn(n, 25, generator=generator) @ root.T + 0.5).view(n, 1, 5, 5) for n in (20_000, 500, 2000)]
    return (*draw, root @ root.T)


def test_the_linear_filter_is_wieners(normal):
    train, dev, test, covariance = normal
    sigma, generator = 0.2, torch.Generator().manual_seed(1)
    noisy_dev, noisy = (x + sigma * torch.randn(x.shape, generator=generator) for x in (dev, test))
    found = filtered(train, (dev, noisy_dev), noisy, sigma)
    gain = covariance @ torch.linalg.inv(covariance + sigma**2 * torch.eye(25))
    expected = ((noisy.flatten(1) - 0.5) @ gain.T + 0.5).view_as(test)
    assert (found["linear"] - expected).abs().max() < 0.02
    assert psnr(test, found["linear"]) > max(psnr(test, found[name]) for name in ("blur", "components"))


def test_without_noise_nothing_is_lost(normal):
    train, dev, test, _ = normal
    found = filtered(train, (dev, dev), test, 0.0)
    assert (found["linear"] - test).abs().max() < 1e-3
    assert psnr(test, found["components"]) > psnr(test, train.mean(0).expand_as(test)) + 6


def test_blur_keeps_flat_pictures_and_takes_noise_from_smooth_ones():
    ramp = torch.linspace(0, 1, 20).expand(300, 1, 20, 20) * torch.rand(
        300, 1, 1, 1, generator=torch.Generator().manual_seed(2)
    )
    noisy = ramp + 0.2 * torch.randn(ramp.shape, generator=torch.Generator().manual_seed(3))
    found = filtered(ramp, (ramp[:100], noisy[:100]), noisy, 0.2)
    assert psnr(ramp, found["blur"]) > psnr(ramp, noisy) + 6
    flat = torch.full((50, 1, 20, 20), 0.3)
    assert (filtered(ramp, (ramp[:50], ramp[:50]), flat, 0.0)["blur"] - 0.3).abs().max() < 1e-5
