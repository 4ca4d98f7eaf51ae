"""The rivals of a denoising autoencoder are what they are called, and at their best."""

import pytest
import torch

from glassbook.experiments.latent._filters import (
    BLURS,
    SHARES,
    THRESHOLDS,
    VARIATIONS,
    WIDTHS,
    PatchFilter,
    blurred,
    filtered,
    less_variation,
    mean_of_alike,
)
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
    share = found["linear"].setting
    gain = covariance @ torch.linalg.inv(covariance + (share * sigma) ** 2 * torch.eye(25))
    expected = ((noisy.flatten(1) - 0.5) @ gain.T + 0.5).view_as(test)
    assert share >= 0.9
    assert (found["linear"].pictures - expected).abs().max() < 0.02
    assert psnr(test, found["linear"].pictures) > max(
        psnr(test, found[name].pictures) for name in ("blur", "components")
    )


def test_without_noise_nothing_is_lost(normal):
    train, dev, test, _ = normal
    found = filtered(train, (dev, dev), test, 1e-4)
    assert (found["linear"].pictures - test).abs().max() < 1e-3
    assert psnr(test, found["components"].pictures) > psnr(test, train.mean(0).expand_as(test)) + 6


def test_blur_keeps_flat_pictures_and_takes_noise_from_smooth_ones():
    ramp = torch.linspace(0, 1, 20).expand(300, 1, 20, 20) * torch.rand(
        300, 1, 1, 1, generator=torch.Generator().manual_seed(2)
    )
    noisy = ramp + 0.2 * torch.randn(ramp.shape, generator=torch.Generator().manual_seed(3))
    found = filtered(ramp, (ramp[:100], noisy[:100]), noisy, 0.2)
    assert psnr(ramp, found["blur"].pictures) > psnr(ramp, noisy) + 6
    flat = torch.full((50, 1, 20, 20), 0.3)
    blurred = filtered(ramp, (ramp[:50], ramp[:50]), flat, 0.01)["blur"].pictures
    assert (blurred - 0.3).abs().max() < 1e-5


def test_each_setting_is_the_best_on_dev_pictures(normal):
    train, dev, test, _ = normal
    generator, sigma = torch.Generator().manual_seed(4), 0.2
    noisy_dev, noisy = (x + sigma * torch.randn(x.shape, generator=generator) for x in (dev, test))
    found = filtered(train, (dev, noisy_dev), noisy, sigma)
    patches = PatchFilter(train)
    known = {
        "blur": (blurred, BLURS),
        "total variation": (less_variation, VARIATIONS),
        "patches": (lambda x, threshold: patches(x, lambda parts: parts.abs() > threshold * sigma), THRESHOLDS),
        "linear patches": (lambda x, share: patches(x, lambda _: patches.wiener(share * sigma)), SHARES),
        "known pictures": (lambda x, width: mean_of_alike(x, train, width * sigma), WIDTHS),
    }
    for name, (apply, settings) in known.items():
        on_dev = {setting: psnr(dev, apply(noisy_dev, setting)) for setting in settings}
        assert found[name].setting == max(on_dev, key=on_dev.__getitem__), name
        assert torch.equal(found[name].pictures, apply(noisy, found[name].setting)), name


def test_total_variation_keeps_an_edge_and_shrinks_its_step_as_known():
    """Two halves of value 0 and 1: each is moved towards the other by weight x border / area, here weight / 8."""
    step = torch.zeros(1, 1, 16, 16)
    step[..., 8:] = 1
    after = less_variation(step, 0.2, steps=500)
    assert after[..., :8].flatten() == pytest.approx(0.2 / 8, abs=2e-3)
    assert after[..., 8:].flatten() == pytest.approx(1 - 0.2 / 8, abs=2e-3)


def test_total_variation_joins_channels_and_keeps_the_mean():
    noisy = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(5))
    after = less_variation(noisy, 0.3)
    assert after.mean((2, 3)) == pytest.approx(noisy.mean((2, 3)), abs=1e-5)

    def variation(x):
        across, up = x.diff(dim=-1)[..., :-1, :], x.diff(dim=-2)[..., :-1]
        return (across.square() + up.square()).sum(1).sqrt().sum()

    assert variation(after) < 0.2 * variation(noisy)


def test_the_mean_of_alike_pictures_is_one_of_them_for_little_noise_and_all_of_them_for_much():
    known = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(6))
    noisy = known[:5] + 0.01
    assert (mean_of_alike(noisy, known, 0.02) - known[:5]).abs().max() < 1e-4
    assert (mean_of_alike(noisy, known, 1e3) - known.mean(0)).abs().max() < 1e-4


def test_the_mean_of_alike_pictures_is_what_is_expected_of_two():
    """By Bayes' rule: known pictures 0 and 1, seen at .3 with noise of .5."""
    known = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    a, b = (torch.exp(torch.tensor(-((0.3 - x) ** 2) / (2 * 0.25))) for x in (0, 1))
    assert mean_of_alike(torch.full((1, 1, 1, 1), 0.3), known, 0.5).item() == pytest.approx((b / (a + b)).item())


def test_patches_keep_what_clean_pictures_have_and_lose_what_is_small():
    """Clean pictures are ramps, of two components; noise off them goes, and a ramp that is steep enough stays."""
    generator = torch.Generator().manual_seed(7)
    across = torch.linspace(0, 1, 12).expand(200, 1, 12, 12)
    slope, base = torch.rand(2, 200, 1, 1, 1, generator=generator) * 0.4 + 0.1
    clean = across * slope + base
    filter_ = PatchFilter(clean)
    noisy = clean + 0.05 * torch.randn(clean.shape, generator=generator)
    assert filter_.side == 8
    assert (filter_(clean, lambda _: torch.ones(64)) - clean).abs().max() < 1e-4
    for gains in (lambda parts: parts.abs() > 0.15, lambda _: filter_.wiener(0.05)):
        assert psnr(clean, filter_(noisy, gains)) > psnr(clean, noisy) + 12
    nothing_left = filter_(clean, lambda _: torch.zeros(64))
    assert (nothing_left - nothing_left[0]).abs().max() < 1e-6


def test_patches_of_small_pictures_are_the_whole_picture():
    clean = torch.rand(300, 3, 5, 6, generator=torch.Generator().manual_seed(8))
    filter_ = PatchFilter(clean)
    assert filter_.side == 5
    assert (filter_(clean[:4], lambda _: torch.ones(75)) - clean[:4]).abs().max() < 1e-4


def test_gains_of_patches_are_wieners():
    """Patches that are the whole picture make the linear filter of patches that of pictures."""
    generator = torch.Generator().manual_seed(9)
    root = 0.04 * torch.randn(25, 25, generator=generator)
    clean = (torch.randn(500, 25, generator=generator) @ root.T).view(500, 1, 5, 5)
    filter_ = PatchFilter(clean)
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=generator)
    covariance = clean.flatten(1).T.cov(correction=0)
    gain = covariance @ torch.linalg.inv(covariance + 0.01 * torch.eye(25))
    expected = (noisy.flatten(1) - filter_.mean) @ gain.T + filter_.mean
    assert (filter_(noisy, lambda _: filter_.wiener(0.1)).flatten(1) - expected).abs().max() < 1e-4
