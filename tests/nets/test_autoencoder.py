"""Autoencoders: shapes, bounds that are bounds, and known answers."""

import math

import pytest
import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.nets.autoencoder import VAE, Autoencoder, PictureConfig, Posterior


@pytest.mark.parametrize("kind", ["conv", "mlp"])
@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 3), (8, 1), (6, 2)])
def test_a_reconstruction_has_the_pictures_shape(kind, size, channels):
    config = PictureConfig(size=size, channels=channels, code=5, kind=kind, width=4)
    x = torch.rand(3, channels, size, size)
    for model in (Autoencoder(config), VAE(config), VAE(config, "normal")):
        codes = model.encode(x)
        assert codes.shape == (3, 5)
        assert model(x).shape == x.shape
        assert torch.equal(model(x), model.decode(codes))


@pytest.mark.parametrize("sizes", [{"size": 30}, {"size": 50}, {"code": 0}, {"width": -1}, {"size": 0}])
def test_sizes_that_do_not_fit_are_one_line(sizes):
    with pytest.raises(GlassbookError, match=r"halved|at least 1"):
        PictureConfig(**{"size": 28, "channels": 1, "code": 4, **sizes})


def test_kl_of_normal_distributions():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(2, 4, 3)
    given = Posterior(mean, log_variance)
    normal = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(given.kl(), expected)
    assert torch.equal(Posterior(torch.zeros(1, 2), torch.zeros(1, 2)).kl(), torch.zeros(1, 2))
    many = given.sample(torch.randn(20_000, 4, 3))
    torch.testing.assert_close(many.mean(0), mean, atol=0.08, rtol=0)


@pytest.mark.parametrize("pixels", ["bernoulli", "normal"])
def test_likelihoods_are_those_of_torch(pixels):
    torch.manual_seed(0)
    model = VAE(PictureConfig(size=8, channels=1, code=3, kind="mlp", width=6), pixels)
    x, codes = torch.rand(4, 1, 8, 8).round(), torch.randn(4, 3)
    out = model.decoder(codes)
    if pixels == "bernoulli":
        expected = torch.distributions.Bernoulli(logits=out).log_prob(x)
    else:
        with torch.no_grad():
            model.log_sigma.fill_(-0.7)
        expected = torch.distributions.Normal(out, math.exp(-0.7)).log_prob(x)
    torch.testing.assert_close(model.log_likelihood(x, codes), expected.flatten(1).sum(1))


def test_bounds_lie_below_the_evidence_and_more_samples_are_tighter():
    """With a linear decoder and one pixel, x is normal with variance w^2 + sigma^2."""
    torch.manual_seed(0)
    model = VAE(PictureConfig(size=1, channels=1, code=1, kind="mlp", width=3), "normal")
    w, sigma = 1.5, 0.5

    class Scale(nn.Module):
        def forward(self, z):
            return (w * z)[:, :, None, None]

    model.decoder = Scale()
    with torch.no_grad():
        model.log_sigma.fill_(math.log(sigma))
        model.to_log_variance.weight.zero_()
        model.to_log_variance.bias.fill_(-0.5)
        x = torch.randn(400, 1, 1, 1)
        evidence = torch.distributions.Normal(0.0, math.hypot(w, sigma)).log_prob(x).mean()
        elbo = torch.stack([model.elbo(x, torch.randn(400, 1))[0] for _ in range(40)]).mean()
        few, many = (model.iwae(x, torch.randn(k, 400, 1)).mean() for k in (8, 2000))
    assert elbo < few < many
    assert many == pytest.approx(evidence.item(), abs=0.02)
    assert elbo < evidence - 0.1


def test_beta_weighs_the_divergence_alone():
    torch.manual_seed(0)
    model = VAE(PictureConfig(size=8, channels=1, code=3, width=4))
    x, noise = torch.rand(2, 1, 8, 8), torch.randn(2, 3)
    one, likelihood, kl = model.elbo(x, noise)
    four, same, _ = model.elbo(x, noise, beta=4.0)
    assert torch.equal(likelihood, same)
    torch.testing.assert_close(one - four, 3 * kl.sum(1))
